import assert from 'node:assert/strict'

import type { Tensor } from 'napi-torch'

/** How far elements may be apart: |actual - expected| ≤ atol + rtol · |expected|, as in `torch.testing.assert_close`. */
export interface Tolerance {
  /** Default: `0`. */
  readonly atol?: number
  /** Default: `0`. */
  readonly rtol?: number
}

/** The element that is farthest from what it should be. */
export interface Difference {
  readonly index: readonly number[]
  readonly actual: number | bigint
  readonly expected: number | bigint
  /** Infinite where only one is NaN or the infinities differ. */
  readonly absolute: number
}

/** Fails unless shape, dtype and, within the tolerance, all elements are equal; NaN equals NaN. Names the worst element. */
export function assertClose(actual: Tensor, expected: Tensor, { atol = 0, rtol = 0 }: Tolerance = {}): void {
  assert.deepEqual([actual.dtype, actual.shape], [expected.dtype, expected.shape], 'dtype and shape differ')
  const worst = farthest(actual, expected, atol, rtol)
  if (worst === null) return
  assert.fail(
    `[${worst.index.join(', ')}] is ${worst.actual}, expected ${worst.expected}: ` +
      `they differ by ${worst.absolute} with tolerance ${atol} + ${rtol} · |expected|`,
  )
}

/** Fails unless shape, dtype and all elements are equal; NaN equals NaN. */
export function assertTensorEqual(actual: Tensor, expected: Tensor): void {
  assertClose(actual, expected)
}

/** Tells whether {@link assertClose} would pass. */
export function isClose(actual: Tensor, expected: Tensor, { atol = 0, rtol = 0 }: Tolerance = {}): boolean {
  return actual.dtype === expected.dtype && farthest(actual, expected, atol, rtol) === null
}

/** The largest absolute difference of two tensors of one shape. */
export function maxDifference(actual: Tensor, expected: Tensor): number {
  assert.deepEqual(actual.shape, expected.shape, 'shapes differ')
  // A tolerance that no element meets, so that the farthest is found however near it is.
  return farthest(actual, expected, -1, 0)?.absolute ?? 0
}

function farthest(actual: Tensor, expected: Tensor, atol: number, rtol: number): Difference | null {
  const received = elements(actual)
  const wanted = elements(expected)
  let worst = -1
  let worstExcess = 0
  let worstAbsolute = 0
  for (const [index, value] of wanted.entries()) {
    const absolute = distance(received[index] ?? NaN, value)
    // NaN and infinities have no neighborhood.
    const allowed = atol + (Number.isFinite(Number(value)) ? rtol * Math.abs(Number(value)) : 0)
    const excess = absolute - allowed
    if (!(excess > worstExcess)) continue
    worst = index
    worstExcess = excess
    worstAbsolute = absolute
  }
  const [is, should] = [received[worst], wanted[worst]]
  if (is === undefined || should === undefined) return null
  return { index: indexOf(worst, expected.shape), actual: is, expected: should, absolute: worstAbsolute }
}

function elements(
  tensor: Tensor,
): ArrayLike<number | bigint> & { entries(): IterableIterator<[number, number | bigint]> } {
  // 16-bit floats come as their bits; as float32 they are exact.
  return tensor.dtype === 'float16' || tensor.dtype === 'bfloat16' ? tensor.toFloat32Array() : tensor.toArray()
}

function distance(actual: number | bigint, expected: number | bigint): number {
  if (Object.is(actual, expected) || actual === expected) return 0
  if (typeof actual === 'bigint' || typeof expected === 'bigint') {
    return Math.abs(Number(BigInt(actual) - BigInt(expected)))
  }
  const apart = Math.abs(actual - expected)
  return Number.isNaN(apart) ? Infinity : apart
}

function indexOf(position: number, shape: readonly number[]): number[] {
  const index: number[] = []
  for (const size of [...shape].reverse()) {
    index.unshift(position % size)
    position = Math.floor(position / size)
  }
  return index
}
