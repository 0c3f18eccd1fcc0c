import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'
import { checkOptions, checkSignal, checkString } from 'napi-torch/internal'
import { featuresPath, presentChunks, readChunk, rowsPath } from './chunk_files.js'
import { chunkAt, listingPath, readImages, readSpans, type Spans } from './listing.js'
import { manifestIn, type RunManifest } from './manifest.js'
import { npyBytes, npyHeader, readNpyHeader } from './npy.js'
import { countRows, formatRows } from './rows.js'
import { writeFile, type Sink } from './write_file.js'

/** Options of {@link merge}. */
export interface MergeOptions {
  readonly signal?: AbortSignal | undefined
  /** Called after each chunk with the number of images so far. */
  readonly onMerged?: ((images: number) => void) | undefined
}

/** Result of {@link merge}. */
export interface Merged {
  readonly run: string
  /** File with one row per image, in the order of the source. */
  readonly results: string
  /** File with an array (images, length) of float32, in the order of the source; null unless features were requested. */
  readonly features: string | null
  readonly images: number
  /** Number of failed images, by error code. */
  readonly errors: Readonly<Record<string, number>>
}

/** Missing chunks that a message lists. */
const MAX_LISTED = 5

/**
 * Merges the results of all chunks of a run into one file, and checks that each image is in it exactly once. One chunk at a time is in
 * memory. Redis is not needed.
 *
 * @param out - Folder of the results.
 * @throws {TorchError} `TORCH_RUN` if chunks are missing or damaged, or the list of images has been changed; `TORCH_DISK_FULL`,
 * `TORCH_FILE`. An earlier result is kept then.
 */
export async function merge(out: string, options: MergeOptions = {}): Promise<Merged> {
  checkString('out', out)
  checkOptions('merge()', options, ['signal', 'onMerged'])
  const signal = checkSignal(options.signal)
  const manifest = await manifestIn(out)
  const spans = await readSpans(manifest)
  const present = await presentChunks(manifest.out, manifest.chunks)
  const missing = Array.from({ length: manifest.chunks }, (_, chunk) => chunk).filter((chunk) => !present.has(chunk))
  if (missing.length > 0) throw incomplete(manifest, missing)

  const results = join(manifest.out, 'results.jsonl')
  const features = manifest.task === 'features' ? join(manifest.out, 'features.npy') : null
  const errors: Record<string, number> = {}
  const copy = async (rowSink: Sink, featureSink: Sink | null, columns: number): Promise<void> => {
    let images = 0
    for (let chunk = 0; chunk < manifest.chunks; chunk++) {
      signal?.throwIfAborted()
      const rows = await checkedRows(manifest, spans, chunk)
      await rowSink(Buffer.from(formatRows(rows)))
      if (featureSink !== null) await featureSink(await featureBytes(manifest, chunk, rows.length, columns))
      for (const [code, count] of Object.entries(countRows(rows).errors)) errors[code] = (errors[code] ?? 0) + count
      images += rows.length
      options.onMerged?.(images)
    }
  }
  await writeFile(results, async (rowSink) => {
    if (features === null) return copy(rowSink, null, 0)
    const columns = await columnsOf(manifest)
    return writeFile(features, async (featureSink) => {
      await featureSink(npyHeader(manifest.images, columns))
      await copy(rowSink, featureSink, columns)
    })
  })
  for (const path of present.leftovers) await rm(path, { force: true })
  return { run: manifest.run, results, features, images: manifest.images, errors }
}

async function checkedRows(
  manifest: RunManifest,
  spans: Spans,
  chunk: number,
): Promise<NonNullable<Awaited<ReturnType<typeof readChunk>>>> {
  const { out, task } = manifest
  const images = await readImages(listingPath(out), chunkAt(spans, manifest, chunk))
  const rows = await readChunk(out, chunk, images, task)
  if (rows !== null) return rows
  const message = `${rowsPath(out, chunk)}: Is damaged: delete it and run napi-torch jobs retry ${out}`
  throw new TorchError('TORCH_RUN', message)
}

/** Finds the length of the vectors. A chunk whose images have all failed does not tell it. */
async function columnsOf({ out, chunks }: RunManifest): Promise<number> {
  for (let chunk = 0; chunk < chunks; chunk++) {
    const header = readNpyHeader(await readFile(featuresPath(out, chunk)))
    if (header !== null && header.columns > 0) return header.columns
  }
  return 0
}

async function featureBytes({ out }: RunManifest, chunk: number, rows: number, columns: number): Promise<Uint8Array> {
  const bytes = await readFile(featuresPath(out, chunk))
  const header = readNpyHeader(bytes)
  // All images of this chunk have failed: their vectors are NaN, as in other chunks.
  if (header?.columns === 0) return npyBytes(new Float32Array(rows * columns).fill(NaN))
  return bytes.subarray(header?.offset)
}

function incomplete({ out, chunks }: RunManifest, missing: readonly number[]): TorchError {
  const listed = missing.slice(0, MAX_LISTED).join(', ') + (missing.length > MAX_LISTED ? ', …' : '')
  const message = `${out}: ${missing.length} of ${chunks} chunks have no results yet (${listed}): see napi-torch jobs status ${out}`
  return new TorchError('TORCH_RUN', message)
}
