import { Queue, type Job } from 'bullmq'
import type { Redis } from 'ioredis'

import { TorchError } from 'napi-torch'
import { expected } from 'napi-torch/internal'
import { connect, type Connection, type ConnectionEvents } from './connection.js'
import { checkQueueName, DEFAULT_QUEUE, jobId, KEY_PREFIX, keysOf, type Keys } from './keys.js'
import { ATTEMPT_DELAY_MS, JOBS_AT_A_TIME } from './limits.js'
import { chunkAt, type Spans } from './listing.js'
import { isChunk, manifestIn, type ChunkJob, type RunManifest } from './manifest.js'
import { redisAddress, type RedisSettings } from './redis_settings.js'
import { Runs } from './runs.js'

/** Selects a queue and its Redis. */
export interface QueueOptions {
  /** Address of Redis, or address, user name and password. Default: the environment; see {@link RedisSettings}. */
  readonly redis?: string | RedisSettings | undefined
  /** Name of the queue. Teams that use queues of their own do not wait for each other. Default: `images`. */
  readonly queue?: string | undefined
}

/** Names of {@link QueueOptions}. */
export const QUEUE_OPTIONS = ['redis', 'queue'] as const

const RUN_ID = /^[0-9a-f]{32}$/

/** A job of the queue, and its chunk. */
export interface QueuedChunk {
  readonly job: Job<unknown>
  readonly chunk: ChunkJob
}

/** The queue of chunks, and what Redis knows of the runs. */
export class JobQueue implements AsyncDisposable {
  readonly name: string
  /** Address of Redis, without secrets. */
  readonly address: string
  readonly redis: Redis
  readonly keys: Keys
  readonly runs: Runs
  /** Settings of Redis that may lose work, one sentence each. */
  readonly warnings: readonly string[]
  readonly queue: Queue<unknown>
  readonly #connection: Connection

  /** @throws {TorchError} `TORCH_INVALID_ARGUMENT`, or `TORCH_REDIS` if Redis cannot be reached or must not be used. */
  static async open(
    { redis: settings, queue = DEFAULT_QUEUE }: QueueOptions,
    events?: ConnectionEvents,
  ): Promise<JobQueue> {
    checkQueueName(queue)
    const address = redisAddress(settings)
    return new JobQueue(queue, address.name, await connect(address, events))
  }

  private constructor(name: string, address: string, connection: Connection) {
    this.name = name
    this.address = address
    this.redis = connection.redis
    this.#connection = connection
    this.warnings = connection.warnings
    this.keys = keysOf(name)
    this.runs = new Runs(this.redis, this.keys)
    this.queue = new Queue<unknown>(name, { connection: this.redis, prefix: KEY_PREFIX })
    // The connection reports its own errors; without a listener they would end the process.
    this.queue.on('error', () => undefined)
  }

  /**
   * Finds a run by its id, or by the folder of its results.
   *
   * @throws {TorchError} `TORCH_RUN` if there is none.
   */
  async findRun(idOrFolder: string): Promise<RunManifest> {
    if (typeof idOrFolder !== 'string' || idOrFolder === '')
      throw expected('the id or the folder of a run', 'run', idOrFolder)
    if (!RUN_ID.test(idOrFolder)) return manifestIn(idOrFolder)
    const record = await this.runs.find(idOrFolder)
    if (record === null)
      throw new TorchError('TORCH_RUN', `The queue ${this.name} at ${this.address} knows no run ${idOrFolder}`)
    return record.manifest
  }

  /**
   * Adds the chunks of a run that are neither done nor in the queue. Returns how many were added.
   *
   * The run must be known to Redis before: a worker that takes a chunk looks it up.
   */
  async addMissing(manifest: RunManifest, spans: Spans, signal?: AbortSignal): Promise<number> {
    const { run, chunks, attempts } = manifest
    let isDone = await this.runs.done(run)
    let added = 0
    for (let first = 0; first < chunks; first += JOBS_AT_A_TIME) {
      signal?.throwIfAborted()
      const numbers = Array.from({ length: Math.min(JOBS_AT_A_TIME, chunks - first) }, (_, index) => first + index)
      const absent = await this.#absent(
        run,
        numbers.filter((chunk) => !isDone(chunk)),
      )
      if (absent.length === 0) continue
      // A chunk that a worker finished meanwhile has left the queue, but its bit was set before.
      isDone = await this.runs.done(run)
      const missing = absent.filter((chunk) => !isDone(chunk))
      const jobs = missing.map((chunk) => {
        const data: ChunkJob = { run, ...chunkAt(spans, manifest, chunk) }
        return { name: 'chunk', data, opts: { ...jobOptions(attempts), jobId: jobId(run, chunk) } }
      })
      if (jobs.length > 0) await this.queue.addBulk(jobs)
      added += jobs.length
    }
    return added
  }

  /** Lists the chunks of all runs that are in a state, reading a page at a time. */
  async *chunks(state: 'active' | 'failed'): AsyncGenerator<QueuedChunk, void, undefined> {
    for (let first = 0; ; first += JOBS_AT_A_TIME) {
      const jobs = await this.queue.getJobs([state], first, first + JOBS_AT_A_TIME - 1, true)
      // A job that ended meanwhile is gone, and one of another program is not a chunk.
      for (const job of jobs) if (isChunk(job?.data)) yield { job, chunk: job.data }
      if (jobs.length < JOBS_AT_A_TIME) return
    }
  }

  /** Counts the chunks in each state. */
  async counts(): Promise<{ waiting: number; active: number; delayed: number; failed: number }> {
    const {
      wait = 0,
      active = 0,
      delayed = 0,
      failed = 0,
    } = await this.queue.getJobCounts('wait', 'active', 'delayed', 'failed')
    return { waiting: wait, active, delayed, failed }
  }

  async close(): Promise<void> {
    await this.queue.close()
    this.#connection.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #absent(run: string, chunks: readonly number[]): Promise<number[]> {
    const pipeline = this.redis.pipeline()
    for (const chunk of chunks) pipeline.exists(this.queue.toKey(jobId(run, chunk)))
    const found = (await pipeline.exec()) ?? []
    return chunks.filter((_, index) => found[index]?.[1] === 0)
  }
}

/** A chunk that is done is known by its bit, so that its job can be removed: Redis keeps those that wait or failed. */
function jobOptions(attempts: number): object {
  return {
    attempts,
    backoff: { type: 'exponential', delay: ATTEMPT_DELAY_MS },
    removeOnComplete: true,
    // Every attempt would add one.
    stackTraceLimit: 1,
  }
}
