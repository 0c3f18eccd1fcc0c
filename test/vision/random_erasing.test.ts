import assert from 'node:assert/strict'

import { arange, RandomErasing, scope, zeros } from 'napi-torch'
import { functional } from 'napi-torch/vision'

describe('RandomErasing', () => {
  it('leaves its input as it is', () =>
    scope(async () => {
      const input = arange(3 * 20 * 20).reshape([3, 20, 20])

      const erased = await new RandomErasing({ p: 1, value: -1 }).apply(input)

      assert.ok(Math.min(...erased.toFloat32Array()) === -1)
      assert.deepEqual(input.toFloat32Array(), arange(1200).toFloat32Array())
    }))

  it('refuses as many values as are no channels', () =>
    scope(async () => {
      await assert.rejects(new RandomErasing({ p: 1, value: [1, 2] }).apply(zeros(3, 20, 20)), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected 1 or 3 numbers for value, received [1, 2]',
      })
    }))

  it('refuses another text than random', () => {
    assert.throws(() => new RandomErasing({ value: 'noise' as 'random' }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a number, an array of numbers or \'random\' for value, received "noise"',
    })
  })
})

describe('erase()', () => {
  it('replaces a part by one number for each channel', () =>
    scope(() => {
      const erased = functional.erase(zeros(2, 2, 3), 1, 1, 1, 2, [5, 7])

      assert.deepEqual([...erased.toFloat32Array()], [0, 0, 0, 0, 5, 5, 0, 0, 0, 0, 7, 7])
    }))

  it('refuses a part that is not inside', () =>
    scope(() => {
      assert.throws(() => functional.erase(zeros(1, 4, 4), 2, 0, 3, 4, 0), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a part inside of 4 pixels for height, received 3',
      })
    }))
})
