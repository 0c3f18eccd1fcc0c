import assert from 'node:assert/strict'

import { CutMix, MixUp, rand, scope, tensor, zeros } from 'napi-torch'

describe('MixUp and CutMix', () => {
  it('take shares of classes for labels, and leave their inputs as they are', () =>
    scope(() => {
      const images = rand(2, 1, 4, 4)
      const before = images.clone()
      const labels = tensor([
        [1, 0],
        [0.5, 0.5],
      ])
      for (const mix of [new MixUp(), new CutMix()]) {
        const mixed = mix.apply(images, labels)

        assert.deepEqual(mixed.labels.shape, [2, 2])
        assert.ok(mixed.labels.sum(1).allclose(tensor([1, 1])))
      }
      assert.ok(images.allclose(before, { rtol: 0, atol: 0 }))
      assert.deepEqual([...labels.toFloat32Array()], [1, 0, 0.5, 0.5])
    }))

  it('refuse labels that are indices without the number of classes', () =>
    scope(() => {
      assert.throws(() => new MixUp().apply(zeros(1, 1, 2, 2), tensor([0n])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected the number of classes, as labels are indices, for numClasses, received null',
      })
    }))

  it('refuse as many labels as are no images', () =>
    scope(() => {
      assert.throws(() => new CutMix({ numClasses: 2 }).apply(zeros(2, 1, 2, 2), tensor([0n])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected 2 labels, as images for labels, received int64 (1,)',
      })
    }))
})
