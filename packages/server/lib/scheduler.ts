import type { Engine } from 'napi-torch'
import { Batcher, type BatcherLimits, type RequestOptions } from 'napi-torch/internal'

/** A batch that was computed. */
export interface BatchFacts {
  readonly size: number
  /** In the time of `performance.now()`. */
  readonly startedAt: number
  readonly inferMs: number
}

/** What came of a sample, and the batch it rode in. */
export interface Scheduled {
  readonly output: Float32Array
  readonly queueMs: number
  readonly inferMs: number
  readonly batchSize: number
}

/** More than can be finished and not yet handed out: the batcher runs two at a time. */
const REMEMBERED = 64

/**
 * Merges samples into batches as `Engine.infer` does, and tells besides how long each waited and computed and in how large a
 * batch, for metrics and logs.
 */
export class Scheduler {
  readonly #batcher: Batcher
  readonly #recent: BatchFacts[] = []
  readonly #outputLength: number
  #lastInferMs = 0

  constructor(engine: Engine, limits: BatcherLimits, onBatch: (batch: BatchFacts) => void) {
    const [classes = 0] = engine.outputShape
    const sampleLength = engine.inputShape.reduce((product, size) => product * size, 1)
    this.#outputLength = classes
    let number = 0
    this.#batcher = new Batcher(limits, {
      sampleLength,
      // One element more than the engine's: the number of the batch, by which each sample finds it again.
      outputLength: classes + 1,
      run: async (input, output) => {
        const size = input.length / sampleLength
        const startedAt = performance.now()
        const computed = await engine.run(input)
        const batch = { size, startedAt, inferMs: performance.now() - startedAt }
        number = (number + 1) % REMEMBERED
        this.#recent[number] = batch
        this.#lastInferMs = batch.inferMs
        for (let row = 0; row < size; row++) {
          output.set(computed.subarray(row * classes, (row + 1) * classes), row * (classes + 1))
          output[row * (classes + 1) + classes] = number
        }
        onBatch(batch)
      },
    })
  }

  /** Samples that wait. */
  get queued(): number {
    return this.#batcher.queued
  }

  /**
   * Computes one sample, which may wait as long as the computation can still be done before its deadline.
   *
   * @throws As `Engine.infer`.
   */
  async infer(sample: Float32Array, { deadlineMs = Infinity, ...options }: RequestOptions): Promise<Scheduled> {
    const queuedAt = performance.now()
    // Not more than half: the last batch may have been a large one, and this one be alone.
    const reserveMs = Math.min(this.#lastInferMs, deadlineMs / 2)
    const result = await this.#batcher.request(sample, { ...options, deadlineMs: deadlineMs - reserveMs })
    const { size, startedAt, inferMs } = this.#recent[result[this.#outputLength] ?? 0] ?? NO_BATCH
    const output = result.subarray(0, this.#outputLength)
    return { output, batchSize: size, inferMs, queueMs: Math.max(0, startedAt - queuedAt) }
  }

  /** Waits until nothing is queued and nothing runs. */
  drain(): Promise<void> {
    return this.#batcher.drain()
  }
}

const NO_BATCH: BatchFacts = { size: 0, startedAt: 0, inferMs: 0 }
