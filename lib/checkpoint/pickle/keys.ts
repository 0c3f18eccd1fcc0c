import type { CheckpointValue } from '../values.js'

/**
 * Numbers up to this size are free as keys: engines place numbers in a Map or Set by a function without a secret, but of so few
 * numbers never enough share a place to matter.
 */
const MAX_FREE_KEY = 2 ** 20

/** Entries that share a place are compared about this fast, compared with one instruction. */
const COMPARISONS_PER_STEP = 8

/**
 * Gives the work of adding a key to a Map or Set of `size` entries: numbers can be chosen so that all share one place, and each is
 * then compared with all before it. Strings and objects are placed by secrets of the process.
 */
export function stepsToAdd(key: CheckpointValue, size: number): number {
  if (typeof key === 'bigint') return size / COMPARISONS_PER_STEP
  if (typeof key !== 'number') return 0
  const isFree = Number.isInteger(key) && key <= MAX_FREE_KEY && key >= -MAX_FREE_KEY
  return isFree ? 0 : size / COMPARISONS_PER_STEP
}
