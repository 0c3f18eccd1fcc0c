import assert from 'node:assert/strict'

import { compile, keep, manualSeed, ones, ops, randn, scope, tensor, zeros, type Tensor } from 'napi-torch'

import { runGraph } from '../../../lib/engine/run/interpret.js'
import { isGraphOperator } from '../../../lib/engine/trace/aten_operators.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { applied } from '../../support/graphs.js'
import { assertClose, assertTensorEqual } from '../../support/numeric.js'

const SHAPE = [2, 4, 6, 6]

/** Calls by schema that a graph can hold. */
const TRACED: readonly (readonly [title: string, body: (x: Tensor) => Tensor])[] = [
  ['one tensor', (x) => ops.aten('aten::silu', x)],
  ['arguments that are left out', (x) => ops.aten('aten::scaled_dot_product_attention', x, x, x, { is_causal: true })],
  ['a default in the middle', (x) => ops.aten('aten::hardtanh', x, { max_val: 0.5 })],
  ['several results', (x) => ops.aten<[Tensor, Tensor]>('aten::sort', x, 1)[1].float()],
  ['a list of results', (x) => ops.aten('aten::cat', ops.aten<Tensor[]>('aten::chunk', x, 2, 1).toReversed(), 1)],
  ['a list of tensors, one of them constant', (x) => ops.aten('aten::cat', [x, ones([x.size(0), 1, 6, 6])], 1)],
  [
    'a change in place',
    (x) => {
      const y = x.mul(2)
      ops.aten('aten::hardswish_', y)
      return y
    },
  ],
  [
    'a change that shows in a view that was taken before',
    (x) => {
      const y = x.mul(2)
      const [first] = ops.aten<Tensor[]>('aten::unbind.int', y, 1)
      ops.aten('aten::leaky_relu_', y, 0.1)
      return first ?? y
    },
  ],
  [
    'integers divided by a tensor',
    (x) => ops.aten('aten::remainder.Tensor', tensor([7n]), x.mul(0).add(2).to('int64')).float(),
  ],
]

const REFUSED: readonly (readonly [title: string, body: (x: Tensor) => Tensor, message: RegExp])[] = [
  ['random numbers', (x) => ops.aten('aten::bernoulli', x), /: aten::bernoulli draws random numbers/],
  ['dropout in training', (x) => ops.aten('aten::feature_dropout', x, 0.5, true), /aten::feature_dropout draws/],
  ['a shape that follows from elements', (x) => ops.aten('aten::nonzero', x), /aten::nonzero needs elements/],
  [
    'a number that follows from elements',
    (x) => (ops.aten<boolean>('aten::equal', x, x) ? x : x.neg()),
    /needs elements/,
  ],
  [
    'a change without an operator for a new tensor',
    (x) => ops.aten('aten::normal_', x.mul(1)),
    /aten::normal_ draws random numbers/,
  ],
]

describe('callAten() in a trace', () => {
  for (const [title, body] of TRACED) {
    it(`records ${title}, with equal results to the bit`, () =>
      scope(() => {
        manualSeed(1)
        const input = randn(SHAPE)

        const graph = trace(applied(body), SHAPE)

        assertTensorEqual(runGraph(graph, input), body(input))
      }))

    it(`compiles ${title}`, async () => {
      const model = applied(body)
      const input = keep(randn(SHAPE))
      const engine = await compile(model, { input: SHAPE.slice(1) })
      try {
        const output = await engine.run(input)
        scope(() => assertClose(output, body(input), { atol: 1e-6 }))
        output.dispose()
      } finally {
        await engine.close()
        input.dispose()
      }
    })
  }

  for (const [title, body, message] of REFUSED) {
    it(`refuses ${title}`, () =>
      scope(() => {
        assert.throws(() => trace(applied(body), SHAPE), { code: 'TORCH_TRACE', message })
      }))
  }

  it('refuses to change a parameter of the model', () =>
    scope(() => {
      const bias = zeros([1])
      const model = applied((x) => x.add(ops.aten('aten::add_.Scalar', bias, 1)))
      model.registerBuffer('bias', bias)

      assert.throws(() => trace(model, SHAPE), {
        code: 'TORCH_TRACE',
        message: /aten::add_.Scalar\(\) changes a parameter/,
      })
    }))
})

describe('isGraphOperator()', () => {
  it('tells what a file may name: no operator that writes, draws, reads elements or files, or is internal', () => {
    const names = [
      'aten::silu',
      'aten::unbind.int',
      'aten::silu_',
      'aten::bernoulli',
      'aten::nonzero',
      'aten::from_file',
    ]
    const others = ['aten::empty.memory_format', 'aten::_softmax', 'aten::size.int', 'aten::unknown', 'prim::device']

    assert.deepEqual([...names, ...others].filter(isGraphOperator), ['aten::silu', 'aten::unbind.int'])
  })
})
