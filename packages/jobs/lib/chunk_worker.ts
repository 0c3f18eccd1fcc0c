import type { Job } from 'bullmq'

import { TorchError } from 'napi-torch'
import { readChunk, writeChunk } from './chunk_files.js'
import { computeChunk, type ChunkModel } from './compute_chunk.js'
import type { JobQueue } from './job_queue.js'
import { listingPath, readImages } from './listing.js'
import { checkChunk, type ChunkJob, type RunModel } from './manifest.js'
import type { WorkerMetrics } from './metrics.js'
import { ModelHolder } from './model_holder.js'
import type { OpenRun, OpenRuns } from './open_runs.js'
import { PoisonMessages } from './poison_messages.js'
import { countRows } from './rows.js'
import type { Counts } from './runs.js'

/** Takeovers of a chunk before its images are computed one by one: a single worker may die of anything. */
const MIN_TAKEOVERS = 2

/** A chunk that is done. */
export interface DoneChunk extends Counts {
  readonly run: string
  readonly chunk: number
  /** Time for reading, computing and writing. */
  readonly ms: number
  /** Whether another worker had already written the results. */
  readonly wasPresent: boolean
}

/** Parts of a {@link ChunkWorker}. */
export interface ChunkWorkerParts {
  readonly queue: JobQueue
  readonly runs: OpenRuns
  readonly metrics: WorkerMetrics
  readonly load: (settings: RunModel) => Promise<ChunkModel>
  /** Called for each chunk that is done. */
  readonly onDone: (chunk: DoneChunk) => void
  /** Called when this machine cannot work on any chunk of a run; another machine may be able to. */
  readonly onMachineFault: (fault: unknown) => void
}

/** Computes chunks. A chunk that is computed again has the same result. */
export class ChunkWorker {
  readonly #parts: ChunkWorkerParts
  readonly #models: ModelHolder
  #inHand = 0

  constructor(parts: ChunkWorkerParts) {
    this.#parts = parts
    this.#models = new ModelHolder((settings) => this.#orMachineFault(() => parts.load(settings)))
  }

  /** Chunks that are being computed. */
  get inHand(): number {
    return this.#inHand
  }

  /** Computes the chunk of a job. The message of a failure is one line that ends in its code. */
  async process(job: Job<unknown>): Promise<void> {
    this.#inHand++
    try {
      await this.#process(job)
    } catch (error) {
      this.#parts.metrics.chunk('failed', { images: 0, errors: {} }, 0)
      const { code, message } = error instanceof TorchError ? error : { code: 'TORCH_INTERNAL', message: String(error) }
      throw new Error(`${message} (${code})`, { cause: error })
    } finally {
      this.#inHand--
    }
  }

  /** Closes the model. */
  close(): Promise<void> {
    return this.#models.close()
  }

  async #process(job: Job<unknown>): Promise<void> {
    const { queue, runs, metrics, onDone } = this.#parts
    const data = checkChunk(job.data)
    const { run, chunk } = data
    if (!(await queue.runs.isWanted(run))) {
      metrics.chunk('unwanted', { images: 0, errors: {} }, 0)
      return
    }
    const begin = performance.now()
    const opened = await this.#orMachineFault(() => runs.open(run))
    const { out, task } = opened.manifest
    const images = await readImages(listingPath(out), data)
    const present = await readChunk(out, chunk, images, task)
    const counts = present === null ? await this.#compute(job, data, opened, images) : countRows(present)
    await queue.runs.finish(run, chunk, counts)
    const ms = performance.now() - begin
    metrics.chunk(present === null ? 'computed' : 'present', counts, ms / 1000)
    onDone({ run, chunk, ...counts, ms, wasPresent: present !== null })
  }

  async #compute(
    job: Job<unknown>,
    { run, chunk }: ChunkJob,
    { manifest, opener }: OpenRun,
    images: readonly string[],
  ): Promise<Counts> {
    const { queue, metrics } = this.#parts
    const poison =
      job.stalledCounter < MIN_TAKEOVERS ? null : new PoisonMessages(queue.redis, queue.keys.poison(run), chunk)
    const skipped = await poison?.begin()
    const compute = (model: ChunkModel): ReturnType<typeof computeChunk> => {
      return computeChunk({
        manifest,
        images,
        model,
        opener,
        isLastAttempt: job.attemptsMade + 1 >= manifest.attempts,
        skipped,
        onNext: poison === null ? undefined : (position) => poison.note(position),
        onImage: () => metrics.image(),
      })
    }
    const result = await this.#models.use(manifest.model, compute)
    await poison?.end()
    await writeChunk(manifest.out, chunk, result)
    return countRows(result.rows)
  }

  async #orMachineFault<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body()
    } catch (fault) {
      this.#parts.onMachineFault(fault)
      throw fault
    }
  }
}
