import assert from 'node:assert/strict'

import { fromArray, scope } from 'napi-torch'

import { predictionsOf, softmax } from '../../lib/classifier/predictions.js'

/** Few different numbers, so that many are equal. */
function randomLogits(length: number, seed: number): Float32Array {
  let state = seed
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor(state / 2 ** 27) - 16
  })
}

/** What a stable sort gives. */
function sorted(logits: Float32Array): number[] {
  return Array.from(logits.keys()).sort((one, other) => (logits[other] ?? NaN) - (logits[one] ?? NaN) || one - other)
}

describe('predictionsOf()', () => {
  it('gives the best classes, of equal ones the lower index, however many are asked for', () => {
    for (const length of [1, 2, 7, 40, 1000]) {
      for (const topK of [1, 2, 5, 32, 33, 1000]) {
        const logits = randomLogits(length, 31 * length + topK)

        const indices = predictionsOf(logits, topK, null).map(({ index }) => index)

        assert.deepEqual(indices, sorted(logits).slice(0, topK), `${topK} of ${length}`)
      }
    }
  })

  it('gives NaN first, and infinities at the ends', () => {
    for (const topK of [5, 40]) {
      const few = Float32Array.of(-Infinity, 1, NaN, Infinity, NaN)

      const indices = predictionsOf(few, topK, null).map(({ index }) => index)

      assert.deepEqual(indices, [2, 4, 3, 1, 0])
    }
  })

  it('names the classes, and none where there are no names', () => {
    const logits = Float32Array.of(0, 1)

    assert.deepEqual(
      predictionsOf(logits, 2, ['cat', 'dog']).map(({ label }) => label),
      ['dog', 'cat'],
    )
    assert.deepEqual(predictionsOf(logits, 1, null)[0]?.label, null)
  })
})

describe('softmax()', () => {
  it('gives what libtorch gives for the same logits', () => {
    const logits = randomLogits(1000, 1)
    const expected = scope(() =>
      fromArray(Float64Array.from(logits), [1000], { dtype: 'float64' }).softmax(0).toArray(),
    )

    const received = softmax(logits)

    for (const [index, value] of received.entries()) {
      assert.ok(Math.abs(value - (expected[index] ?? NaN)) <= 1e-15 + 1e-12 * value, `class ${index}`)
    }
  })
})
