import { expected, isIntegerArray } from '../util/check.js'
import type { NoOptions, Signature } from '../util/signature.js'

/** What a call that begins with sizes was given. */
export interface SizesAndRest {
  /** In one array; what was given instead if it is neither that nor numbers. */
  readonly sizes: unknown
  /** As they were given, for messages. */
  readonly shown: readonly unknown[]
  /** What follows. */
  readonly rest: readonly unknown[]
}

/** Takes sizes, in one array or one after the other, from the arguments of a call. */
export function splitSizes(given: readonly unknown[]): SizesAndRest {
  const end = given.findIndex((value) => typeof value !== 'number')
  const count = end === -1 ? given.length : end
  if (count > 0) return { sizes: given.slice(0, count), shown: given.slice(0, count), rest: given.slice(count) }
  return { sizes: given[0], shown: given.slice(0, 1), rest: given.slice(1) }
}

/**
 * Gives integers that were given in one array or one after the other, to a function that takes nothing else.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if they are no integers: `what` says what they are to be.
 */
export function readIntegers(
  signature: Signature<NoOptions>,
  given: readonly unknown[],
  [what, name]: readonly [what: string, name: string],
): readonly number[] {
  const { sizes, shown, rest } = splitSizes(given)
  signature.read(shown, [])
  if (!isIntegerArray(sizes) || rest.length > 0) throw expected(what, name, rest.length > 0 ? given : sizes)
  return sizes
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is an integer or an array of them. */
export function integers(name: string, value: unknown): readonly number[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (!list.every((item): item is number => Number.isSafeInteger(item))) {
    throw expected('an integer or an array of integers', name, value)
  }
  return list
}
