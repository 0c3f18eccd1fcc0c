// The one import of prom-client in this package: another library could take its place here.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

import { packageFacts } from 'napi-torch/internal'
import type { Counts } from './runs.js'

const CHUNK_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** Span over which the current rate is measured, in ms. */
const WINDOW_MS = 10_000

/** How a chunk ends: computed, found done, failed in this attempt, or no longer wanted. */
export type ChunkEnd = 'computed' | 'present' | 'failed' | 'unwanted'

/** Chunks of the queue by state. */
export type QueueDepth = Readonly<Record<'waiting' | 'active' | 'delayed' | 'failed', number>>

/** Values that {@link WorkerMetrics} reads when it is read itself. */
export interface MetricSources {
  /** Gives null while Redis is away. */
  readonly depth: () => Promise<QueueDepth | null>
  readonly inHand: () => number
}

/** The metrics of a worker: for its heartbeat, and in the format of Prometheus. */
export class WorkerMetrics {
  /** Images that were processed, failed ones included. */
  images = 0
  /** Images that failed. */
  errors = 0
  /** Chunks that were computed. */
  chunks = 0
  readonly #registry = new Registry()
  readonly #images
  readonly #errors
  readonly #chunks
  readonly #seconds
  readonly #locksLost
  readonly #takenOver
  readonly #samples: { readonly at: number; readonly images: number }[] = []

  constructor({ depth, inHand }: MetricSources) {
    const registers = [this.#registry]
    this.#images = new Counter({
      name: 'napi_torch_jobs_images_total',
      help: 'Images that were processed, failed ones included',
      registers,
    })
    this.#errors = new Counter({
      name: 'napi_torch_jobs_image_errors_total',
      help: 'Images that failed, by error code',
      labelNames: ['code'],
      registers,
    })
    this.#chunks = new Counter({
      name: 'napi_torch_jobs_chunks_total',
      help: 'Chunks by how they ended: computed, present (done before), failed (to be tried again), unwanted (cancelled)',
      labelNames: ['end'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'napi_torch_jobs_chunk_seconds',
      help: 'Time to read, compute and write a chunk',
      buckets: CHUNK_SECONDS,
      registers,
    })
    this.#locksLost = new Counter({
      name: 'napi_torch_jobs_locks_lost_total',
      help: 'Chunks whose lock this worker failed to renew in time',
      registers,
    })
    this.#takenOver = new Counter({
      name: 'napi_torch_jobs_taken_over_total',
      help: 'Chunks of dead workers that this worker gave back to the queue',
      registers,
    })
    new Gauge({
      name: 'napi_torch_jobs_in_hand_chunks',
      help: 'Chunks that this worker holds',
      registers,
      collect() {
        this.set(inHand())
      },
    })
    new Gauge({
      name: 'napi_torch_jobs_queue_chunks',
      help: 'Chunks of the queue, by state; the same from each worker',
      labelNames: ['state'],
      registers,
      async collect() {
        this.reset()
        const counts = await depth()
        for (const [state, count] of Object.entries(counts ?? {})) this.set({ state }, count)
      },
    })
    new Gauge({
      name: 'napi_torch_build_info',
      help: 'Always 1; the labels tell the versions',
      labelNames: ['version', 'node'],
      registers,
    }).set({ version: packageFacts().version, node: process.versions.node }, 1)
  }

  /** Counts an image that was processed. */
  image(): void {
    this.images++
    this.#images.inc()
  }

  /** Counts a chunk that ended. */
  chunk(end: ChunkEnd, counts: Counts, seconds: number): void {
    this.#chunks.inc({ end })
    if (end !== 'computed') return
    this.chunks++
    this.#seconds.observe(seconds)
    for (const [code, count] of Object.entries(counts.errors)) {
      this.errors += count
      this.#errors.inc({ code }, count)
    }
  }

  lockLost(): void {
    this.#locksLost.inc()
  }

  takenOver(): void {
    this.#takenOver.inc()
  }

  /** Images per second over the last 10 s. Call it now and then: it measures between calls. */
  rate(): number {
    const now = performance.now()
    this.#samples.push({ at: now, images: this.images })
    while (this.#samples.length > 2 && now - (this.#samples[1]?.at ?? now) > WINDOW_MS) this.#samples.shift()
    const [first] = this.#samples
    if (first === undefined || first.at === now) return 0
    return (1000 * (this.images - first.images)) / (now - first.at)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** The metrics of the worker and of its process, in the format of Prometheus. */
  text(): Promise<string> {
    return Registry.merge([this.#registry, processMetrics()]).metrics()
  }
}

let processRegistry: Registry | null = null

/** Memory, CPU, event loop and garbage collection of the process: one for all workers in it, as prom-client never stops observing. */
function processMetrics(): Registry {
  if (processRegistry !== null) return processRegistry
  processRegistry = new Registry()
  collectDefaultMetrics({ register: processRegistry })
  return processRegistry
}
