import type { Fail } from './failure.js'
import { pastLimit, type CheckpointLimits } from './limits.js'

/** Bytes of memory that {@link CheckpointLimits.memoryRatio} leaves to every file, however small. */
const FREE_MEMORY = 6 * 2 ** 20

/** Work that {@link CheckpointLimits.workRatio} leaves to every file, however small. */
const FREE_WORK = 1_000_000

/** Estimated bytes of a tensor once it is loaded: what describes it here, its handle, and libtorch's own record of it. */
export const TENSOR_BYTES = 1536

/**
 * What reading one file may still cost. All parts of the reader draw on the same budget, which grows with the bytes of the file and
 * with nothing that the file says about itself: so a file of a kilobyte costs about as much as its bytes, whatever is in it.
 */
export class Budget {
  readonly #limits: CheckpointLimits
  #size: number
  readonly #share: number
  #memory = 0
  #work = 0

  /**
   * @param size - Bytes of the file; of an archive as it is on the disk, deflated.
   * @param share - Part of its memory, for what comes after reading. Default: 1.
   */
  constructor(limits: CheckpointLimits, size: number, share = 1) {
    this.#limits = limits
    this.#size = size
    this.#share = share
  }

  /** Adds the bytes of another file of the same checkpoint. */
  grow(size: number): void {
    this.#size += size
  }

  /** Bytes of memory, estimated, that are left. */
  get memoryLeft(): number {
    return this.#share * (FREE_MEMORY + this.#limits.memoryRatio * this.#size) - this.#memory
  }

  /** Instructions and copies that are left. */
  get workLeft(): number {
    return FREE_WORK + this.#limits.workRatio * this.#size - this.#work
  }

  /**
   * Takes memory.
   *
   * @throws {CheckpointError} `TORCH_CHECKPOINT_LIMIT` past `memoryRatio`.
   */
  takeMemory(bytes: number, fail: Fail): void {
    this.#memory += bytes
    if (this.memoryLeft >= 0) return
    const what = `Reading takes at least ${Math.ceil(this.#memory)} bytes of memory for a file of ${this.#size}`
    throw pastLimit(fail, this.#limits, 'memoryRatio', what)
  }

  /**
   * Takes work: one for each instruction, or for each element that is copied or looked at.
   *
   * @throws {CheckpointError} `TORCH_CHECKPOINT_LIMIT` past `workRatio`.
   */
  takeWork(steps: number, fail: Fail): void {
    this.#work += steps
    if (this.workLeft >= 0) return
    const what = `Reading takes at least ${Math.ceil(this.#work)} steps for a file of ${this.#size} bytes`
    throw pastLimit(fail, this.#limits, 'workRatio', what)
  }
}
