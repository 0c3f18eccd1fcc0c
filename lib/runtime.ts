import { native } from './binding.js'
import { checkPositiveInteger } from './check.js'

/** What the tensors of this thread hold. */
export interface MemoryUse {
  /** Live tensors: neither disposed nor collected. */
  readonly tensors: number
  /** Bytes of the memory behind them, where several share it counted once. */
  readonly bytes: number
}

/** Counts the live tensors of this thread and their bytes, on all devices. */
export function memory(): MemoryUse {
  return native.memory()
}

/** Sets how many threads one operation may use, for the whole process. Follows `torch.set_num_threads`. */
export function setNumThreads(count: number): void {
  native.setNumThreads(checkPositiveInteger('count', count))
}

/** Gives how many threads one operation may use. Default: one for each core. */
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
  return native.version()
}
