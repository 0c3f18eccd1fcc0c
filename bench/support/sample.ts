/** The middle of several measurements and how far they reach. */
export interface Sample {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** Summarizes measurements, of which there must be one. */
export function sampleOf(values: readonly number[]): Sample {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? NaN
  const half = (sorted.length - 1) / 2
  return { median: (at(Math.floor(half)) + at(Math.ceil(half))) / 2, min: at(0), max: at(sorted.length - 1) }
}

/** Prints as `12.3 (10.1–15.0)`. */
export function formatSample({ median, min, max }: Sample, digits = 1): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}
