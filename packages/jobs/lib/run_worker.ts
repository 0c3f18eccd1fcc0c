import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

import { Worker, type Job } from 'bullmq'

import { onAbort, packageFacts } from 'napi-torch/internal'
import { ChunkWorker, type DoneChunk } from './chunk_worker.js'
import type { ChunkModel } from './compute_chunk.js'
import { Heartbeat } from './heartbeat.js'
import { JobQueue, type QueueOptions } from './job_queue.js'
import { KEY_PREFIX } from './keys.js'
import { MAX_TAKEOVERS } from './limits.js'
import { isChunk, type RunModel } from './manifest.js'
import { WorkerMetrics } from './metrics.js'
import { MetricsServer, type MetricsAddress } from './metrics_server.js'
import { OpenRuns } from './open_runs.js'
import { AllowList } from './sources/allow_list.js'

/** Event of a worker. */
export type WorkEvent =
  | {
      readonly type: 'ready'
      /** Id of the worker. */
      readonly worker: string
      readonly queue: string
      /** Address of Redis, without secrets. */
      readonly redis: string
      /** URL of its metrics; null if it serves none. */
      readonly metrics: string | null
    }
  | { readonly type: 'warning'; readonly message: string }
  | ({ readonly type: 'chunk' } & DoneChunk)
  | {
      readonly type: 'failed'
      readonly run: string
      readonly chunk: number
      /** Ends in the error code. */
      readonly message: string
      readonly attempt: number
      /** Maximum number of attempts. */
      readonly attempts: number
    }

/** Settings of a worker, checked. */
export interface WorkerSettings extends QueueOptions {
  readonly concurrency: number
  readonly lockMs: number
  readonly allowRoot: readonly string[] | undefined
  readonly metrics: MetricsAddress | undefined
  readonly untilDone: boolean
  readonly signal: AbortSignal | undefined
  readonly onEvent: (event: WorkEvent) => void
}

/** Totals of a worker when it ends. */
export interface WorkSummary {
  /** Id of the worker. */
  readonly worker: string
  /** Chunks that it computed. */
  readonly chunks: number
  /** Images that it processed, failed ones included. */
  readonly images: number
  /** Images that failed. */
  readonly errors: number
  /** Time from start to end, in ms. */
  readonly elapsedMs: number
}

/** Time between checks whether a queue is done, in ms. */
const IDLE_CHECK_MS = 500

/**
 * Takes chunks from the queue until `signal` is aborted, all chunks are done (with `untilDone`), or this machine turns out to be unable
 * to work on them. Chunks that have been started are finished.
 *
 * `load` loads the model of a run.
 */
export async function runWorker(
  settings: WorkerSettings,
  load: (model: RunModel) => Promise<ChunkModel>,
): Promise<WorkSummary> {
  const { concurrency, lockMs, allowRoot, untilDone, signal, onEvent } = settings
  const begin = performance.now()
  using stop = new Stop(signal)
  await using queue = await JobQueue.open(settings, {
    onLost: (reason) => onEvent({ type: 'warning', message: `Lost the connection to Redis, reconnecting: ${reason}` }),
    onBack: () => onEvent({ type: 'warning', message: 'Reconnected to Redis' }),
  })
  for (const message of queue.warnings) onEvent({ type: 'warning', message })

  const limits = allowRoot === undefined ? null : await AllowList.open(allowRoot, [])
  const id = `${hostname()}:${process.pid}:${randomBytes(2).toString('hex')}`
  const metrics: WorkerMetrics = new WorkerMetrics({
    depth: async () => (queue.redis.status === 'ready' ? queue.counts() : null),
    inHand: () => chunks.inHand,
  })
  const chunks: ChunkWorker = new ChunkWorker({
    queue,
    runs: new OpenRuns(queue.runs, limits),
    metrics,
    load,
    onDone: (chunk) => onEvent({ type: 'chunk', ...chunk }),
    onMachineFault: (fault) => stop.because(fault),
  })
  const server = settings.metrics === undefined ? null : await MetricsServer.open(settings.metrics, metrics)
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
    follow(worker, metrics, onEvent)
    const heartbeat = new Heartbeat(queue.redis, queue.keys, id, () => ({
      id,
      host: hostname(),
      pid: process.pid,
      version: packageFacts().version,
      inHand: chunks.inHand,
      images: metrics.images,
      errors: metrics.errors,
      imagesPerSecond: metrics.rate(),
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
      await heartbeat.end()
      await chunks.close()
    }
  } finally {
    await server?.close()
  }
  stop.throwFault()
  const { chunks: done, images, errors } = metrics
  return { worker: id, chunks: done, images, errors, elapsedMs: performance.now() - begin }
}

/** Request to stop a worker, and the error that caused it. */
class Stop implements Disposable {
  readonly requested: Promise<void>
  #request: () => void = () => undefined
  #fault: { readonly error: unknown } | null = null
  readonly #forget: () => void

  constructor(signal: AbortSignal | undefined) {
    this.requested = new Promise((resolve) => (this.#request = resolve))
    this.#forget = onAbort(signal, () => this.now())
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

  [Symbol.dispose](): void {
    this.#forget()
  }
}

async function stopIfDone(queue: JobQueue, chunks: ChunkWorker, stop: Stop): Promise<void> {
  if (chunks.inHand > 0 || queue.redis.status !== 'ready') return
  try {
    const { waiting, active, delayed } = await queue.counts()
    if (waiting + active + delayed === 0) stop.now()
  } catch {
    // The connection has been closed meanwhile.
  }
}

function follow(worker: Worker<unknown>, metrics: WorkerMetrics, onEvent: (event: WorkEvent) => void): void {
  worker.on('stalled', (job) => {
    metrics.takenOver()
    onEvent({ type: 'warning', message: `Chunk ${job} is taken over: its worker has stopped renewing the lock` })
  })
  worker.on('lockRenewalFailed', (jobs) => {
    for (const job of jobs) {
      metrics.lockLost()
      onEvent({ type: 'warning', message: `Chunk ${job} may be taken over: its lock was not renewed in time` })
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
    // The connection reports its own errors, once each.
    if (worker.closing === undefined && !isConnectionError(error)) onEvent({ type: 'warning', message: error.message })
  })
}

function isConnectionError(error: Error): boolean {
  return 'syscall' in error || /^Connection is closed|^could not renew lock/.test(error.message)
}
