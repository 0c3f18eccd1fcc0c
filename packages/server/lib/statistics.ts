import type { Timing } from './inference.js'

/** Number and sum of the times of one kind. */
interface Duration {
  count: number
  ns: number
}

const KINDS = ['success', 'fail', 'queue', 'compute_input', 'compute_infer', 'compute_output'] as const

/** Statistics of a model since the start of the server, in the form of Triton's statistics extension. */
export class ModelStatistics {
  readonly #durations = Object.fromEntries(KINDS.map((kind) => [kind, { count: 0, ns: 0 }])) as Record<
    (typeof KINDS)[number],
    Duration
  >
  readonly #batches = new Map<number, Duration>()
  readonly #cache = { hit: 0, miss: 0 }
  #samples = 0
  #batchCount = 0
  #last = 0

  /** Counts a request that was answered. */
  success(timing: Timing, totalMs: number, outputMs: number): void {
    this.#last = Date.now()
    this.#samples += timing.samples
    this.#add('success', totalMs)
    this.#add('queue', timing.queueMs)
    this.#add('compute_input', timing.preprocessMs)
    this.#add('compute_infer', timing.inferMs)
    this.#add('compute_output', outputMs)
  }

  /** Counts a request that failed. */
  fail(totalMs: number): void {
    this.#add('fail', totalMs)
  }

  /** Counts a batch. */
  batch(size: number, computeMs: number): void {
    this.#batchCount++
    const duration = this.#batches.get(size) ?? { count: 0, ns: 0 }
    duration.count++
    duration.ns += toNs(computeMs)
    this.#batches.set(size, duration)
  }

  /** Counts a sample whose result was looked for among those that are kept. */
  lookup(isHit: boolean): void {
    this.#cache[isHit ? 'hit' : 'miss']++
  }

  toJSON(name: string, version: string): object {
    const [cache_hit, cache_miss] = [this.#cache.hit, this.#cache.miss].map((count) => ({ count, ns: 0 }))
    return {
      name,
      version,
      last_inference: this.#last,
      inference_count: this.#samples,
      execution_count: this.#batchCount,
      inference_stats: { ...this.#durations, cache_hit, cache_miss },
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
