import { TorchError } from 'napi-torch'
import { SamplePool, Semaphore, isError, onAbort } from 'napi-torch/internal'

// Admission control: what is begun, what waits, and what is refused at once, by memory, by number and by time.

/** How long work is wanted, and how urgently. */
export interface Call {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
  /** In the time of `performance.now()`. */
  readonly deadline: number
  /** Higher ones come first. */
  readonly priority: number
}

/** Limits of {@link Admission}. */
export interface AdmissionLimits {
  readonly maxBatchSize: number
  /** Images that wait to be prepared. */
  readonly maxQueueSize: number
  /** Elements of a sample. */
  readonly sampleLength: number
  /** Images that are decoded at a time: the cores of the process. */
  readonly decodedAtATime: number
}

/**
 * Decides which images of a model are prepared now. No more are begun than the engine will soon compute: in an overload, the
 * rest would be work for responses that come too late. An image is not begun either if it cannot be answered before its deadline,
 * as it would take the place of one that can.
 */
export class Admission {
  readonly #maxBegun: number
  readonly #maxWaiting: number
  /** In the order in which they are begun. */
  readonly #waiting: Waiting[] = []
  readonly #decoding: Semaphore
  readonly #samples: SamplePool
  readonly #latency = new LatencyEstimate()
  #begun = 0
  #lastComputeMs = 0

  constructor({ maxBatchSize, maxQueueSize, sampleLength, decodedAtATime }: AdmissionLimits) {
    // Enough to keep the engine busy: one batch that is computed, one that is copied together, and the images for the next.
    this.#maxBegun = 2 * maxBatchSize + decodedAtATime
    this.#maxWaiting = maxQueueSize
    this.#decoding = new Semaphore(decodedAtATime)
    this.#samples = new SamplePool(sampleLength, this.#maxBegun)
  }

  /** Images that wait to be prepared. */
  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Runs `body`, which prepares and computes an image, when it is its turn. The sample that it gets belongs to it until it has
   * settled.
   *
   * @throws {TorchError} `TORCH_QUEUE_FULL`, `TORCH_DEADLINE`; the reason of the signal, as soon as it is aborted.
   */
  async begin<T>(call: Call, body: (sample: Float32Array) => Promise<T>): Promise<T> {
    const arrivedAt = performance.now()
    if (this.#begun < this.#maxBegun) this.#begun++
    else await this.#wait(call)
    try {
      checkWanted(call)
      this.#checkInTime(call, arrivedAt)
      const begunAt = performance.now()
      const sample = this.#samples.take()
      try {
        const result = await body(sample)
        this.#latency.note(performance.now() - begunAt)
        return result
      } finally {
        // The batch has a copy of it, even where the call was given up.
        this.#samples.give(sample)
      }
    } finally {
      // Passed on without being free in between.
      const next = this.#waiting.shift()
      if (next === undefined) this.#begun--
      else next.enter()
    }
  }

  /** Runs `body`, which decodes an image, when a core is free for it. */
  decode<T>(body: () => Promise<T>): Promise<T> {
    return this.#decoding.use(body)
  }

  /** Milliseconds that a sample may wait for its batch, so that the batch can still be computed before the deadline. */
  waitMs({ deadline }: Call): number {
    const leftMs = Math.max(0, deadline - performance.now())
    // Not more than half: the last batch may have been a large one, and this sample be alone.
    return leftMs - Math.min(this.#lastComputeMs, leftMs / 2)
  }

  /** Notes how long a batch was computed. */
  noteBatch(computeMs: number): void {
    this.#lastComputeMs = computeMs
  }

  #checkInTime({ deadline }: Call, arrivedAt: number): void {
    if (performance.now() + this.#latency.reserveMs(deadline - arrivedAt) < deadline) return
    const message = 'The request waited so long that it can no longer be answered before its deadline'
    throw new TorchError('TORCH_DEADLINE', message)
  }

  #wait({ signal, priority }: Call): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      const message = `${this.#waiting.length} images are already waiting to be prepared (maxQueueSize)`
      throw new TorchError('TORCH_QUEUE_FULL', message)
    }
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const ignore = onAbort(signal, (reason) => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        reject(isError(reason) ? reason : new TypeError(String(reason)))
      })
      const entry = {
        priority,
        enter: () => {
          ignore()
          resolve()
        },
      }
      let index = this.#waiting.length
      while (index > 0 && (this.#waiting[index - 1]?.priority ?? Infinity) < priority) index--
      this.#waiting.splice(index, 0, entry)
    })
  }
}

interface Waiting {
  readonly priority: number
  readonly enter: () => void
}

/** @throws The reason of the signal; {@link TorchError} `TORCH_DEADLINE`. */
export function checkWanted({ signal, deadline }: Call): void {
  signal.throwIfAborted()
  if (performance.now() < deadline) return
  throw new TorchError('TORCH_DEADLINE', 'The deadline passed before the request was begun')
}

/** Weight of a new measurement beside all earlier ones. */
const WEIGHT = 0.1
/** Latencies vary: so many times the mean is enough for nearly all requests. */
const MARGIN = 1.5

/** Estimates how long an image takes once it is begun: an exponential moving average. */
class LatencyEstimate {
  #meanMs = 0

  note(ms: number): void {
    this.#meanMs += WEIGHT * (ms - this.#meanMs)
  }

  /**
   * Milliseconds that must be left for an image whose deadline is `totalMs` after its arrival. At most half of that: latencies
   * under load must not keep a lone request with a near deadline from being tried.
   */
  reserveMs(totalMs: number): number {
    return Math.min(MARGIN * this.#meanMs, totalMs / 2)
  }
}
