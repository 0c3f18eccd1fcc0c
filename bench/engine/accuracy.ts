/** How far logits are from those that float64 gives. */
export interface Accuracy {
  /** The largest difference, divided by the largest logit. */
  readonly error: number
  /** Images for which the same class is first. */
  readonly agreement: number
  readonly images: number
}

/** Compares float32 logits, in base64, with the first rows of `reference`. */
export function accuracyOf(base64: string, reference: Float64Array, classes: number): Accuracy {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
  const logits = new Float32Array(bytes.buffer)
  const images = logits.length / classes
  const expected = reference.subarray(0, logits.length)
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const error = expected.reduce((most, value, index) => {
    const difference = Math.abs((logits[index] ?? NaN) - value)
    // Not a number is as far as can be.
    return difference <= most ? most : Number.isNaN(difference) ? Infinity : difference
  }, 0)
  const agreement = Array.from({ length: images }, (_, image) => {
    const at = image * classes
    return largest(logits, at, classes) === largest(expected, at, classes)
  }).filter(Boolean).length
  return { error: error / scale, agreement, images }
}

/** Index of the largest of `count` values from `first` on. */
function largest(values: ArrayLike<number>, first: number, count: number): number {
  let best = first
  for (let index = first; index < first + count; index++) {
    if ((values[index] ?? NaN) > (values[best] ?? NaN)) best = index
  }
  return best
}
