import type { Job } from 'bullmq'

import { TorchError } from 'napi-torch'
import { readChunk, writeChunk } from './chunk_files.js'
import { computeChunk, type ChunkModel } from './compute_chunk.js'
import type { Figures } from './figures.js'
import type { JobQueue } from './job_queue.js'
import { listingPath, readImages } from './listing.js'
import { checkChunk, type ChunkJob, type ModelSettings } from './manifest.js'
import { ModelHolder } from './model_holder.js'
import type { OpenRun, OpenRuns } from './open_runs.js'
import { countRows } from './rows.js'
import type { Counts } from './runs.js'
import { Suspects } from './suspects.js'

/** Times that a chunk was taken over before its images are suspected: one worker may die of anything. */
const SUSPECTED_AFTER = 2

/** A chunk that is done. */
export interface DoneChunk extends Counts {
  readonly run: string
  readonly chunk: number
  /** For reading, computing and writing. */
  readonly ms: number
  /** Its results were there: another worker had written them. */
  readonly wasPresent: boolean
}

/** What {@link ChunkWorker} is made of. */
export interface ChunkWorkerParts {
  readonly queue: JobQueue
  readonly runs: OpenRuns
  readonly figures: Figures
  readonly load: (settings: ModelSettings) => Promise<ChunkModel>
  /** Called for each chunk that is done. */
  readonly onDone: (chunk: DoneChunk) => void
  /** Called when this machine cannot work on a run, whichever chunk it takes: another one may be able to. */
  readonly onMachineFault: (fault: unknown) => void
}

/** Computes chunks, each as often as it is asked to, with one result. */
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

  /** Computes the chunk of a job. A failure is told in one line, which ends in its code. */
  async process(job: Job<unknown>): Promise<void> {
    this.#inHand++
    try {
      await this.#process(job)
    } catch (error) {
      this.#parts.figures.chunk('failed', { images: 0, errors: {} }, 0)
      const { code, message } = error instanceof TorchError ? error : { code: 'TORCH_INTERNAL', message: String(error) }
      throw new Error(`${message} (${code})`, { cause: error })
    } finally {
      this.#inHand--
    }
  }

  /** Lets the model go. */
  close(): Promise<void> {
    return this.#models.close()
  }

  async #process(job: Job<unknown>): Promise<void> {
    const { queue, runs, figures, onDone } = this.#parts
    const data = checkChunk(job.data)
    const { run, chunk } = data
    if (!(await queue.runs.isWanted(run))) {
      figures.chunk('unwanted', { images: 0, errors: {} }, 0)
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
    figures.chunk(present === null ? 'computed' : 'present', counts, ms / 1000)
    onDone({ run, chunk, ...counts, ms, wasPresent: present !== null })
  }

  async #compute(
    job: Job<unknown>,
    { run, chunk }: ChunkJob,
    { manifest, opener }: OpenRun,
    images: readonly string[],
  ): Promise<Counts> {
    const { queue, figures } = this.#parts
    const suspects =
      job.stalledCounter < SUSPECTED_AFTER ? null : new Suspects(queue.redis, queue.keys.suspects(run), chunk)
    const blamed = await suspects?.begin()
    const compute = (model: ChunkModel): ReturnType<typeof computeChunk> => {
      return computeChunk({
        manifest,
        images,
        model,
        opener,
        isLastAttempt: job.attemptsMade + 1 >= manifest.attempts,
        blamed,
        onNext: suspects === null ? undefined : (position) => suspects.note(position),
        onImage: () => figures.image(),
      })
    }
    const result = await this.#models.use(manifest.model, compute)
    await suspects?.end()
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
