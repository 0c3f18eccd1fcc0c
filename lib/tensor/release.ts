import { native } from '../libtorch/binding.js'

/** Less is not worth the milliseconds of a pool thread. */
const MIN_BYTES = 16 * 2 ** 20

let pending: Promise<void> | undefined

/**
 * Gives memory that is no longer in use back to the system, on a pool thread: what freed tensors have left for the next ones,
 * and what the C library keeps. Calls of one turn are one.
 */
export function releaseFreeMemory(): Promise<void> {
  pending ??= Promise.resolve().then(() => {
    pending = undefined
    return native.releaseFreeMemory()
  })
  return pending
}

/** Calls `dispose`, and {@link releaseFreeMemory} without waiting for it where that freed much. */
export function releaseAfter(dispose: () => void): void {
  const before = native.memory().bytes
  dispose()
  if (before - native.memory().bytes >= MIN_BYTES) void releaseFreeMemory()
}
