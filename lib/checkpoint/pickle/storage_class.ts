import type { Fail } from '../failure.js'
import { STORAGE_CLASSES } from '../storage_types.js'
import { describeValue, PickledGlobal, type CheckpointValue } from '../values.js'

const MODULES: ReadonlySet<string> = new Set(['torch', 'torch.cuda', 'torch.storage'])

/**
 * Gives the element type of a storage class such as `torch.FloatStorage`.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if it is none.
 */
export function elementTypeOf(type: CheckpointValue | undefined, fail: Fail): string {
  const known = type instanceof PickledGlobal && MODULES.has(type.module)
  const dtype = known ? STORAGE_CLASSES.get(type.name) : undefined
  if (dtype !== undefined) return dtype
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a storage class, found ${describeValue(type)}`)
}

/** Tells whether `value` is an integer of at least 0 that a double holds exactly. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
