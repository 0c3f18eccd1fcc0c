import assert from 'node:assert/strict'

import { arange, full, scope, zeros } from 'napi-torch'

describe('native copy_()', () => {
  const sizes = [
    ['small', 1_000],
    ['of 20 MiB, which are copied by several threads,', 5 * 2 ** 20],
  ] as const
  for (const [name, numel] of sizes) {
    it(`copies tensors ${name} to the bit`, () =>
      scope(() => {
        const source = arange(numel, { dtype: 'float32' })
        const target = zeros([numel]).copy_(source)

        assert.ok(target.equal(source))
      }))
  }

  it('copies elements, not memory, where the layouts differ', () =>
    scope(() => {
      const source = arange(6, { dtype: 'float32' }).view([2, 3])
      const target = zeros([3, 2]).copy_(source.transpose(0, 1))

      assert.deepEqual(target.tolist(), [
        [0, 3],
        [1, 4],
        [2, 5],
      ])
    }))

  it('converts and repeats elements', () =>
    scope(() => {
      const target = zeros([2, 2], { dtype: 'int32' }).copy_(full([2], 3))

      assert.deepEqual(target.tolist(), [
        [3, 3],
        [3, 3],
      ])
    }))

  it('refuses tensors that overlap, as libtorch does', () =>
    scope(() => {
      const whole = arange(10, { dtype: 'float32' })

      assert.throws(() => whole.slice(0, 1).copy_(whole.slice(0, 0, 9)), { code: 'TORCH_OPERATOR' })
    }))

  it('copies nothing', () =>
    scope(() => {
      assert.deepEqual(zeros([0, 3]).copy_(zeros([0, 3])).shape, [0, 3])
    }))
})
