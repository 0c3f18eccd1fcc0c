import assert from 'node:assert/strict'

import { scope, tensor } from 'napi-torch'

import { assertClose, assertTensorEqual, maxDifference } from './numeric.js'

describe('assertClose()', () => {
  it('names the worst element', () =>
    scope(() => {
      const actual = tensor([
        [1, 2],
        [3, 4.5],
      ])
      const expected = tensor([
        [1, 2.25],
        [3, 4],
      ])

      assert.throws(() => assertClose(actual, expected, { atol: 0.1 }), {
        message: '[1, 1] is 4.5, expected 4: they differ by 0.5 with tolerance 0.1 + 0 · |expected|',
      })
    }))

  it('takes NaN and infinities as equal to themselves', () =>
    scope(() => {
      assertClose(tensor([NaN, Infinity, -Infinity]), tensor([NaN, Infinity, -Infinity]))
    }))

  for (const [actual, expected] of [
    [1, NaN],
    [NaN, 1],
    [1, Infinity],
    [Infinity, 1],
    [Infinity, -Infinity],
    [Infinity, NaN],
  ] as const) {
    it(`tells ${actual} from ${expected} whatever the tolerance`, () =>
      scope(() => {
        assert.throws(() => assertClose(tensor([actual]), tensor([expected]), { atol: 10, rtol: 10 }), {
          message: `[0] is ${actual}, expected ${expected}: they differ by Infinity with tolerance 10 + 10 · |expected|`,
        })
      }))
  }

  it('tells dtypes and shapes apart', () =>
    scope(() => {
      assert.throws(() => assertClose(tensor([1]), tensor([1], { dtype: 'float64' })), { code: 'ERR_ASSERTION' })
      assert.throws(() => assertClose(tensor([1]), tensor(1)), { code: 'ERR_ASSERTION' })
    }))

  it('compares int64 beyond the integers of a double', () =>
    scope(() => {
      assert.throws(() => assertTensorEqual(tensor([2n ** 60n]), tensor([2n ** 60n + 1n])), { code: 'ERR_ASSERTION' })
    }))
})

describe('maxDifference()', () => {
  it('is the largest absolute difference', () =>
    scope(() => {
      assert.equal(maxDifference(tensor([1, -2]), tensor([1.5, -4])), 2)
    }))

  it('is 0 for equal tensors', () =>
    scope(() => {
      assert.equal(maxDifference(tensor([1, NaN]), tensor([1, NaN])), 0)
    }))
})
