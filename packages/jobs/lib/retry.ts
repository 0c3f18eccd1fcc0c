import { rm } from 'node:fs/promises'

import { checkOptions, checkSignal, expected } from 'napi-torch/internal'
import { presentChunks, readChunk, rowsPath } from './chunk_files.js'
import { JobQueue, QUEUE_OPTIONS, type QueueOptions } from './job_queue.js'
import { jobId } from './keys.js'
import { chunkAt, listingPath, readImages, readSpans, type Spans } from './listing.js'
import type { RunManifest } from './manifest.js'
import { countRows } from './rows.js'

/** Options of {@link retry}. */
export interface RetryOptions extends QueueOptions {
  /** Also retry chunks with images that failed with one of these codes, such as `TORCH_SOURCE_UNAVAILABLE`. Default: none. */
  readonly errors?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** Result of {@link retry}. */
export interface Retried {
  readonly run: string
  /** Chunks that had failed. */
  readonly failed: number
  /** Chunks that were done and will be computed again: they had errors of the given codes, or their results were gone. */
  readonly reopened: number
  /** Chunks that were added to the queue: failed, reopened, cancelled, and lost by Redis. */
  readonly added: number
}

/**
 * Adds the missing chunks of a run to the queue: those that failed, were cancelled, were lost by Redis, or whose results are gone; and
 * on request those with errors of some codes.
 *
 * @param run - Id of the run, or the folder of its results, with which Redis need not know the run.
 * @throws {TorchError} `TORCH_RUN` if there is no such run, or its list of images has been changed; `TORCH_REDIS`,
 * `TORCH_FILE`, `TORCH_INVALID_ARGUMENT`.
 */
export async function retry(run: string, options: RetryOptions = {}): Promise<Retried> {
  checkOptions('retry()', options, [...QUEUE_OPTIONS, 'errors', 'signal'])
  const { errors = [] } = options
  if (!Array.isArray(errors)) throw expected('an array of codes', 'errors', errors)
  const signal = checkSignal(options.signal)
  await using queue = await JobQueue.open(options)
  const manifest = await queue.findRun(run)
  const spans = await readSpans(manifest)
  await queue.runs.begin(manifest)
  const failed = await removeFailed(queue, manifest.run)
  const reopened = await reopen(queue, manifest, { spans, errors, signal })
  const added = await queue.addMissing(manifest, spans, signal)
  return { run: manifest.run, failed, reopened, added }
}

/** A failed job keeps its number of attempts: a new one with the same id starts from zero. */
async function removeFailed(queue: JobQueue, run: string): Promise<number> {
  const ids: string[] = []
  for await (const { chunk } of queue.chunks('failed')) if (chunk.run === run) ids.push(jobId(run, chunk.chunk))
  for (const id of ids) await queue.queue.remove(id)
  return ids.length
}

interface ReopenOptions {
  readonly spans: Spans
  readonly errors: readonly string[]
  readonly signal: AbortSignal | undefined
}

/** Marks chunks as not done whose results are gone, or that have errors of the given codes. */
async function reopen(
  queue: JobQueue,
  manifest: RunManifest,
  { spans, errors, signal }: ReopenOptions,
): Promise<number> {
  const { run, out, chunks, task } = manifest
  const isDone = await queue.runs.done(run)
  const present = await presentChunks(out, chunks)
  let reopened = 0
  for (let chunk = 0; chunk < chunks; chunk++) {
    signal?.throwIfAborted()
    const isGone = isDone(chunk) && !present.has(chunk)
    if (!isGone && (errors.length === 0 || !present.has(chunk))) continue
    const place = chunkAt(spans, manifest, chunk)
    const rows = isGone ? null : await readChunk(out, chunk, await readImages(listingPath(out), place), task)
    const counts = rows === null ? { images: place.images, errors: {} } : countRows(rows)
    if (!isGone && !errors.some((code) => Object.hasOwn(counts.errors, code))) continue
    await rm(rowsPath(out, chunk), { force: true })
    await queue.runs.reopen(run, chunk, counts)
    reopened++
  }
  return reopened
}
