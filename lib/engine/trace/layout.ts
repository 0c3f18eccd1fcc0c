import type { Facts } from './symbolic.js'

/** Orders of the dimensions by their strides, the largest first. */
const ROW_MAJOR = [0, 1, 2, 3] as const
const CHANNELS_LAST = [0, 2, 3, 1] as const

/** Strides of elements that lie row by row. */
export function contiguousStrides(shape: readonly number[]): number[] {
  return stridesOf(
    shape,
    shape.map((_, dim) => dim),
  )
}

/**
 * Gives what is known of a result of the given shape whose elements lie as those of `like` do, the layers' rule: row by
 * row, or channels-last. Null if they lie in another way.
 */
export function laidOutAs(like: Facts, shape: readonly number[]): Facts | null {
  const order = isOrdered(like, ROW_MAJOR) ? ROW_MAJOR : isOrdered(like, CHANNELS_LAST) ? CHANNELS_LAST : null
  if (order === null) return null
  const { dtype, device } = like
  const strides = order === ROW_MAJOR ? contiguousStrides(shape) : stridesOf(shape, order)
  return { shape, strides, storageOffset: 0, dtype, device }
}

/** Tells whether elements are channels-last, and not also row by row. */
export function isChannelsLast(facts: Pick<Facts, 'shape' | 'strides'>): boolean {
  return !isOrdered(facts, ROW_MAJOR) && isOrdered(facts, CHANNELS_LAST)
}

/** Gives the same tensor (N, C, H, W) channels-last. */
export function inChannelsLast(facts: Facts): Facts {
  return { ...facts, strides: stridesOf(facts.shape, CHANNELS_LAST) }
}

function isOrdered({ shape, strides }: Pick<Facts, 'shape' | 'strides'>, order: readonly number[]): boolean {
  if (order === CHANNELS_LAST && shape.length !== 4) return false
  const wanted = order === ROW_MAJOR ? contiguousStrides(shape) : stridesOf(shape, order)
  // In a dimension of size 1 the stride means nothing.
  return shape.includes(0) || shape.every((size, dim) => size === 1 || strides[dim] === wanted[dim])
}

function stridesOf(shape: readonly number[], order: readonly number[]): number[] {
  const strides = shape.map(() => 1)
  let stride = 1
  for (const dim of order.toReversed()) {
    strides[dim] = stride
    stride *= Math.max(shape[dim] ?? 1, 1)
  }
  return strides
}
