import { checkOptions } from 'napi-torch/internal'
import { listWorkers, type WorkerReport } from './heartbeat.js'
import { JobQueue, QUEUE_OPTIONS, type QueueOptions } from './job_queue.js'
import type { QueueDepth } from './metrics.js'
import type { RunRecord } from './runs.js'

/** Options of {@link status}. */
export interface StatusOptions extends QueueOptions {
  /** Id of the run, or the folder of its results. Default: all runs of the queue. */
  readonly run?: string | undefined
}

/** State of a run: chunks are left, all are done, only failed chunks are left, or it was cancelled. */
export type RunState = 'running' | 'finished' | 'failed' | 'cancelled'

/** Progress of a run. */
export interface RunStatus {
  readonly run: string
  readonly state: RunState
  readonly source: string
  readonly out: string
  readonly images: number
  /** Images of finished chunks, failed images included. */
  readonly imagesDone: number
  /** Number of failed images, by error code. */
  readonly errors: Readonly<Record<string, number>>
  readonly chunks: {
    readonly total: number
    readonly done: number
    /** Being computed. */
    readonly active: number
    /** Given up after all attempts, until `retry`. */
    readonly failed: number
    /** All others. */
    readonly waiting: number
  }
  /** Number of failed chunks, by error code. */
  readonly failures: Readonly<Record<string, number>>
  /** Whether Redis has lost chunks: some are missing, but the queue is empty. `retry` adds them again. */
  readonly isLost: boolean
  /** In ms since 1970, by the clock of Redis. */
  readonly submittedAt: number
  readonly finishedAt: number | null
}

/** State of a queue. */
export interface QueueStatus {
  readonly queue: string
  /** Address of Redis, without secrets. */
  readonly redis: string
  /** Chunks of all runs, by state. */
  readonly depth: QueueDepth
  readonly workers: readonly WorkerReport[]
  /** Sum over all workers, each over its last 10 s. */
  readonly imagesPerSecond: number
  /** Estimated time until all runs are done, in ms; null if no worker makes progress or nothing is left. */
  readonly remainingMs: number | null
  /** Newest first. */
  readonly runs: readonly RunStatus[]
  /** Settings of Redis that may lose work, one sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Reports the progress of the runs of a queue, and its workers.
 *
 * @throws {TorchError} `TORCH_REDIS`, `TORCH_INVALID_ARGUMENT`; `TORCH_RUN` if there is no such run.
 */
export async function status(options: StatusOptions = {}): Promise<QueueStatus> {
  checkOptions('status()', options, [...QUEUE_OPTIONS, 'run'])
  await using queue = await JobQueue.open(options)
  return await readStatus(queue, options.run)
}

/** Reads the status through an open queue. */
export async function readStatus(queue: JobQueue, run: string | undefined): Promise<QueueStatus> {
  const ids = run === undefined ? await queue.runs.list() : [(await queue.findRun(run)).run]
  const [depth, workers, active, failed] = await Promise.all([
    queue.counts(),
    listWorkers(queue.redis, queue.keys),
    activeChunks(queue),
    failures(queue),
  ])
  const runs: RunStatus[] = []
  for (const id of ids) {
    const record = await queue.runs.find(id)
    if (record === null) continue
    const isDone = await queue.runs.done(id)
    const inHand = (active.get(id) ?? []).filter((chunk) => !isDone(chunk)).length
    runs.push(statusOf(record, inHand, failed.get(id) ?? {}, depth))
  }
  runs.sort((one, other) => other.submittedAt - one.submittedAt)
  const imagesPerSecond = workers.reduce((sum, worker) => sum + worker.imagesPerSecond, 0)
  const left = runs.reduce(
    (sum, { state, images, imagesDone }) => sum + (state === 'running' ? images - imagesDone : 0),
    0,
  )
  return {
    queue: queue.name,
    redis: queue.address,
    depth,
    workers,
    imagesPerSecond,
    remainingMs: left > 0 && imagesPerSecond > 0 ? (1000 * left) / imagesPerSecond : null,
    runs,
    warnings: queue.warnings,
  }
}

function statusOf(
  { manifest, isCancelled, counts, chunksDone, submittedAt, finishedAt }: RunRecord,
  active: number,
  failures: Readonly<Record<string, number>>,
  depth: QueueDepth,
): RunStatus {
  const { run, source, out, images, chunks: total } = manifest
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0)
  const waiting = Math.max(total - chunksDone - active - failed, 0)
  const isFinished = chunksDone === total
  const hasFailed = failed > 0 && waiting + active === 0
  return {
    run,
    state: isFinished ? 'finished' : isCancelled ? 'cancelled' : hasFailed ? 'failed' : 'running',
    source,
    out,
    images,
    imagesDone: counts.images,
    errors: counts.errors,
    chunks: { total, done: chunksDone, active, failed, waiting },
    failures,
    isLost: !isCancelled && waiting > 0 && depth.waiting + depth.delayed + depth.active === 0,
    submittedAt,
    finishedAt,
  }
}

async function activeChunks(queue: JobQueue): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, number[]>()
  for await (const { chunk } of queue.chunks('active')) {
    found.set(chunk.run, [...(found.get(chunk.run) ?? []), chunk.chunk])
  }
  return found
}

/** Counts the failed chunks of each run, by the code in which the message of each ends. */
async function failures(queue: JobQueue): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> {
  const found = new Map<string, Record<string, number>>()
  for await (const { job, chunk } of queue.chunks('failed')) {
    const codes = found.get(chunk.run) ?? {}
    // The message of BullMQ for a chunk that killed too many workers has none.
    const code = /\((TORCH_\w+)\)$/.exec(job.failedReason)?.[1] ?? 'TORCH_STALLED'
    codes[code] = (codes[code] ?? 0) + 1
    found.set(chunk.run, codes)
  }
  return found
}
