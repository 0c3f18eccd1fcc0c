/** How an output differs from PyTorch's. */
export interface Difference {
  /** The largest difference of two elements at one place; NaN if one of them is NaN where the other is not. */
  readonly maxAbs: number
  /**
   * That, as a share of the largest element of PyTorch's output. Not of each element: next to zero, a difference of the last
   * bit of a sum is many times the result.
   */
  readonly maxRel: number
  /** Of the angle between the two, all elements taken as one vector; NaN where one is zero. */
  readonly cosine: number
}

/** Compares two outputs of one shape. */
export function differenceOf(actual: Float32Array, expected: Float32Array): Difference {
  let [maxAbs, largest, dot, ours, theirs] = [0, 0, 0, 0, 0]
  for (let index = 0; index < expected.length; index++) {
    const [one, other] = [actual[index] ?? NaN, expected[index] ?? NaN]
    // Infinity and NaN are equal to themselves.
    if (!Object.is(one, other)) {
      const difference = Math.abs(one - other)
      if (!(difference <= maxAbs)) maxAbs = difference
    }
    largest = Math.max(largest, Math.abs(other))
    dot += one * other
    ours += one * one
    theirs += other * other
    if (Number.isNaN(maxAbs)) return { maxAbs, maxRel: NaN, cosine: NaN }
  }
  return { maxAbs, maxRel: maxAbs === 0 ? 0 : maxAbs / largest, cosine: dot / Math.sqrt(ours * theirs) }
}
