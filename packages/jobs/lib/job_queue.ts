import { Queue, type Job } from 'bullmq'
import type { Redis } from 'ioredis'

import { connect, type Connection, type ConnectionEvents } from './connection.js'
import { checkQueueName, DEFAULT_QUEUE, jobId, KEY_PREFIX, keysOf, type Keys } from './keys.js'
import { ATTEMPT_DELAY_MS, JOBS_AT_A_TIME } from './limits.js'
import { chunkAt, type Spans } from './listing.js'
import { isChunk, type ChunkJob, type Manifest } from './manifest.js'
import { redisAddress, type RedisSettings } from './redis_settings.js'
import { judgeRedis } from './redis_server.js'
import { Runs } from './runs.js'

/** Which queue, on which Redis. */
export interface QueueOptions {
  /** Address of Redis, or address, user and password. Default: the environment; see {@link RedisSettings}. */
  readonly redis?: string | RedisSettings | undefined
  /** Name of the queue: teams with queues of their own do not wait for each other. Default: `images`. */
  readonly queue?: string | undefined
}

/** Names of {@link QueueOptions}. */
export const QUEUE_OPTIONS = ['redis', 'queue'] as const

/** A job of the queue: a chunk, and why it failed. */
export interface QueuedChunk {
  readonly job: Job<unknown>
  readonly chunk: ChunkJob
}

/** A connection to the queue of chunks, and to what is known of the runs. */
export class JobQueue implements AsyncDisposable {
  readonly name: string
  /** Address of Redis, without secrets. */
  readonly address: string
  readonly redis: Redis
  readonly keys: Keys
  readonly runs: Runs
  /** What may lose work in the way in which Redis is set up, in sentences. */
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
    const connection = await connect(address, events)
    try {
      const warnings = judgeRedis(await connection.redis.info(), address.name)
      return new JobQueue(queue, address.name, connection, warnings)
    } catch (error) {
      connection.close()
      throw error
    }
  }

  private constructor(name: string, address: string, connection: Connection, warnings: readonly string[]) {
    this.name = name
    this.address = address
    this.redis = connection.redis
    this.#connection = connection
    this.warnings = warnings
    this.keys = keysOf(name)
    this.runs = new Runs(this.redis, this.keys)
    this.queue = new Queue<unknown>(name, { connection: this.redis, prefix: KEY_PREFIX })
    // The connection tells of its own faults; without a listener this would end the process.
    this.queue.on('error', () => undefined)
  }

  /**
   * Adds those chunks of a run that are neither done nor in the queue, by hundreds. Gives how many were added.
   *
   * The run is made known first: a worker that takes a chunk asks for it.
   */
  async addMissing(manifest: Manifest, spans: Spans, signal?: AbortSignal): Promise<number> {
    const { run, chunks, attempts } = manifest
    const isDone = await this.runs.done(run)
    let added = 0
    for (let first = 0; first < chunks; first += JOBS_AT_A_TIME) {
      signal?.throwIfAborted()
      const numbers = Array.from({ length: Math.min(JOBS_AT_A_TIME, chunks - first) }, (_, index) => first + index)
      const missing = await this.#absent(
        run,
        numbers.filter((chunk) => !isDone(chunk)),
      )
      const jobs = missing.map((chunk) => {
        const data: ChunkJob = { run, ...chunkAt(spans, manifest, chunk) }
        return { name: 'chunk', data, opts: { ...jobOptions(attempts), jobId: jobId(run, chunk) } }
      })
      if (jobs.length > 0) await this.queue.addBulk(jobs)
      added += jobs.length
    }
    return added
  }

  /** The chunks of the queue in a state, those of all runs, a page at a time. */
  async *chunks(state: 'active' | 'failed'): AsyncGenerator<QueuedChunk, void, undefined> {
    for (let first = 0; ; first += JOBS_AT_A_TIME) {
      const jobs = await this.queue.getJobs([state], first, first + JOBS_AT_A_TIME - 1, true)
      // A job that ended meanwhile is not there any more, and one of strangers is no chunk.
      for (const job of jobs) if (isChunk(job?.data)) yield { job, chunk: job.data }
      if (jobs.length < JOBS_AT_A_TIME) return
    }
  }

  /** How many chunks are in each state. */
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

/** What is done is known by its bit: Redis keeps only what is to be done, or failed. */
function jobOptions(attempts: number): object {
  return {
    attempts,
    backoff: { type: 'exponential', delay: ATTEMPT_DELAY_MS },
    removeOnComplete: true,
    // Each attempt would add its own.
    stackTraceLimit: 1,
  }
}
