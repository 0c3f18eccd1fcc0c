/** How bytes stand for numbers: a byte `b` for `(b - zeroPoint) * scale`. */
export interface ByteScale {
  /** A positive float32. */
  readonly scale: number
  /** The byte that stands for 0, from 0 to 255. */
  readonly zeroPoint: number
}

/** The smallest and the largest number that bytes are to stand for. */
export interface Range {
  readonly low: number
  readonly high: number
}

/** The largest byte. */
const LARGEST = 255

/** Spreads the bytes over a range, which is widened where it lacks 0: padding and ReLU make that number exactly. */
export function byteScaleOf({ low, high }: Range): ByteScale {
  const [least, most] = [Math.min(low, 0), Math.max(high, 0)]
  const scale = Math.fround((most - least) / LARGEST)
  // Nothing but zeros, or nearly: whatever the scale is, they stay what they are.
  if (scale < SMALLEST_SCALE) return { scale: 1, zeroPoint: 0 }
  return { scale, zeroPoint: Math.round((0 - least) / scale) }
}

/** So large that its reciprocal is a float32, too. */
const SMALLEST_SCALE = 2 ** -100
