import assert from 'node:assert/strict'

import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Identity,
  keep,
  Linear,
  manualSeed,
  MaxPool2d,
  memory,
  Module,
  ModuleList,
  ones,
  randn,
  ReLU,
  Sequential,
  Softmax,
  scope,
  zeros,
  type Tensor,
} from 'napi-torch'

import { runGraph } from '../../../lib/engine/run/interpret.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { applied, kindsOf, randomizeNorms } from '../../support/graphs.js'
import { assertTensorEqual } from '../../support/numeric.js'

const SHAPE = [2, 4, 9, 8]

/** Traces `model` and runs graph and model on the same random input: they must agree in every bit. */
function assertTraces(model: Module, shape: readonly number[] = SHAPE): void {
  model.double().eval()
  manualSeed(1)
  const input = randn(shape, { dtype: 'float64' })

  const graph = trace(model, shape, 'float64')

  assertTensorEqual(runGraph(graph, input), model.forward(input.clone()))
}

const LAYERS: readonly [name: string, make: () => Module, shape?: readonly number[]][] = [
  ['Conv2d', () => new Conv2d(4, 6, 3)],
  [
    'Conv2d with all options',
    () => new Conv2d(4, 6, [3, 5], { stride: [2, 1], padding: [1, 2], dilation: [2, 1], groups: 2, bias: false }),
  ],
  ['Conv2d of one image', () => new Conv2d(4, 6, 3), [4, 9, 8]],
  ["Conv2d with padding 'same'", () => new Conv2d(4, 4, 3, { padding: 'same', dilation: 2 })],
  ["Conv2d with padding 'same' and an even kernel", () => new Conv2d(4, 4, [4, 2], { padding: 'same', groups: 4 })],
  ["Conv2d with padding 'valid'", () => new Conv2d(4, 4, 3, { padding: 'valid', stride: 2 })],
  ...(['zeros', 'reflect', 'replicate', 'circular'] as const).map(
    (paddingMode) =>
      [
        `Conv2d with padding mode ${paddingMode}`,
        () => new Conv2d(4, 6, 3, { padding: [1, 2], paddingMode }),
      ] as const satisfies [string, () => Module],
  ),
  ['BatchNorm2d', () => new BatchNorm2d(4)],
  ['BatchNorm2d without scale', () => new BatchNorm2d(4, { affine: false })],
  ['BatchNorm2d without statistics', () => new BatchNorm2d(4, { trackRunningStats: false })],
  ['Linear', () => new Linear(8, 3)],
  ['Linear of rows', () => new Linear(8, 3, { bias: false }), [5, 8]],
  ['Linear of one row', () => new Linear(8, 3), [8]],
  ['ReLU', () => new ReLU()],
  ['ReLU in place', () => new ReLU({ inplace: true })],
  ['Softmax', () => new Softmax(1)],
  ['MaxPool2d', () => new MaxPool2d(3, { stride: 2, padding: 1 })],
  ['MaxPool2d rounded up', () => new MaxPool2d(2, { stride: [2, 3], ceilMode: true, dilation: [2, 1] })],
  [
    'MaxPool2d with a window that would begin in the padding',
    () => new MaxPool2d(2, { stride: 4, padding: 1, ceilMode: true }),
    [1, 1, 6, 3],
  ],
  ['MaxPool2d of one image', () => new MaxPool2d([2, 3]), [4, 9, 8]],
  ['AvgPool2d', () => new AvgPool2d([3, 2], { padding: 1, countIncludePad: false })],
  ['AvgPool2d rounded up', () => new AvgPool2d(2, { ceilMode: true, divisorOverride: 3 })],
  ['AdaptiveAvgPool2d', () => new AdaptiveAvgPool2d([3, null])],
  ['AdaptiveAvgPool2d of one image', () => new AdaptiveAvgPool2d(1), [4, 9, 8]],
  ['Flatten', () => new Flatten()],
  ['Dropout', () => new Dropout()],
  ['Identity', () => new Identity()],
  ['an empty Sequential', () => new Sequential()],
  ['a Sequential', () => new Sequential(new Conv2d(4, 3, 3), new ReLU({ inplace: true }), new Flatten())],
  ['nothing of a batch of none', () => new Conv2d(4, 6, 3), [0, 4, 9, 8]],
]

/** Keeps its output, which it must not use later. */
class Recalls extends Module {
  last: Tensor | null = null

  override forward(x: Tensor): Tensor {
    this.last = x.neg()
    return this.last
  }
}

describe('trace()', () => {
  for (const [name, make, shape] of LAYERS) {
    it(`records ${name}`, () => scope(() => assertTraces(randomizeNorms(make()), shape)))
  }

  it('records modules of a list, called in any order', () =>
    scope(() => {
      const list = new ModuleList([new ReLU(), new Conv2d(4, 4, 1)])
      const model = applied((x) => list.at(0).forward(list.at(1).forward(x)), { list })

      assertTraces(model)
      assert.deepEqual(
        trace(model, SHAPE).nodes.map(({ path }) => path),
        ['list.1', 'list.0'],
      )
    }))

  it('records what hooks do, in the name of their module', () =>
    scope(() => {
      const relu = new ReLU()
      const model = applied((x) => relu.forward(x), { relu })
      relu.registerForwardPreHook((_module, [x]) => x?.neg())
      relu.registerForwardHook((_module, _inputs, output) => output.abs())

      const { nodes } = trace(model, SHAPE)

      assert.deepEqual(
        nodes.map(({ kind, path }) => [kind, path]),
        [
          ['aten', 'relu'],
          ['relu', 'relu'],
          ['aten', 'relu'],
        ],
      )
    }))

  it("takes dtype and shape of the model's first parameter and of the call", () =>
    scope(() => {
      const model = new Conv2d(4, 6, 3).bfloat16().eval()

      const [input] = trace(model, SHAPE).inputs

      assert.deepEqual([input?.dtype, input?.shape], ['bfloat16', SHAPE])
      assert.equal(trace(new ReLU().eval(), SHAPE).inputs[0]?.dtype, 'float32')
      assert.equal(trace(new ReLU().eval(), SHAPE, 'int64').inputs[0]?.dtype, 'int64')
    }))

  it('gives the shapes to a model that asks for them', () =>
    scope(() => {
      const model = applied((x) => (x.shape[0] === 2 && x.isContiguous() ? x.neg().view([x.size(0), -1]) : x.abs()))

      assertTraces(model)
      assert.deepEqual(kindsOf(trace(model, [1, 3])), ['aten::abs'])
    }))

  it('shows what is written in place in all views, earlier and later ones', () =>
    scope(() => {
      assertTraces(
        applied((x) => {
          const y = x.neg()
          const [rows, turned, shared] = [y.view([2, -1]), y.transpose(0, 1), y.detach()]
          rows.mul_(3)
          shared.add_(1)
          y.relu_()
          return rows
            .sum({ dim: 1 })
            .add(turned.sum({ dim: [0, 2, 3] }))
            .add(y.select(0, 1).sum())
        }),
      )
    }))

  it('keeps apart what is written to a copy', () =>
    scope(() => {
      assertTraces(
        applied((x) => {
          const y = x.neg()
          const copy = y.clone()
          const turned = y.transpose(0, 1).reshape([-1])
          copy.add_(5)
          turned.mul_(2)
          return y.flatten().add(copy.flatten()).add(turned)
        }),
      )
    }))

  it('takes constants as they are when they are used', () =>
    scope(() => {
      assertTraces(
        applied((x) => {
          const mask = zeros([9, 8], { dtype: 'float64' })
          const first = x.add(mask.fill_(1))
          mask.mul_(3)
          return first.mul(mask).sub(mask.slice(0, 0, 1))
        }),
      )
    }))

  it('leaves the input of the caller alone where the model writes into it', () =>
    scope(() => {
      const graph = trace(new ReLU({ inplace: true }).eval(), [2])
      const input = ones([2]).neg()

      runGraph(graph, input)

      assert.deepEqual(input.tolist(), [-1, -1])
    }))

  it('owns the constants that are not of the model, and no other tensor stays alive', () => {
    const before = memory().tensors
    const model = applied((x) => x.mul(ones([8])).add(1))

    const graph = trace(model, SHAPE)

    assert.equal(graph.owned.size, 1)
    assert.equal(memory().tensors, before + 1)
    graph.dispose()
    assert.equal(memory().tensors, before)
  })

  it('keeps its constants as the result of a scope', () => {
    const model = applied((x) => x.mul(ones([8])))

    const graph = scope(() => trace(model, SHAPE))

    assert.deepEqual(
      [...graph.owned].map(({ isDisposed }) => isDisposed),
      [false],
    )
    graph.dispose()
  })

  it('leaves nothing behind of tensors that the model keeps', () =>
    scope(() => {
      const before = memory().tensors
      let kept: Tensor | null = null
      const model = applied((x) => {
        kept = keep(x.neg())
        return kept.abs()
      })

      trace(model, SHAPE)

      assert.equal(memory().tensors, before)
    }))

  it('takes a model that keeps in a field what it made in earlier calls and traces', () =>
    scope(() => {
      const model = new Recalls().eval()
      scope(() => model.forward(ones(SHAPE)))

      assert.deepEqual(kindsOf(trace(model, SHAPE)), ['aten::neg'])
      assert.deepEqual(kindsOf(trace(model, SHAPE)), ['aten::neg'])
    }))

  it('names no line where the model has no code of the caller', () =>
    scope(() => {
      const model = new Sequential(new Conv2d(4, 4, 1), new Dropout()).eval()
      model.at(1).registerForwardPreHook((dropout) => void dropout.train())

      assert.throws(() => trace(model, SHAPE), {
        code: 'TORCH_TRACE',
        message: 'Cannot trace 1 (Dropout): dropout() draws random numbers, of which each run would need others',
      })
    }))

  it('leaves the model as it was, also where it fails', () =>
    scope(() => {
      const relu = new ReLU()
      const model = applied((x) => (Number(x.max().item()) > 0 ? relu.forward(x) : x), { relu })
      const forward = Object.getOwnPropertyDescriptors(relu).forward

      assert.throws(() => trace(model, SHAPE), { code: 'TORCH_TRACE' })

      assert.deepEqual(Object.getOwnPropertyDescriptors(relu).forward, forward)
      assert.deepEqual(model.forward(ones([1])).tolist(), [1])
    }))
})
