import { clearImmediate, setImmediate } from 'node:timers'

import { expected } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import { onAbort } from '../../util/abort.js'

/** Limits of a {@link Batcher}. */
export interface BatcherLimits {
  readonly maxBatchSize: number
  readonly maxDelayMs: number
  readonly maxQueueSize: number
  readonly maxQueueBytes: number
}

/** Options of {@link Batcher.request}. */
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
  readonly deadlineMs?: number | undefined
  readonly priority?: number | undefined
}

/** Computes the batches of a {@link Batcher}. */
export interface BatchRunner {
  readonly sampleLength: number
  readonly outputLength: number
  /** Computes a batch: the outputs of the samples in `input` into `output`. */
  run(input: Float32Array, output: Float32Array): Promise<void>
}

/** Why a batch begins: it has `maxBatchSize` samples, its `maxDelayMs` is over, or the executor is free. */
export type BatchReason = 'full' | 'delay' | 'idle'

/** A batch that was computed. All its requests resolve with one and the same object. */
export interface BatchFacts {
  /** Samples in the batch. */
  readonly size: number
  readonly reason: BatchReason
  /** How long the sample that came first had waited. */
  readonly oldestWaitMs: number
  /** When its computation began, in the time of `performance.now()`. */
  readonly startedAt: number
  /** How long the computation took. */
  readonly computeMs: number
}

/** The output for one sample, and the batch in which it was computed. */
export interface BatchedOutput {
  readonly output: Float32Array
  readonly batch: BatchFacts
}

interface Request {
  readonly sample: Float32Array
  /** Of the sample when it came: what is counted in must be counted out, whatever becomes of the array. */
  readonly bytes: number
  /** In the time of `performance.now()`, as the following. */
  readonly arrivedAt: number
  readonly deadline: number
  readonly priority: number
  readonly resolve: (result: BatchedOutput) => void
  readonly reject: (error: unknown) => void
}

/** While one batch is computed, the samples of the next are copied together. */
const MAX_RUNS = 2
/** The longest delay that setTimeout accepts. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * Merges single requests into batches: everything that waits when the executor becomes free, up to a size. Requests of a
 * higher priority come first, then those that have waited longer.
 */
export class Batcher {
  readonly #limits: BatcherLimits
  readonly #runner: BatchRunner
  /** In the order in which they are served. */
  readonly #queue: Request[] = []
  /** Memory of finished batches, for the next. */
  readonly #buffers: Float32Array[] = []
  readonly #idle: (() => void)[] = []
  /** Called once for each batch, before its requests resolve. */
  onBatch: (batch: BatchFacts) => void = () => undefined
  #queuedBytes = 0
  #runs = 0
  /** Requests of one turn of the event loop come into one batch. */
  #wake: NodeJS.Immediate | undefined
  #delay: NodeJS.Timeout | undefined
  #expiry: NodeJS.Timeout | undefined
  #isDelayOver = false
  #counts = { batches: 0, samples: 0, rejected: 0, expired: 0, aborted: 0 }

  constructor(limits: BatcherLimits, runner: BatchRunner) {
    this.#limits = limits
    this.#runner = runner
  }

  get queued(): number {
    return this.#queue.length
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get counts(): Readonly<{ batches: number; samples: number; rejected: number; expired: number; aborted: number }> {
    return this.#counts
  }

  /**
   * Computes one sample, which is read when its batch begins: no other code may write to it.
   *
   * @throws {TorchError} `TORCH_QUEUE_FULL`, `TORCH_DEADLINE`; the reason of the signal.
   */
  request(
    sample: Float32Array,
    { signal, deadlineMs = Infinity, priority = 0 }: RequestOptions,
  ): Promise<BatchedOutput> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      this.#checkRoom(sample)
      const ignore = onAbort(signal, (reason) => {
        // If it is being computed, the others of its batch still want their outputs.
        if (this.#remove(request)) this.#settleIdle()
        this.#counts.aborted++
        request.reject(reason)
      })
      const finish =
        <T>(settle: (value: T) => void) =>
        (value: T): void => {
          ignore()
          settle(value)
        }
      const arrivedAt = performance.now()
      const deadline = arrivedAt + deadlineMs
      const bytes = sample.byteLength
      const request = { sample, bytes, arrivedAt, deadline, priority, resolve: finish(resolve), reject: finish(reject) }
      this.#insert(request)
      this.#wake ??= setImmediate(() => this.#dispatch())
    })
  }

  /** Waits until the queue is empty and nothing runs. */
  async drain(): Promise<void> {
    this.#isDelayOver = true
    this.#dispatch()
    if (this.#queue.length > 0 || this.#runs > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #checkRoom({ byteLength }: Float32Array): void {
    const { maxQueueSize, maxQueueBytes } = this.#limits
    const fault =
      this.#queue.length >= maxQueueSize
        ? `${this.#queue.length} requests are already waiting (maxQueueSize)`
        : this.#queuedBytes + byteLength > maxQueueBytes
          ? `${this.#queuedBytes} of at most ${maxQueueBytes} bytes are already waiting (maxQueueBytes)`
          : null
    if (fault === null) return
    this.#counts.rejected++
    throw new TorchError('TORCH_QUEUE_FULL', `The engine's queue is full: ${fault}`)
  }

  #insert(request: Request): void {
    let index = this.#queue.length
    while (index > 0 && (this.#queue[index - 1]?.priority ?? Infinity) < request.priority) index--
    this.#queue.splice(index, 0, request)
    this.#queuedBytes += request.bytes
  }

  #remove(request: Request): boolean {
    const index = this.#queue.indexOf(request)
    if (index < 0) return false
    this.#queue.splice(index, 1)
    this.#queuedBytes -= request.bytes
    return true
  }

  /** Starts as many batches as possible. */
  #dispatch(): void {
    clearImmediate(this.#wake)
    this.#wake = undefined
    this.#expire()
    for (let reason = this.#reasonToBegin(); reason !== null; reason = this.#reasonToBegin()) {
      const requests = this.#queue.splice(0, this.#limits.maxBatchSize)
      for (const { bytes } of requests) this.#queuedBytes -= bytes
      void this.#run(requests, reason)
    }
    this.#watchDelay()
    this.#watchDeadlines()
    this.#settleIdle()
  }

  /** Why a batch may begin now; null if none may. */
  #reasonToBegin(): BatchReason | null {
    // Beside a running batch, only a full one: a smaller one can still grow until the executor is free.
    if (this.#queue.length >= this.#limits.maxBatchSize) return this.#runs < MAX_RUNS ? 'full' : null
    if (this.#runs > 0 || this.#queue.length === 0) return null
    if (this.#limits.maxDelayMs === 0) return 'idle'
    return this.#isDelayOver ? 'delay' : null
  }

  async #run(begun: readonly Request[], reason: BatchReason): Promise<void> {
    this.#runs++
    this.#isDelayOver = false
    const { sampleLength, outputLength } = this.#runner
    // The buffer holds the samples of former callers, so a sample that lost its memory must not be taken for another.
    const isWhole = ({ sample }: Request): boolean => sample.length === sampleLength
    for (const { sample, reject } of begun.filter((request) => !isWhole(request))) {
      reject(expected(`a Float32Array of ${sampleLength} elements until its batch begins`, 'sample', sample))
    }
    const requests = begun.filter(isWhole)
    const buffer = this.#buffers.pop() ?? new Float32Array(this.#limits.maxBatchSize * sampleLength)
    try {
      requests.forEach(({ sample }, index) => buffer.set(sample, index * sampleLength))
      const outputs = new Float32Array(requests.length * outputLength)
      const startedAt = performance.now()
      if (requests.length === 0) return
      await this.#runner.run(buffer.subarray(0, requests.length * sampleLength), outputs)
      const batch = {
        size: requests.length,
        reason,
        oldestWaitMs: requests.reduce((longest, { arrivedAt }) => Math.max(longest, startedAt - arrivedAt), 0),
        startedAt,
        computeMs: performance.now() - startedAt,
      }
      this.#counts.batches++
      this.#counts.samples += batch.size
      this.onBatch(batch)
      requests.forEach(({ resolve }, index) =>
        resolve({ output: outputs.slice(index * outputLength, (index + 1) * outputLength), batch }),
      )
    } catch (error) {
      for (const { reject } of requests) reject(error)
    } finally {
      this.#buffers.push(buffer)
      this.#runs--
      this.#dispatch()
    }
  }

  /** Rejects requests that have waited too long, before any work is spent on them. */
  #expire(): void {
    const now = performance.now()
    for (const request of this.#queue.filter(({ deadline }) => deadline <= now)) {
      this.#remove(request)
      this.#counts.expired++
      request.reject(new TorchError('TORCH_DEADLINE', 'The deadline passed while the request was waiting'))
    }
  }

  #watchDeadlines(): void {
    clearTimeout(this.#expiry)
    this.#expiry = undefined
    const next = this.#queue.reduce((earliest, { deadline }) => Math.min(earliest, deadline), Infinity)
    if (next === Infinity) return
    this.#expiry = setTimeout(() => this.#dispatch(), Math.min(Math.max(0, next - performance.now()), MAX_TIMEOUT_MS))
  }

  /** Lets the first sample of a batch wait for others, up to `maxDelayMs`. */
  #watchDelay(): void {
    const isWaiting = this.#queue.length > 0 && this.#runs === 0 && this.#limits.maxDelayMs > 0
    if (!isWaiting || this.#delay !== undefined) return
    this.#delay = setTimeout(() => {
      this.#delay = undefined
      this.#isDelayOver = true
      this.#dispatch()
    }, this.#limits.maxDelayMs)
  }

  #settleIdle(): void {
    if (this.#queue.length > 0 || this.#runs > 0) return
    clearTimeout(this.#delay)
    this.#delay = undefined
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
