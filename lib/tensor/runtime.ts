import { native } from '../libtorch/binding.js'
import { checkPositiveInteger, expected } from '../util/check.js'

/** What the tensors of this thread hold. */
export interface MemoryUse {
  /** Live tensors: neither disposed nor collected. */
  readonly tensors: number
  /** Bytes of the memory behind them, where several share it counted once. */
  readonly bytes: number
}

/** Counts the live tensors of this thread and their bytes, on all devices. */
export function memory(): MemoryUse {
  return { ...native.memory() }
}

// Guards against a number that is no number of cores: OpenMP ends the process where it cannot start a thread.
const MAX_THREADS = 1024

/**
 * Sets how many threads one operation may use, from 1 to 1024: for operations of this thread, and of worker threads that
 * have not run any yet. Follows `torch.set_num_threads`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `count` is out of range.
 */
export function setNumThreads(count: number): void {
  if (checkPositiveInteger('count', count) > MAX_THREADS) throw expected(`at most ${MAX_THREADS}`, 'count', count)
  native.setNumThreads(count)
}

/** Gives how many threads one operation of this thread may use. Default: one for each core. */
export function getNumThreads(): number {
  return native.getNumThreads()
}

/** Versions and abilities of the libtorch in use. */
export interface RuntimeVersion {
  /** Version of the libtorch in use, such as `2.13.0`. */
  readonly libtorch: string
  /** Version of the libtorch for which the addon was built. */
  readonly builtFor: string
  /** libtorch's own description of how it was built. */
  readonly config: string
  /** The vector instructions that libtorch uses, such as `AVX512`. */
  readonly cpuCapability: string
}

/** Gives the versions and abilities of the libtorch in use. */
export function version(): RuntimeVersion {
  return { ...native.version() }
}
