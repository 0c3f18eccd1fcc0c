import assert from 'node:assert/strict'

import { Histogram } from '../../../lib/engine/quantization/histogram.js'
import { qparamsOfRange } from '../../../lib/engine/quantization/qparams.js'
import { rangeOf } from '../../../lib/engine/quantization/ranges.js'

function histogramOf(values: Iterable<number>): Histogram {
  const histogram = new Histogram()
  histogram.add(Float32Array.from(values))
  return histogram
}

/** `count` numbers spread evenly from `low` to `high`. */
function even(count: number, low: number, high: number): number[] {
  return Array.from({ length: count }, (_, index) => low + ((high - low) * index) / (count - 1))
}

describe('rangeOf()', () => {
  it('takes all numbers by minMax', () => {
    const histogram = histogramOf([-0.25, 1, 7.5])

    assert.deepEqual(rangeOf(histogram, 'minMax', 100), { low: -0.25, high: 7.5 })
  })

  it('leaves out what lies beyond the percentile at either end, within a bin', () => {
    const histogram = histogramOf(even(10_001, -10, 10))

    const { low, high } = rangeOf(histogram, 'percentile', 99)

    assert.ok(Math.abs(low + 9.8) <= histogram.width, `${low}`)
    assert.ok(Math.abs(high - 9.8) <= histogram.width, `${high}`)
  })

  it('takes all numbers by the percentile 100', () => {
    const histogram = histogramOf([-3, 0.1, 5])

    assert.deepEqual(rangeOf(histogram, 'percentile', 100), { low: -3, high: 5 })
  })

  it('keeps 0 as the lower end of what ReLU makes', () => {
    const histogram = histogramOf([...even(1000, 0, 0), ...even(1000, 0, 4)])

    assert.equal(rangeOf(histogram, 'percentile', 99.9).low, 0)
    assert.equal(rangeOf(histogram, 'entropy', 100).low, 0)
  })

  it('lets a few far numbers go by entropy', () => {
    const histogram = histogramOf([...even(100_000, 0, 1), 64])

    const { high } = rangeOf(histogram, 'entropy', 100)

    assert.ok(high >= 1 && high < 10, `${high}`)
  })

  it('keeps all numbers that are spread evenly by entropy', () => {
    const histogram = histogramOf(even(100_000, -1, 1))

    const { low, high } = rangeOf(histogram, 'entropy', 100)

    assert.ok(high > 0.95 && low < -0.95, `${low} to ${high}`)
  })

  it('gives nothing for no numbers', () => {
    assert.deepEqual(rangeOf(new Histogram(), 'percentile', 99), { low: 0, high: 0 })
  })
})

describe('qparamsOfRange()', () => {
  const rows = [
    { low: 0, high: 255, scale: 1, zeroPoint: 0 },
    { low: -255, high: 0, scale: 1, zeroPoint: 255 },
    { low: -1, high: 1, scale: Math.fround(2 / 255), zeroPoint: 127 },
    { low: 3, high: 51, scale: Math.fround(51 / 255), zeroPoint: 0 },
    { low: -51, high: -3, scale: Math.fround(51 / 255), zeroPoint: 255 },
    { low: 0, high: 0, scale: 1, zeroPoint: 0 },
    { low: 0, high: 1e-40, scale: 1, zeroPoint: 0 },
  ]
  for (const { low, high, ...wanted } of rows) {
    it(`gives ${wanted.scale} and ${wanted.zeroPoint} for ${low} to ${high}`, () => {
      assert.deepEqual(qparamsOfRange({ low, high }), wanted)
    })
  }
})
