import assert from 'node:assert/strict'

import { Conv2d, Embedding, memory, noGrad, scope, zeros } from 'napi-torch'

import { withoutMemory } from '../../lib/nn/parameter.js'

describe('withoutMemory()', () => {
  it('builds layers whose parameters have shapes and one element for all', () =>
    scope(() => {
      const before = memory().bytes

      const [conv, table] = withoutMemory(() => [
        new Conv2d(64, 64, 3, { dtype: 'float64' }),
        new Embedding(1000, 64, { paddingIdx: 0 }),
      ])

      assert.ok(memory().bytes - before < 1000, String(memory().bytes - before))
      assert.deepEqual(conv?.stateDict().get('weight')?.shape, [64, 64, 3, 3])
      assert.equal(conv?.stateDict().get('weight')?.dtype, 'float64')
      assert.deepEqual(table?.stateDict().get('weight')?.shape, [1000, 64])
    }))

  it('has an end: layers that are built later have memory again', () =>
    scope(() => {
      assert.throws(() => withoutMemory(() => new Conv2d(0, 1, 1)), { code: 'TORCH_INVALID_ARGUMENT' })

      const { weight } = new Conv2d(1, 1, 1)

      noGrad(() => weight.copy_(zeros([1, 1, 1, 1])))
      assert.equal(weight.item(), 0)
    }))

  it('builds what takes over the tensors of a state dict', () =>
    scope(() => {
      const [layer, source] = [withoutMemory(() => new Conv2d(3, 4, 3)), new Conv2d(3, 4, 3)]

      layer.loadStateDict(source.stateDict(), { assign: true })

      assert.ok(layer.weight.equal(source.weight))
      assert.ok(layer.forward(zeros([1, 3, 5, 5])).equal(source.forward(zeros([1, 3, 5, 5]))))
    }))
})
