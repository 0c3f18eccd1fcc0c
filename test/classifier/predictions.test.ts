import assert from 'node:assert/strict'

import { ACTIVATIONS, fromArray, scope } from 'napi-torch'

import { predictionsOf, probabilitiesOf } from '../../lib/classifier/predictions.js'

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

        const indices = predictionsOf(logits, { topK, labels: null, activation: 'softmax' }).map(({ index }) => index)

        assert.deepEqual(indices, sorted(logits).slice(0, topK), `${topK} of ${length}`)
      }
    }
  })

  it('gives NaN first, and infinities at the ends', () => {
    for (const topK of [5, 40]) {
      const few = Float32Array.of(-Infinity, 1, NaN, Infinity, NaN)

      const indices = predictionsOf(few, { topK, labels: null, activation: 'softmax' }).map(({ index }) => index)

      assert.deepEqual(indices, [2, 4, 3, 1, 0])
    }
  })

  it('names the classes, and none where there are no names', () => {
    const logits = Float32Array.of(0, 1)

    assert.deepEqual(
      predictionsOf(logits, { topK: 2, labels: ['cat', 'dog'], activation: 'softmax' }).map(({ label }) => label),
      ['dog', 'cat'],
    )
    assert.deepEqual(predictionsOf(logits, { topK: 1, labels: null, activation: 'softmax' })[0]?.label, null)
  })
})

describe('probabilitiesOf()', () => {
  for (const activation of ACTIVATIONS) {
    it(`gives what libtorch's ${activation} gives for the same logits`, () => {
      const logits = randomLogits(1000, 1)
      const expected = scope(() => {
        const values = fromArray(Float64Array.from(logits), [1000], { dtype: 'float64' })
        return (activation === 'softmax' ? values.softmax(0) : values.sigmoid()).toArray()
      })

      const received = probabilitiesOf(logits, activation)

      for (const [index, value] of received.entries()) {
        assert.ok(Math.abs(value - Number(expected[index])) <= 1e-15 + 1e-12 * value, `class ${index}`)
      }
    })
  }
})
