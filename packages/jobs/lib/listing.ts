import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'
import { reasonOf, shorten } from 'napi-torch/internal'
import type { ChunkJob, RunManifest } from './manifest.js'
import { writeFile, type Sink } from './write_file.js'

const LINE_FEED = 10

/** Positions of the chunks in a list of images: chunk `i` is at the bytes from `offsets[i]` up to `offsets[i + 1]`. */
export interface Spans {
  readonly images: number
  readonly offsets: readonly number[]
}

/** A list of images that has been written. */
export interface Listing extends Spans {
  /** SHA-256 of the file. */
  readonly digest: string
}

/** File of the list of images in the folder of the results. */
export function listingPath(out: string): string {
  return join(out, 'images.jsonl')
}

/** Options of {@link writeListing}. */
export interface WriteListingOptions {
  readonly chunkSize: number
  readonly signal?: AbortSignal | undefined
  /** Called after each chunk with the number of images so far. */
  readonly onListed?: ((images: number) => void) | undefined
}

/**
 * Writes a list of images, each as a JSON string in a line of its own. Only the positions of the chunks are in memory.
 *
 * @throws {TorchError} `TORCH_DISK_FULL`, `TORCH_FILE`, and what the items throw; no file is left then.
 */
export async function writeListing(
  path: string,
  items: AsyncIterable<string>,
  { chunkSize, signal, onListed }: WriteListingOptions,
): Promise<Listing> {
  const hash = createHash('sha256')
  const offsets = [0]
  let images = 0
  let bytes = 0
  const write = async (sink: Sink): Promise<void> => {
    for await (const item of items) {
      const line = Buffer.from(`${JSON.stringify(item)}\n`)
      hash.update(line)
      await sink(line)
      images++
      bytes += line.length
      if (images % chunkSize !== 0) continue
      offsets.push(bytes)
      onListed?.(images)
    }
  }
  await writeFile(path, write, signal)
  if (images % chunkSize !== 0) offsets.push(bytes)
  return { images, offsets, digest: hash.digest('hex') }
}

/**
 * Finds the positions of the chunks in the list of a run.
 *
 * @throws {TorchError} `TORCH_FILE` if it cannot be read, `TORCH_RUN` if it has been changed.
 */
export async function readSpans({ out, chunkSize, listing }: RunManifest): Promise<Spans> {
  const path = listingPath(out)
  const hash = createHash('sha256')
  const offsets = [0]
  let images = 0
  let bytes = 0
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      for (let end = piece.indexOf(LINE_FEED); end >= 0; end = piece.indexOf(LINE_FEED, end + 1)) {
        images++
        if (images % chunkSize === 0) offsets.push(bytes + end + 1)
      }
      bytes += piece.length
      hash.update(piece)
    }
  } catch (cause) {
    throw new TorchError('TORCH_FILE', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  }
  if (hash.digest('hex') !== listing)
    throw new TorchError('TORCH_RUN', `${shorten(path)}: Has been changed since the run was submitted`)
  if (images % chunkSize !== 0) offsets.push(bytes)
  return { images, offsets }
}

/** Returns the position of a chunk and its number of images: the last chunk may have fewer. */
export function chunkAt(
  { offsets, images }: Spans,
  { chunkSize }: Pick<RunManifest, 'chunkSize'>,
  chunk: number,
): Omit<ChunkJob, 'run'> {
  const offset = offsets[chunk] ?? 0
  const bytes = (offsets[chunk + 1] ?? 0) - offset
  return { chunk, offset, bytes, images: Math.min(chunkSize, images - chunk * chunkSize) }
}

/**
 * Reads the images of a chunk.
 *
 * @throws {TorchError} `TORCH_RUN` if the list does not have them; `TORCH_FILE` if it cannot be read.
 */
export async function readImages(
  path: string,
  { offset, bytes, images }: Pick<ChunkJob, 'offset' | 'bytes' | 'images'>,
): Promise<readonly string[]> {
  const buffer = Buffer.alloc(bytes)
  try {
    const handle = await open(path)
    try {
      await handle.read(buffer, 0, bytes, offset)
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw new TorchError('TORCH_FILE', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  }
  const lines = buffer.toString('utf8').split('\n')
  if (lines.pop() !== '' || lines.length !== images) {
    throw new TorchError(
      'TORCH_RUN',
      `${shorten(path)}: Expected ${images} images from byte ${offset} on: the list has been changed`,
    )
  }
  return lines.map((line) => JSON.parse(line) as string)
}
