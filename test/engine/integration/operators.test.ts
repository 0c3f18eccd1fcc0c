import assert from 'node:assert/strict'

import {
  arange,
  BatchNorm2d,
  cat,
  Conv2d,
  functional as F,
  Linear,
  manualSeed,
  ones,
  randn,
  scope,
  stack,
  tensor,
  type DType,
  type Tensor,
} from 'napi-torch'

import type { AtenNode } from '../../../lib/engine/ops/aten.js'
import { runGraph } from '../../../lib/engine/run/interpret.js'
import { ATEN_SCHEMAS } from '../../../lib/engine/trace/aten_calls.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { applied, kindsOf } from '../../support/graphs.js'
import { assertTensorEqual } from '../../support/numeric.js'
import { itWithPython, python } from '../../support/python.js'

interface OperatorRow {
  readonly name: string
  readonly body: (input: Tensor) => Tensor
  /** What it is recorded as. */
  readonly kinds: readonly string[]
  /** Default: float64. */
  readonly dtype?: DType
}

const SHAPE = [2, 4, 6, 5]

function row(name: string, body: OperatorRow['body'], kinds: string | readonly string[], dtype?: DType): OperatorRow {
  return { name, body, kinds: typeof kinds === 'string' ? [kinds] : kinds, ...(dtype && { dtype }) }
}

const other = (): Tensor => arange(5, { dtype: 'float64' }).add(1)
const kernels = (): Tensor => arange(8, { dtype: 'float64' }).view([2, 4, 1, 1])

const ROWS: readonly OperatorRow[] = [
  row('add() of two values', (x) => x.add(x.neg()), ['aten::neg', 'add']),
  row('add() with a factor', (x) => x.add(x, { alpha: 2 }), 'aten::add.Tensor'),
  row('add() of values that broadcast', (x) => x.add(x.select(0, 1)), ['aten::select.int', 'aten::add.Tensor']),
  row('add() of a constant', (x) => x.add(other()), 'aten::add.Tensor'),
  row('add() to a constant', (x) => other().add(x), 'aten::add.Tensor'),
  row('add() of a number', (x) => x.add(1.5, { alpha: 2 }), 'aten::add.Scalar'),
  row('add() of integers', (x) => x.add(x), 'aten::add.Tensor', 'int32'),
  row('sub() of a value', (x) => x.sub(x.abs()), ['aten::abs', 'aten::sub.Tensor']),
  row('sub() of a number', (x) => x.sub(3), 'aten::sub.Scalar'),
  row('mul() of a constant', (x) => x.mul(other()), 'aten::mul.Tensor'),
  row('mul() of a number', (x) => x.mul(0.5), 'aten::mul.Scalar'),
  row('mul() of integers by a fraction', (x) => x.mul(0.5), 'aten::mul.Scalar', 'int32'),
  row('div() by a constant', (x) => x.div(other()), 'aten::div.Tensor'),
  row('div() by a number', (x) => x.div(4), 'aten::div.Scalar'),
  row('div() rounded down', (x) => x.div(0.3, { roundingMode: 'floor' }), 'aten::div.Scalar_mode'),
  row('div() rounded to 0', (x) => x.div(other(), { roundingMode: 'trunc' }), 'aten::div.Tensor_mode'),
  row(
    'div() of integers rounded to 0',
    (x) => x.div(3, { roundingMode: 'trunc' }),
    ['div.Scalar_mode', 'mul.Scalar', 'ne.Tensor', 'lt.Scalar', 'mul.Tensor', 'add.Tensor'].map((op) => `aten::${op}`),
    'int32',
  ),
  row('pow() of a number', (x) => x.pow(2), 'aten::pow.Tensor_Scalar'),
  row('pow() of a constant', (x) => x.pow(tensor(3, { dtype: 'float64' })), 'aten::pow.Tensor_Tensor'),
  row('matmul()', (x) => x.matmul(x.transpose(2, 3)), ['aten::transpose.int', 'aten::matmul']),
  row('neg()', (x) => x.neg(), 'aten::neg'),
  row('abs()', (x) => x.abs(), 'aten::abs'),
  row('sqrt()', (x) => x.abs().sqrt(), ['aten::abs', 'aten::sqrt']),
  row('exp()', (x) => x.exp(), 'aten::exp'),
  row('log()', (x) => x.abs().log(), ['aten::abs', 'aten::log']),
  row('sigmoid()', (x) => x.sigmoid(), 'aten::sigmoid'),
  row('tanh()', (x) => x.tanh(), 'aten::tanh'),
  row('relu()', (x) => x.relu(), 'relu'),
  row('isnan()', (x) => x.isnan(), 'aten::isnan'),
  row('isfinite()', (x) => x.isfinite(), 'aten::isfinite'),
  row('clamp()', (x) => x.clamp({ min: -0.5, max: 6 }), 'aten::clamp'),
  row('clamp() on one side', (x) => x.clamp({ max: 0.5 }), 'aten::clamp'),
  ...(['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const).flatMap((op) => [
    row(`${op}() of a number`, (x) => x[op](0), `aten::${op}.Scalar`),
    row(`${op}() of a value`, (x) => x[op](x.abs()), ['aten::abs', `aten::${op}.Tensor`]),
  ]),
  row('sum()', (x) => x.sum(), 'aten::sum.dim_IntList'),
  row('sum() over dimensions', (x) => x.sum({ dim: [0, -1], keepdim: true }), 'aten::sum.dim_IntList'),
  row('sum() in another dtype', (x) => x.sum({ dim: 1, dtype: 'float32' }), 'aten::sum.dim_IntList'),
  row('mean()', (x) => x.mean({ dim: [2, 3] }), 'aten::mean.dim'),
  row('max()', (x) => x.max(), 'aten::amax'),
  row('min() over a dimension', (x) => x.min({ dim: 1, keepdim: true }), 'aten::amin'),
  row('argmax()', (x) => x.argmax({ dim: 1 }), 'aten::argmax'),
  row('argmax() of all', (x) => x.argmax(), 'aten::argmax'),
  row('the values of topk()', (x) => x.topk(2).values, 'aten::topk'),
  row('the indices of topk()', (x) => x.topk(3, { dim: 1, largest: false }).indices, 'aten::topk'),
  row('softmax()', (x) => x.softmax(1), 'aten::softmax.int'),
  row('softmax() in another dtype', (x) => F.softmax(x, -1, { dtype: 'float32' }), 'aten::softmax.int'),
  row('logSoftmax()', (x) => x.logSoftmax(-1), 'aten::log_softmax.int'),
  row('cat()', (x) => cat([x, x.neg()], { dim: 1 }), ['aten::neg', 'aten::cat']),
  row('cat() with a constant', (x) => cat([ones([2, 4, 1, 5], { dtype: 'float64' }), x], { dim: 2 }), 'aten::cat'),
  row('stack()', (x) => stack([x, x], { dim: -1 }), 'aten::stack'),
  row('split()', (x) => cat(x.split(4, { dim: -2 }).toReversed(), { dim: 2 }), [
    'aten::slice.Tensor',
    'aten::slice.Tensor',
    'aten::cat',
  ]),
  row('indexSelect()', (x) => x.indexSelect(3, tensor([4, 0, 0], { dtype: 'int64' })), 'aten::index_select'),
  row('flip()', (x) => x.flip([0, 3]), 'aten::flip'),
  row('permute()', (x) => x.permute([0, 2, 3, 1]), 'aten::permute'),
  row('transpose()', (x) => x.transpose(0, -1), 'aten::transpose.int'),
  row('select()', (x) => x.select(1, -1), 'aten::select.int'),
  row('slice()', (x) => x.slice(2, 1, 6, 2), 'aten::slice.Tensor'),
  row('slice() to the end', (x) => x.slice(-1, -2), 'aten::slice.Tensor'),
  row('narrow()', (x) => x.narrow(1, 1, 2), 'aten::slice.Tensor'),
  row('expand()', (x) => x.unsqueeze(0).expand([3, -1, 4, 6, 5]), ['reshape', 'aten::expand']),
  row('view()', (x) => x.view([2, -1]), 'reshape'),
  row('reshape() of what cannot be viewed', (x) => x.transpose(0, 1).reshape([-1]), ['aten::transpose.int', 'reshape']),
  row('flatten()', (x) => x.flatten(1), 'reshape'),
  row('squeeze()', (x) => x.slice(0, 0, 1).squeeze(), ['aten::slice.Tensor', 'reshape']),
  row('squeeze() of several', (x) => x.unsqueeze(0).unsqueeze(-1).squeeze([0, -1]), ['reshape', 'reshape', 'reshape']),
  row('unsqueeze()', (x) => x.unsqueeze(-1), 'reshape'),
  row('pad()', (x) => F.pad(x, [1, 2], { value: -1 }), 'aten::pad'),
  row('pad() of an image', (x) => F.pad(x, [1, 2, 0, 1], { mode: 'reflect' }), 'aten::pad'),
  row('pad() that takes away', (x) => F.pad(x, [-1, 0], { mode: 'constant' }), 'aten::pad'),
  row('to()', (x) => x.to('float32'), 'aten::to.dtype'),
  row('contiguous(), clone(), detach() and cpu()', (x) => x.contiguous().clone().detach().cpu().neg(), 'aten::neg'),
  row('channels_last', (x) => x.contiguous({ memoryFormat: 'channels_last' }).neg(), 'aten::neg'),
  row('conv2d() with computed kernels', (x) => F.conv2d(x, kernels().mul(x.max())), [
    'aten::amax',
    'aten::mul.Tensor',
    'aten::conv2d',
  ]),
  row(
    "conv2d() with computed kernels and padding 'same'",
    (x) => F.conv2d(x, kernels().mul(x.max()), { padding: 'same' }),
    ['aten::amax', 'aten::mul.Tensor', 'aten::conv2d.padding'],
  ),
  row(
    'conv2d() of a constant',
    (x) => F.conv2d(ones([1, 4, 8, 8], { dtype: 'float64' }), x.select(3, 0).unsqueeze(3)),
    ['aten::select.int', 'reshape', 'aten::conv2d'],
  ),
  row('linear() with a computed matrix', (x) => F.linear(x, x.select(0, 0).select(0, 0)), [
    'aten::select.int',
    'aten::select.int',
    'aten::linear',
  ]),
  row('linear() of rows', (x) => F.linear(x, ones([3, 5], { dtype: 'float64' })), ['reshape', 'linear', 'reshape']),
  row('batchNorm() by the batch', (x) => F.batchNorm(x, null, null, { training: true }), 'aten::batch_norm'),
  row('batchNorm() of (N, C, L)', (x) => F.batchNorm(x.flatten(2), ones64(4), ones64(4)), ['reshape', 'batchNorm']),
  row('maxPool2d() of one image', (x) => F.maxPool2d(x.select(0, 1), 2), [
    'aten::select.int',
    'reshape',
    'maxPool2d',
    'reshape',
  ]),
  row('adaptiveAvgPool2d()', (x) => F.adaptiveAvgPool2d(x, [3, null]), 'aten::adaptive_avg_pool2d'),
  row('dropout() in evaluation mode', (x) => F.dropout(x, { training: false }).neg(), 'aten::neg'),
  row('add_() of a value', (x) => x.neg().add_(x), ['aten::neg', 'add']),
  row('add_() that broadcasts', (x) => x.neg().add_(other()), ['aten::neg', 'aten::add.Tensor']),
  row('add_() of a wider dtype', (x) => x.float().add_(x), ['aten::to.dtype', 'aten::add.Tensor', 'aten::to.dtype']),
  row('sub_()', (x) => x.neg().sub_(1), ['aten::neg', 'aten::sub.Scalar']),
  row('mul_()', (x) => x.neg().mul_(x), ['aten::neg', 'aten::mul.Tensor']),
  row('div_()', (x) => x.neg().div_(2), ['aten::neg', 'aten::div.Scalar']),
  row('relu_()', (x) => x.neg().relu_(), ['aten::neg', 'relu']),
  row('copy_()', (x) => x.neg().copy_(x.select(1, 0).unsqueeze(1)), [
    'aten::neg',
    'aten::select.int',
    'reshape',
    'aten::expand',
  ]),
  row('copy_() of a constant', (x) => x.neg().copy_(other()), ['aten::neg', 'aten::expand']),
  row('zero_()', (x) => x.neg().zero_(), ['aten::neg', 'aten::full_like']),
]

function ones64(count: number): Tensor {
  return ones([count], { dtype: 'float64' })
}

function inputOf(dtype: DType = 'float64'): Tensor {
  manualSeed(5)
  return randn(SHAPE, { dtype: 'float64' }).mul(4).to(dtype)
}

describe('trace() of operators', () => {
  for (const { name, body, kinds, dtype = 'float64' } of ROWS) {
    it(`records ${name}, with the same result`, () =>
      scope(() => {
        const model = applied(body)
        const graph = trace(model, SHAPE, dtype)
        const input = inputOf(dtype)

        assert.deepEqual(kindsOf(graph), kinds)
        assertTensorEqual(runGraph(graph, input), model.forward(input.clone()))
      }))
  }

  it('covers every schema that a node may name', () =>
    scope(() => {
      const named = ROWS.flatMap(({ body, dtype }) => kindsOf(trace(applied(body), SHAPE, dtype ?? 'float64')))

      assert.deepEqual([...ATEN_SCHEMAS].sort(), [...new Set(named.filter((kind) => kind.startsWith('aten::')))].sort())
    }))

  itWithPython('gives each schema of libtorch the arguments that it takes, and foretells its results', () =>
    scope(() => {
      const graphs = ROWS.map(({ body, dtype }) => trace(applied(body), SHAPE, dtype ?? 'float64'))
      const nodes = graphs.flatMap((graph) => graph.nodes.filter((node) => node.kind === 'aten'))
      const calls = nodes.map(plainCall)

      const received: unknown = JSON.parse(python(CALL_BY_SCHEMA, [JSON.stringify(calls)]))

      assert.deepEqual(
        received,
        calls.map(({ outputs }) => outputs),
      )
    }),
  )

  it('keeps the layers of a model as nodes with its own tensors', () =>
    scope(() => {
      const conv = new Conv2d(4, 2, 3)
      const norm = new BatchNorm2d(2)
      const fc = new Linear(3, 1)
      const model = applied((x) => fc.forward(norm.forward(conv.forward(x)).flatten(1, 2)), { conv, norm, fc })

      const { nodes, owned } = trace(model, SHAPE)

      assert.deepEqual(
        nodes.map(({ kind, path }) => [kind, path]),
        [
          ['conv2d', 'conv'],
          ['batchNorm', 'norm'],
          ['reshape', ''],
          ['reshape', 'fc'],
          ['linear', 'fc'],
          ['reshape', 'fc'],
        ],
      )
      const [first, second] = nodes
      assert.ok(first?.kind === 'conv2d' && first.weight === conv.weight && first.bias === conv.bias)
      assert.ok(second?.kind === 'batchNorm' && second.mean === norm.buffer('running_mean'))
      assert.equal(owned.size, 0)
    }))
})

interface PlainCall {
  readonly schema: string
  /** Each tensor as its dtype and shape. */
  readonly args: readonly unknown[]
  readonly outputs: readonly unknown[]
}

function plainCall({ schema, args, outputs }: AtenNode): PlainCall {
  const plain = ({ dtype, shape }: { dtype: string; shape: readonly number[] }): unknown => ({ dtype, shape })
  return {
    schema,
    args: args.map((argument) => {
      if ('value' in argument) return plain(argument.value)
      if ('constant' in argument) return plain(argument.constant)
      if ('literal' in argument) return argument.literal
      if ('default' in argument) return null
      return 'sizes' in argument ? argument.sizes : argument.values.map(plain)
    }),
    outputs: outputs.map(plain),
  }
}

const CALL_BY_SCHEMA = `
import json, sys, torch

def tensor(spec):
    return torch.ones(spec['shape'], dtype=getattr(torch, spec['dtype']))

def argument(value, type_name):
    if isinstance(value, dict):
        return tensor(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [tensor(entry) for entry in value]
    if 'ScalarType' in type_name and value is not None:
        return getattr(torch, value)
    return value

results = []
for call in json.loads(sys.argv[1]):
    name, _, overload = call['schema'].removeprefix('aten::').partition('.')
    operator = getattr(getattr(torch.ops.aten, name), overload or 'default')
    names = [entry.name for entry in operator._schema.arguments]
    assert len(names) == len(call['args']), (call['schema'], names)
    # From the text of the schema, as its objects call a ScalarType an int.
    text = str(operator._schema)
    parameters = text[text.index('(') + 1:text.rindex(') ->')].replace('*, ', '').split(', ')
    kinds = {part.split(' ')[1].split('=')[0]: part.split(' ')[0] for part in parameters if ' ' in part}
    keywords = {key: argument(value, kinds.get(key, '')) for key, value in zip(names, call['args'])}
    result = operator(**keywords)
    outputs = result if isinstance(result, (tuple, list)) else [result]
    results.append([{'dtype': str(out.dtype).removeprefix('torch.'), 'shape': list(out.shape)} for out in outputs])
print(json.dumps(results))
`
