import { native } from '../libtorch/binding.js'
import { checkBoolean, checkPositiveInteger, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'

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

/** Options of {@link useDeterministicAlgorithms}. */
export interface DeterministicOptions {
  /** Warn by `process.emitWarning` of what is not deterministic, instead of throwing. Default: `false`. */
  readonly warnOnly?: boolean | undefined
}

const DETERMINISTIC = new Signature<DeterministicOptions>('useDeterministicAlgorithms', ['mode'], {
  ...{ warnOnly: 'keyword' },
})

/**
 * Has operations of all threads of the process give the same result for the same input each time, or throw `TORCH_OPERATOR` where
 * libtorch has no such algorithm. Follows `torch.use_deterministic_algorithms`.
 */
export function useDeterministicAlgorithms(mode: boolean, options?: DeterministicOptions): void
export function useDeterministicAlgorithms(mode: boolean, ...given: readonly unknown[]): void {
  const { warnOnly = false } = DETERMINISTIC.read([mode], given)
  const on = checkBoolean('warnOnly', warnOnly) ? 'warn' : 'on'
  native.setDeterministic(checkBoolean('mode', mode) ? on : 'off')
}

/** Tells whether {@link useDeterministicAlgorithms} is on. Follows `torch.are_deterministic_algorithms_enabled`. */
export function areDeterministicAlgorithmsEnabled(): boolean {
  return native.deterministic() !== 'off'
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
