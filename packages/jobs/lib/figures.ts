// The one import of prom-client in this part: another library could take its place here.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

import { packageFacts } from 'napi-torch/internal'
import type { Counts } from './runs.js'

const CHUNK_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** Over which time the present rate is measured, in ms. */
const WINDOW_MS = 10_000

/** How chunks end: computed, found done, failed in this attempt, or not wanted any more. */
export type ChunkEnd = 'computed' | 'present' | 'failed' | 'unwanted'

/** Chunks of the queue by their state. */
export type QueueDepth = Readonly<Record<'waiting' | 'active' | 'delayed' | 'failed', number>>

/** What {@link Figures} asks when it is asked itself. */
export interface FigureSources {
  /** Null while Redis is away. */
  readonly depth: () => Promise<QueueDepth | null>
  readonly inHand: () => number
}

/** The figures of a worker: for its word to the others, and in the format of Prometheus. */
export class Figures {
  /** Images that have been answered, or not, since the beginning. */
  images = 0
  /** Of these, the ones without an answer. */
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

  constructor({ depth, inHand }: FigureSources) {
    const registers = [this.#registry]
    this.#images = new Counter({ name: 'napi_torch_jobs_images_total', help: 'Images that were looked at', registers })
    this.#errors = new Counter({
      name: 'napi_torch_jobs_image_errors_total',
      help: 'Images without an answer, by the code of the reason',
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
      help: 'Time in which a chunk was computed and written',
      buckets: CHUNK_SECONDS,
      registers,
    })
    this.#locksLost = new Counter({
      name: 'napi_torch_jobs_locks_lost_total',
      help: 'Chunks that this worker held for too long without a word to Redis',
      registers,
    })
    this.#takenOver = new Counter({
      name: 'napi_torch_jobs_taken_over_total',
      help: 'Chunks of dead workers that this one gave back to the queue',
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
      name: 'process_resident_memory_bytes',
      help: 'Resident memory of the process',
      registers,
      collect() {
        this.set(process.memoryUsage.rss())
      },
    })
    new Gauge({
      name: 'napi_torch_build_info',
      help: 'Always 1; the labels say what runs',
      labelNames: ['version', 'node'],
      registers,
    }).set({ version: packageFacts().version, node: process.versions.node }, 1)
  }

  /** Counts an image that has been looked at. */
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

  /** Images per second, of late. Call it now and then: it measures between calls. */
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

  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
