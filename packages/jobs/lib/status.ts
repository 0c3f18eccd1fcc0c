import { checkOptions } from 'napi-torch/internal'
import type { QueueDepth } from './figures.js'
import { findRun } from './find_run.js'
import { JobQueue, QUEUE_OPTIONS, type QueueOptions } from './job_queue.js'
import { listWorkers, type WorkerReport } from './presence.js'
import type { RunRecord } from './runs.js'

/** Options of {@link status}. */
export interface StatusOptions extends QueueOptions {
  /** Id of a run, or the folder of its results. Default: all runs that Redis knows. */
  readonly run?: string | undefined
}

/** What becomes of a run: chunks are left, all are done, some have failed and no others are left, or nobody wants it any more. */
export type RunState = 'running' | 'finished' | 'failed' | 'cancelled'

/** How far a run is. */
export interface RunStatus {
  readonly run: string
  readonly state: RunState
  readonly source: string
  readonly out: string
  readonly images: number
  /** Images of the chunks that are done. */
  readonly imagesDone: number
  /** Of these, the ones without an answer, by the code of the reason. */
  readonly errors: Readonly<Record<string, number>>
  readonly chunks: {
    readonly total: number
    readonly done: number
    /** In the hands of workers. */
    readonly active: number
    /** To be tried again by `retry` only. */
    readonly failed: number
    /** The rest. */
    readonly waiting: number
  }
  /** Failed chunks, by the code of the reason. */
  readonly failures: Readonly<Record<string, number>>
  /** Chunks wait, but the queue has none: Redis lost them. `retry` adds them again. */
  readonly isLost: boolean
  /** In ms since 1970, by the clock of Redis. */
  readonly submittedAt: number
  readonly finishedAt: number | null
}

/** How a queue is. */
export interface QueueStatus {
  readonly queue: string
  /** Address of Redis, without secrets. */
  readonly redis: string
  /** Chunks of all runs by their state. */
  readonly depth: QueueDepth
  readonly workers: readonly WorkerReport[]
  /** Of all workers, of late. */
  readonly imagesPerSecond: number
  /** Until no chunk waits, in ms, at the present rate; null where there is none. */
  readonly remainingMs: number | null
  /** The newest first. */
  readonly runs: readonly RunStatus[]
  /** What may lose work in the way in which Redis is set up, in sentences. */
  readonly warnings: readonly string[]
}

/**
 * Tells how far the runs of a queue are, and who works on them.
 *
 * @throws {TorchError} `TORCH_REDIS`, `TORCH_INVALID_ARGUMENT`; `TORCH_RUN` if there is no such run.
 */
export async function status(options: StatusOptions = {}): Promise<QueueStatus> {
  checkOptions('status()', options, [...QUEUE_OPTIONS, 'run'])
  await using queue = await JobQueue.open(options)
  return await readStatus(queue, options.run)
}

/** Reads it through a connection that lasts. */
export async function readStatus(queue: JobQueue, run: string | undefined): Promise<QueueStatus> {
  const ids = run === undefined ? await queue.runs.list() : [(await findRun(queue, run)).run]
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

/** Failed chunks of each run, by the code in which the message of each ends. */
async function failures(queue: JobQueue): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> {
  const found = new Map<string, Record<string, number>>()
  for await (const { job, chunk } of queue.chunks('failed')) {
    const codes = found.get(chunk.run) ?? {}
    // BullMQ's own text, for a chunk of which too many workers died, has none.
    const code = /\((TORCH_\w+)\)$/.exec(job.failedReason)?.[1] ?? 'TORCH_STALLED'
    codes[code] = (codes[code] ?? 0) + 1
    found.set(chunk.run, codes)
  }
  return found
}
