import { checkOptionNames, checkPositiveInteger } from '../util/check.js'
import type { CheckpointError } from '../util/errors.js'
import type { Fail } from './failure.js'

/** What a checkpoint file may cost before it is refused with `TORCH_CHECKPOINT_LIMIT`. */
export interface CheckpointLimits {
  /** Bytes of a Blob, a Response or a stream, which is collected in memory. Stops an upload without an end. Default: 2 GiB. */
  readonly streamBytes: number
  /** Entries of the archive. Stops a directory of millions of empty entries. Default: 262,144. */
  readonly archiveEntries: number
  /** Bytes of the archive's directory. Stops a directory that is read whole but is mostly comments. Default: 64 MiB. */
  readonly directoryBytes: number
  /** Inflated bytes for each deflated byte of an entry, beyond its first MiB. Stops zip bombs. Default: 200. */
  readonly inflateRatio: number
  /** Inflated bytes of all deflated entries together. Stops many small zip bombs. Default: 4 GiB. */
  readonly inflatedBytes: number
  /**
   * Bytes of memory, estimated, that reading takes for each byte of the file, beyond the first 6 MiB: its values, what is inflated,
   * and what its tensors take beside their elements. Stops small files that become large ones in memory. Default: 44.
   */
  readonly memoryRatio: number
  /**
   * Steps for each byte of the file, beyond the first 1,000,000: instructions of its pickles, elements that these copy or look at,
   * and entries of modules that are looked at. Stops a few bytes that are repeated, deflated, or refer to the same large value over and over. Default: 2.
   */
  readonly workRatio: number
  /** Bytes of a safetensors header or index, or of a program of torch.export, read whole. Default: 100,000,000, as in the reference. */
  readonly headerBytes: number
  /** Values of a safetensors header or index, or of a program of torch.export. Stops lists of millions of numbers. Default: 8,000,000. */
  readonly headerValues: number
  /** Steps of a program of torch.export, apart from those inside others. Stops graphs of millions of nodes. Default: 200,000. */
  readonly programNodes: number
  /** Bytes of a pickle, which is read whole. Stops a pickle that fills the memory. Default: 112 MiB. */
  readonly pickleBytes: number
  /**
   * Bytes that a pickle and its values take in memory, estimated: those of the pickle count twice, as its strings are
   * copied. Stops values that are small in the file and large in memory: an empty dict is one byte there. Default: 144 MiB.
   */
  readonly pickleMemory: number
  /** Instructions of a pickle. Stops a program that only costs time. Default: 20,000,000. */
  readonly opcodes: number
  /** Lists, tuples, dicts, sets and records of a pickle: one byte of it can make one. Default: 900,000. */
  readonly containers: number
  /** Values on the pickle's stack at once. Stops a pickle that only pushes. Default: 4,000,000. */
  readonly stackDepth: number
  /** Open marks at once: each is one byte. Default: 1,000,000. */
  readonly marks: number
  /** Remembered values of a pickle. Stops a memo that grows without values. Default: 4,000,000. */
  readonly memoEntries: number
  /** Bytes of a line, such as the name of a class. Stops a search for the end of an endless line. Default: 4,096. */
  readonly lineBytes: number
  /** Bytes of a string or byte string. Stops a string that the engine cannot hold. Default: 128 MiB. */
  readonly stringBytes: number
  /** Bytes of an integer. Stops the quadratic cost of printing and parsing huge ones. Default: 1,024. */
  readonly integerBytes: number
  /** Characters of the names of a whole module's tensors. Stops modules that are shared, whose names multiply. Default: 8,000,000. */
  readonly nameCharacters: number
  /** Tensors of a checkpoint. Stops millions of views of one byte. Default: 200,000. */
  readonly tensors: number
  /** Dimensions of a tensor; libtorch's iterators stop there too. Default: 64. */
  readonly dimensions: number
  /** Bytes of a tensor whose zero strides make it larger than its storage: one byte can claim any. Default: 1 GiB. */
  readonly expandedBytes: number
}

/** Name of a limit. */
export type LimitName = keyof CheckpointLimits

const MIB = 2 ** 20

/** The limits that hold unless an option says otherwise. */
export const DEFAULT_LIMITS: CheckpointLimits = {
  streamBytes: 2048 * MIB,
  archiveEntries: 262_144,
  directoryBytes: 64 * MIB,
  inflateRatio: 200,
  inflatedBytes: 4096 * MIB,
  memoryRatio: 44,
  workRatio: 2,
  headerBytes: 100_000_000,
  headerValues: 8_000_000,
  programNodes: 200_000,
  pickleBytes: 112 * MIB,
  pickleMemory: 144 * MIB,
  opcodes: 20_000_000,
  containers: 900_000,
  stackDepth: 4_000_000,
  marks: 1_000_000,
  memoEntries: 4_000_000,
  lineBytes: 4_096,
  stringBytes: 128 * MIB,
  integerBytes: 1_024,
  nameCharacters: 8_000_000,
  tensors: 200_000,
  dimensions: 64,
  expandedBytes: 1024 * MIB,
}

const NAMES = Object.keys(DEFAULT_LIMITS)

/**
 * Fills in the defaults.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an unknown name or a value that is not a positive integer.
 */
export function checkLimits(limits: Partial<CheckpointLimits> = {}): CheckpointLimits {
  checkOptionNames('limits', limits, NAMES)
  for (const [name, value] of Object.entries(limits)) checkPositiveInteger(`limits.${name}`, value)
  return { ...DEFAULT_LIMITS, ...limits }
}

/** Makes the error for a file that goes past the limit `name`. */
export function pastLimit(fail: Fail, limits: CheckpointLimits, name: LimitName, what: string): CheckpointError {
  return fail('TORCH_CHECKPOINT_LIMIT', `${what}, more than the limit ${name} of ${limits[name]}`)
}
