import assert from 'node:assert/strict'

import { HALF_BINS, Histogram } from '../../../lib/engine/quantization/histogram.js'

/** The bins that are not empty, by the number at their lower edge. */
function binsOf({ counts, width }: Histogram): Map<number, number> {
  const bins = [...counts.entries()].filter(([, count]) => count > 0)
  return new Map(bins.map(([index, count]) => [(index - HALF_BINS) * width, count]))
}

/** Counts numbers in bins of a width by themselves. */
function countedIn(width: number, values: Iterable<number>): Map<number, number> {
  const bins = new Map<number, number>()
  for (const value of [...values].sort((one, other) => one - other)) {
    const edge = Math.floor(value / width) * width
    bins.set(edge, (bins.get(edge) ?? 0) + 1)
  }
  return bins
}

/** Numbers of many magnitudes, the same in each call. */
function numbers(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, index) => Math.sin(index) * 2 ** ((index * 7) % 13))
}

describe('Histogram', () => {
  it('counts numbers in the bins of its width', () => {
    const histogram = new Histogram()

    histogram.add(numbers(5000))

    assert.equal(histogram.width, 4096 / HALF_BINS)
    assert.deepEqual(binsOf(histogram), countedIn(histogram.width, numbers(5000)))
  })

  it('counts the same in whatever parts and order numbers come', () => {
    const all = numbers(3000)
    const [whole, parts] = [new Histogram(), new Histogram()]

    whole.add(all)
    for (let at = 0; at < all.length; at += 7) parts.add(all.slice(at, at + 7).reverse())

    assert.deepEqual([parts.counts, parts.width], [whole.counts, whole.width])
    assert.deepEqual([parts.min, parts.max, parts.count], [whole.min, whole.max, 3000])
  })

  it('knows the smallest and the largest number exactly', () => {
    const histogram = new Histogram()

    histogram.add(Float32Array.of(-0.1, 0.7))
    histogram.add(Float32Array.of(0.3))

    assert.deepEqual([histogram.min, histogram.max], [Math.fround(-0.1), Math.fround(0.7)])
  })

  it('puts a number at the edge of its range into a bin like any other', () => {
    const histogram = new Histogram()

    histogram.add(Float32Array.of(1, -1, 0.999))

    assert.deepEqual(
      binsOf(histogram),
      new Map([
        [-1, 1],
        [Math.floor(0.999 / histogram.width) * histogram.width, 1],
        [1, 1],
      ]),
    )
  })

  it('counts zeros before it knows any range', () => {
    const histogram = new Histogram()

    histogram.add(new Float32Array(5))
    histogram.add(Float32Array.of(3))

    assert.deepEqual(
      binsOf(histogram),
      new Map([
        [0, 5],
        [3, 1],
      ]),
    )
  })

  for (const bad of [NaN, Infinity, -Infinity]) {
    it(`counts nothing of an array with ${bad}, and says so`, () => {
      const histogram = new Histogram()

      const added = histogram.add(Float32Array.of(1, bad))

      assert.equal(added, false)
      assert.deepEqual([histogram.count, histogram.max], [0, -Infinity])
    })
  }
})
