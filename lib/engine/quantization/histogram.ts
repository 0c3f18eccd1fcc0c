/** Bins on either side of 0. After any number of batches at least half of them are within the range of the numbers. */
export const HALF_BINS = 4096

/**
 * Counts numbers in bins of equal width, whose range doubles whenever a number lies outside: bins are then joined in pairs,
 * so that the counts are what they would have been with the last range from the beginning, in any order of the numbers.
 */
export class Histogram {
  /** Numbers from `(index - HALF_BINS) * width` up to the next bin. */
  readonly counts: Float64Array = new Float64Array(2 * HALF_BINS)
  #min = Infinity
  #max = -Infinity
  #count = 0
  /** All numbers are nearer to 0. A power of two, so that the edges of bins have no roundings. */
  #radius = MIN_RADIUS

  /** The smallest number. */
  get min(): number {
    return this.#min
  }

  /** The largest number. */
  get max(): number {
    return this.#max
  }

  get count(): number {
    return this.#count
  }

  /** Of a bin. */
  get width(): number {
    return this.#radius / HALF_BINS
  }

  /** Counts all numbers of an array. Gives false, and counts none, if one of them is infinite or NaN. */
  add(values: Float32Array): boolean {
    let [min, max] = [this.#min, this.#max]
    for (const value of values) {
      // Also for NaN.
      if (!(Math.abs(value) < Infinity)) return false
      if (value < min) min = value
      if (value > max) max = value
    }
    this.#min = min
    this.#max = max
    this.#count += values.length
    while (Math.max(-min, max) >= this.#radius) this.#widen()

    const perWidth = 1 / this.width
    const { counts } = this
    for (const value of values) {
      const index = Math.floor(value * perWidth) + HALF_BINS
      counts[index] = (counts[index] ?? 0) + 1
    }
    return true
  }

  #widen(): void {
    const { counts } = this
    const joined = new Float64Array(counts.length)
    for (const [index, count] of counts.entries()) {
      const target = HALF_BINS + Math.floor((index - HALF_BINS) / 2)
      joined[target] = (joined[target] ?? 0) + count
    }
    counts.set(joined)
    this.#radius *= 2
  }
}

/** Below, numbers are 0 for all that matters here. */
const MIN_RADIUS = 2 ** -80
