import type { Timing } from './inference.js'

/** Times of one kind: how many, and their sum. */
interface Duration {
  count: number
  ns: number
}

const KINDS = ['success', 'fail', 'queue', 'compute_input', 'compute_infer', 'compute_output'] as const

/** What a model has done since the server began, as Triton's statistics extension tells it. */
export class ModelStatistics {
  readonly #durations = Object.fromEntries(KINDS.map((kind) => [kind, { count: 0, ns: 0 }])) as Record<
    (typeof KINDS)[number],
    Duration
  >
  readonly #batches = new Map<number, Duration>()
  #samples = 0
  #batchCount = 0
  #last = 0

  /** Notes a request that was answered. */
  success(timing: Timing, totalMs: number, outputMs: number): void {
    this.#last = Date.now()
    this.#samples += timing.samples
    this.#add('success', totalMs)
    this.#add('queue', timing.queueMs)
    this.#add('compute_input', timing.preprocessMs)
    this.#add('compute_infer', timing.inferMs)
    this.#add('compute_output', outputMs)
  }

  /** Notes a request that failed. */
  fail(totalMs: number): void {
    this.#add('fail', totalMs)
  }

  /** Notes a batch that was computed. */
  batch(size: number, inferMs: number): void {
    this.#batchCount++
    const duration = this.#batches.get(size) ?? { count: 0, ns: 0 }
    duration.count++
    duration.ns += toNs(inferMs)
    this.#batches.set(size, duration)
  }

  toJSON(name: string, version: string): object {
    const none = { count: 0, ns: 0 }
    return {
      name,
      version,
      last_inference: this.#last,
      inference_count: this.#samples,
      execution_count: this.#batchCount,
      inference_stats: { ...this.#durations, cache_hit: none, cache_miss: none },
      batch_stats: [...this.#batches]
        .sort(([one], [other]) => one - other)
        .map(([batch_size, compute_infer]) => ({
          batch_size,
          compute_input: { count: compute_infer.count, ns: 0 },
          compute_infer,
          compute_output: { count: compute_infer.count, ns: 0 },
        })),
    }
  }

  #add(kind: (typeof KINDS)[number], ms: number): void {
    const duration = this.#durations[kind]
    duration.count++
    duration.ns += toNs(ms)
  }
}

function toNs(ms: number): number {
  return Math.round(ms * 1e6)
}
