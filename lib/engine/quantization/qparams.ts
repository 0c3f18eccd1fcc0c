/** How uint8 elements stand for numbers: an element `q` for `(q - zeroPoint) * scale`. */
export interface QParams {
  /** A positive float32. */
  readonly scale: number
  /** The element that stands for 0, from 0 to 255. */
  readonly zeroPoint: number
}

/** The smallest and the largest number that elements are to stand for. */
export interface Range {
  readonly low: number
  readonly high: number
}

/** An element stands for itself: how oneDNN's operators are told to give float32. */
export const UNIT_QPARAMS: QParams = { scale: 1, zeroPoint: 0 }

const MAX_UINT8 = 255

/** Spreads uint8 over a range, which is widened where it lacks 0: padding and ReLU make that number exactly. */
export function qparamsOfRange({ low, high }: Range): QParams {
  const [least, most] = [Math.min(low, 0), Math.max(high, 0)]
  const scale = Math.fround((most - least) / MAX_UINT8)
  // Zeros alone, or nearly: any scale keeps them.
  if (scale < MIN_SCALE) return UNIT_QPARAMS
  return { scale, zeroPoint: Math.round((0 - least) / scale) }
}

/** So large that its reciprocal is a float32, too. */
const MIN_SCALE = 2 ** -100
