import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

import { Worker, type Job } from 'bullmq'

import { packageFacts } from 'napi-torch/internal'
import { ChunkWorker, type DoneChunk } from './chunk_worker.js'
import type { ChunkModel } from './compute_chunk.js'
import { Figures } from './figures.js'
import { JobQueue, type QueueOptions } from './job_queue.js'
import { KEY_PREFIX } from './keys.js'
import { MAX_TAKEOVERS } from './limits.js'
import { isChunk, type ModelSettings } from './manifest.js'
import { MetricsServer, type MetricsAddress } from './metrics_server.js'
import { OpenRuns } from './open_runs.js'
import { Presence } from './presence.js'
import { AllowList } from './sources/allow_list.js'

/** What a worker tells of itself. */
export type WorkEvent =
  | {
      readonly type: 'ready'
      /** Id of the worker. */
      readonly worker: string
      readonly queue: string
      /** Address of Redis, without secrets. */
      readonly redis: string
      /** Where its figures are; null where it serves none. */
      readonly metrics: string | null
    }
  | { readonly type: 'warning'; readonly message: string }
  | ({ readonly type: 'chunk' } & DoneChunk)
  | {
      readonly type: 'failed'
      readonly run: string
      readonly chunk: number
      /** Ends in the code. */
      readonly message: string
      /** Of so many. */
      readonly attempt: number
      readonly attempts: number
    }

/** How a worker works. */
export interface WorkerSettings extends QueueOptions {
  readonly concurrency: number
  readonly lockMs: number
  readonly allowRoot: readonly string[] | undefined
  readonly metrics: MetricsAddress | undefined
  readonly untilDone: boolean
  readonly signal: AbortSignal | undefined
  readonly onEvent: (event: WorkEvent) => void
}

/** What a worker has done. */
export interface WorkSummary {
  /** Id of the worker. */
  readonly worker: string
  /** Chunks that it computed. */
  readonly chunks: number
  /** Images that it looked at. */
  readonly images: number
  /** Of these, the ones without an answer. */
  readonly errors: number
  /** In ms. */
  readonly elapsedMs: number
}

/** How often a worker that has nothing in hand asks whether all is done, in ms. */
const IDLE_CHECK_MS = 500

/**
 * Takes chunks from the queue until `signal` is aborted, all is done, or this machine turns out to be unable to: then what is in
 * hand is finished.
 *
 * `load` gives the model of a run.
 */
export async function runWorker(
  settings: WorkerSettings,
  load: (model: ModelSettings) => Promise<ChunkModel>,
): Promise<WorkSummary> {
  const { concurrency, lockMs, allowRoot, metrics, untilDone, signal, onEvent } = settings
  const begin = performance.now()
  const stop = new Stop(signal)
  await using queue = await JobQueue.open(settings, {
    onLost: (reason) => onEvent({ type: 'warning', message: `Redis is away, trying again: ${reason}` }),
    onBack: () => onEvent({ type: 'warning', message: 'Redis is back' }),
  })
  for (const message of queue.warnings) onEvent({ type: 'warning', message })

  const limits = allowRoot === undefined ? null : await AllowList.open(allowRoot, [])
  const id = `${hostname()}:${process.pid}:${randomBytes(2).toString('hex')}`
  const figures: Figures = new Figures({
    depth: async () => (queue.redis.status === 'ready' ? queue.counts() : null),
    inHand: () => chunks.inHand,
  })
  const chunks: ChunkWorker = new ChunkWorker({
    queue,
    runs: new OpenRuns(queue.runs, limits),
    figures,
    load,
    onDone: (chunk) => onEvent({ type: 'chunk', ...chunk }),
    onMachineFault: (fault) => stop.because(fault),
  })
  const server = metrics === undefined ? null : await MetricsServer.open(metrics, figures)
  try {
    const worker = new Worker<unknown>(queue.name, (job) => chunks.process(job), {
      connection: queue.redis,
      prefix: KEY_PREFIX,
      name: id,
      autorun: false,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: MAX_TAKEOVERS,
    })
    follow(worker, figures, onEvent)
    const presence = new Presence(queue.redis, queue.keys, id, () => ({
      id,
      host: hostname(),
      pid: process.pid,
      version: packageFacts().version,
      inHand: chunks.inHand,
      images: figures.images,
      errors: figures.errors,
      imagesPerSecond: figures.rate(),
      uptimeMs: performance.now() - begin,
    }))
    const idle = untilDone ? setInterval(() => void stopIfDone(queue, chunks, stop), IDLE_CHECK_MS) : undefined
    try {
      onEvent({ type: 'ready', worker: id, queue: queue.name, redis: queue.address, metrics: server?.url ?? null })
      const running = worker.run()
      await stop.requested
      await worker.close()
      await running
    } finally {
      clearInterval(idle)
      await presence.end()
      await chunks.close()
    }
  } finally {
    await server?.close()
  }
  stop.throwFault()
  const { images, errors } = figures
  return { worker: id, chunks: figures.chunks, images, errors, elapsedMs: performance.now() - begin }
}

/** Why and when a worker is to stop. */
class Stop {
  readonly requested: Promise<void>
  #request: () => void = () => undefined
  #fault: { readonly error: unknown } | null = null

  constructor(signal: AbortSignal | undefined) {
    this.requested = new Promise((resolve) => (this.#request = resolve))
    if (signal?.aborted === true) this.now()
    signal?.addEventListener('abort', () => this.now(), { once: true })
  }

  now(): void {
    this.#request()
  }

  because(error: unknown): void {
    this.#fault ??= { error }
    this.#request()
  }

  throwFault(): void {
    if (this.#fault !== null) throw this.#fault.error
  }
}

async function stopIfDone(queue: JobQueue, chunks: ChunkWorker, stop: Stop): Promise<void> {
  if (chunks.inHand > 0 || queue.redis.status !== 'ready') return
  const { waiting, active, delayed } = await queue.counts()
  if (waiting + active + delayed === 0) stop.now()
}

function follow(worker: Worker<unknown>, figures: Figures, onEvent: (event: WorkEvent) => void): void {
  worker.on('stalled', (job) => {
    figures.takenOver()
    onEvent({ type: 'warning', message: `The worker of chunk ${job} has fallen silent: another one takes it over` })
  })
  worker.on('lockRenewalFailed', (jobs) => {
    for (const job of jobs) {
      figures.lockLost()
      onEvent({ type: 'warning', message: `Chunk ${job} was held for too long without a word to Redis` })
    }
  })
  worker.on('failed', (job: Job<unknown> | undefined, error) => {
    const { message } = error
    if (job === undefined || !isChunk(job.data)) {
      onEvent({ type: 'warning', message })
      return
    }
    const { run, chunk } = job.data
    onEvent({ type: 'failed', run, chunk, message, attempt: job.attemptsMade, attempts: job.opts.attempts ?? 1 })
  })
  worker.on('error', (error) => {
    // The connection tells of its own faults, once each.
    if (worker.closing === undefined && !isOfConnection(error)) onEvent({ type: 'warning', message: error.message })
  })
}

function isOfConnection(error: Error): boolean {
  return 'syscall' in error || /^Connection is closed|^could not renew lock/.test(error.message)
}
