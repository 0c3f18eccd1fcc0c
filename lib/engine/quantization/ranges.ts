import type { Range } from './qparams.js'
import { HALF_BINS, type Histogram } from './histogram.js'

/** How the range that uint8 stands for follows from the numbers that were observed. */
export const CALIBRATION_METHODS = ['minMax', 'percentile', 'entropy'] as const

/** One of {@link CALIBRATION_METHODS}. */
export type CalibrationMethod = (typeof CALIBRATION_METHODS)[number]

/** Selects the range for the numbers of a histogram. `percentile` is that of the method of this name. */
export function rangeOf(histogram: Histogram, method: CalibrationMethod, percentile: number): Range {
  if (histogram.count === 0) return { low: 0, high: 0 }
  switch (method) {
    case 'minMax':
      return { low: histogram.min, high: histogram.max }
    case 'percentile':
      return percentileRange(histogram, percentile)
    case 'entropy':
      return entropyRange(histogram)
  }
}

/** Leaves out at most `100 - percentile` % of the numbers at either end, as exactly as bins tell. */
function percentileRange(histogram: Histogram, percentile: number): Range {
  const { counts, width, count, min, max } = histogram
  const left = count * (1 - percentile / 100)
  const outer = (bins: Iterable<[number, number]>): number => {
    let seen = 0
    for (const [index, inBin] of bins) {
      seen += inBin
      if (seen > left) return index
    }
    return HALF_BINS
  }
  const entries = [...counts.entries()]
  const low = (outer(entries) - HALF_BINS) * width
  const high = (outer(entries.reverse()) - HALF_BINS + 1) * width
  return { low: Math.max(low, min), high: Math.min(high, max) }
}

/** Numbers that uint8 tells apart on one side of 0, where both sides occur and where one does. */
const LEVELS = { signed: 128, unsigned: 256 }
/** Steps in which thresholds are tried. */
const STRIDE = 16

/**
 * Selects the threshold for which the distribution of the numbers after rounding is nearest to that before, by the
 * Kullback-Leibler divergence. Follows S. Migacz, 8-bit Inference with TensorRT, 2017.
 */
function entropyRange(histogram: Histogram): Range {
  const { counts, width, min, max } = histogram
  const magnitudes = Float64Array.from({ length: HALF_BINS }, (_, index) => {
    return (counts[HALF_BINS + index] ?? 0) + (counts[HALF_BINS - 1 - index] ?? 0)
  })
  // Zeros are exact whatever the threshold is, and after ReLU so many that nothing else would count.
  magnitudes[0] = 0
  const isSigned = min < 0 && max > 0
  const levels = isSigned ? LEVELS.signed : LEVELS.unsigned
  const used = Math.ceil(Math.max(-min, max) / width)
  let best = used
  let least = Infinity
  for (let bins = levels; bins <= used; bins += STRIDE) {
    const divergence = divergenceOf(magnitudes, bins, levels)
    if (divergence >= least) continue
    least = divergence
    best = bins
  }
  const threshold = best * width
  return { low: Math.max(-threshold, min), high: Math.min(threshold, max) }
}

/** Of the distribution up to a threshold, where what lies beyond is put, from the same one rounded to `levels`. */
function divergenceOf(magnitudes: Float64Array, bins: number, levels: number): number {
  const inside = magnitudes.subarray(0, bins)
  const total = sum(magnitudes)
  const kept = sum(inside)
  if (kept === 0) return Infinity
  const beyond = total - kept
  let divergence = 0
  for (let level = 0; level < levels; level++) {
    const begin = Math.floor((level * bins) / levels)
    const end = Math.floor(((level + 1) * bins) / levels)
    const part = inside.subarray(begin, end)
    const occupied = part.reduce((count, value) => count + (value > 0 ? 1 : 0), 0)
    const each = sum(part) / occupied / kept
    for (const [offset, value] of part.entries()) {
      const share = (value + (begin + offset === bins - 1 ? beyond : 0)) / total
      if (share === 0) continue
      // Where rounding leaves nothing, what was put there counts as one number: else there is no divergence.
      divergence += share * Math.log(share / (value === 0 ? 1 / kept : each))
    }
  }
  return divergence
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0)
}
