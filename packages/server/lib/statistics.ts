import type { Timing } from './inference.js'

/** Number and sum of the times of one kind. */
interface Duration {
  count: number
  ns: number
}

type Kind = (typeof KINDS)[number]

const KINDS = ['success', 'fail', 'queue', 'compute_input', 'compute_infer', 'compute_output'] as const

/** Statistics of a version of a model, as they are sent. */
export interface StatisticsEntry {
  readonly name: string
  readonly version: string
  readonly last_inference: number
  readonly inference_count: number
  readonly execution_count: number
  readonly inference_stats: Readonly<Record<Kind | 'cache_hit' | 'cache_miss', Readonly<Duration>>>
  readonly batch_stats: readonly BatchEntry[]
}

interface BatchEntry extends Readonly<
  Record<'compute_input' | 'compute_infer' | 'compute_output', Readonly<Duration>>
> {
  readonly batch_size: number
}

/** Statistics of a model since the start of the server, in the form of Triton's statistics extension. */
export class ModelStatistics {
  readonly #durations = Object.fromEntries(KINDS.map((kind) => [kind, { count: 0, ns: 0 }])) as Record<Kind, Duration>
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

  toJSON(name: string, version: string): StatisticsEntry {
    const lookups = (count: number): Duration => ({ count, ns: 0 })
    const [cache_hit, cache_miss] = [lookups(this.#cache.hit), lookups(this.#cache.miss)]
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

  #add(kind: Kind, ms: number): void {
    const duration = this.#durations[kind]
    duration.count++
    duration.ns += toNs(ms)
  }
}

/** Sums the statistics of several processes, by model and version. */
export function sumStatistics(entries: readonly StatisticsEntry[]): readonly StatisticsEntry[] {
  const sums = new Map<string, StatisticsEntry>()
  for (const entry of entries) {
    const key = `${entry.name}/${entry.version}`
    const sum = sums.get(key)
    sums.set(key, sum === undefined ? entry : sumOf(sum, entry))
  }
  return [...sums.values()]
}

function sumOf(one: StatisticsEntry, other: StatisticsEntry): StatisticsEntry {
  const kinds = [...KINDS, 'cache_hit', 'cache_miss'] as const
  const stats = kinds.map((kind) => [kind, plus(one.inference_stats[kind], other.inference_stats[kind])] as const)
  const batches = new Map(one.batch_stats.map((batch) => [batch.batch_size, batch]))
  for (const batch of other.batch_stats) {
    const sum = batches.get(batch.batch_size)
    batches.set(batch.batch_size, sum === undefined ? batch : sumOfBatches(sum, batch))
  }
  return {
    name: one.name,
    version: one.version,
    last_inference: Math.max(one.last_inference, other.last_inference),
    inference_count: one.inference_count + other.inference_count,
    execution_count: one.execution_count + other.execution_count,
    inference_stats: Object.fromEntries(stats) as StatisticsEntry['inference_stats'],
    batch_stats: [...batches.values()].sort((first, second) => first.batch_size - second.batch_size),
  }
}

function sumOfBatches(one: BatchEntry, other: BatchEntry): BatchEntry {
  return {
    batch_size: one.batch_size,
    compute_input: plus(one.compute_input, other.compute_input),
    compute_infer: plus(one.compute_infer, other.compute_infer),
    compute_output: plus(one.compute_output, other.compute_output),
  }
}

function plus(one: Readonly<Duration>, other: Readonly<Duration>): Duration {
  return { count: one.count + other.count, ns: one.ns + other.ns }
}

function toNs(ms: number): number {
  return Math.round(ms * 1e6)
}
