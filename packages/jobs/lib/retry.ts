import { rm } from 'node:fs/promises'

import { checkOptions, checkSignal, expected } from 'napi-torch/internal'
import { readChunk, rowsPath } from './chunk_files.js'
import { findRun } from './find_run.js'
import { JobQueue, QUEUE_OPTIONS, type QueueOptions } from './job_queue.js'
import { jobId } from './keys.js'
import { chunkAt, listingPath, readImages, readSpans, type Spans } from './listing.js'
import type { Manifest } from './manifest.js'
import { presentChunks } from './present_chunks.js'
import { countRows } from './rows.js'

/** Options of {@link retry}. */
export interface RetryOptions extends QueueOptions {
  /** Work again on chunks with images that ended with one of these codes, such as `TORCH_SOURCE_UNAVAILABLE`. Default: none. */
  readonly errors?: readonly string[] | undefined
  readonly signal?: AbortSignal | undefined
}

/** What {@link retry} did. */
export interface Retried {
  readonly run: string
  /** Chunks that had failed. */
  readonly failed: number
  /** Chunks that were done, and are to be done again: they had errors of the given codes, or their results are not there any more. */
  readonly reopened: number
  /** Chunks that were added to the queue: those, and the ones that Redis had lost. */
  readonly added: number
}

/**
 * Gives the chunks of a run to the workers that are missing: those that failed, that Redis lost, whose results are gone, or that
 * were cancelled; and on demand those with errors of some kinds.
 *
 * @param run - Id of the run, or the folder of its results: then Redis need not know of it.
 * @throws {TorchError} `TORCH_RUN` if there is no such run, or its list of images has been changed; `TORCH_REDIS`,
 * `TORCH_FILE`, `TORCH_INVALID_ARGUMENT`.
 */
export async function retry(run: string, options: RetryOptions = {}): Promise<Retried> {
  checkOptions('retry()', options, [...QUEUE_OPTIONS, 'errors', 'signal'])
  const { errors = [] } = options
  if (!Array.isArray(errors)) throw expected('an array of codes', 'errors', errors)
  const signal = checkSignal(options.signal)
  await using queue = await JobQueue.open(options)
  const manifest = await findRun(queue, run)
  const spans = await readSpans(manifest)
  await queue.runs.begin(manifest)
  const failed = await removeFailed(queue, manifest.run)
  const reopened = await reopen(queue, manifest, spans, errors, signal)
  const added = await queue.addMissing(manifest, spans, signal)
  return { run: manifest.run, failed, reopened, added }
}

/** A failed job keeps how often it was tried: a new one of the same id begins anew. */
async function removeFailed(queue: JobQueue, run: string): Promise<number> {
  const ids: string[] = []
  for await (const { chunk } of queue.chunks('failed')) if (chunk.run === run) ids.push(jobId(run, chunk.chunk))
  for (const id of ids) await queue.queue.remove(id)
  return ids.length
}

async function reopen(
  queue: JobQueue,
  manifest: Manifest,
  spans: Spans,
  errors: readonly string[],
  signal: AbortSignal | undefined,
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
