import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'
import { reasonOf } from 'napi-torch/internal'
import type { Task } from './manifest.js'
import { npyBytes, npyHeader, readNpyHeader } from './npy.js'
import { formatRows, parseRows, type ResultRow } from './rows.js'
import { writeFile } from './write_file.js'

/** Digits of a chunk in the name of its file: names sort as the chunks do. */
const DIGITS = 8

/** Enough for the header of an array. */
const HEAD_BYTES = 256

/** What was found out about the images of a chunk, in their order. */
export interface ChunkResult {
  readonly rows: readonly ResultRow[]
  /** Features (images, length) in row-major order; null unless they were asked for. */
  readonly features: Features | null
}

/** Vectors of images, in row-major order. */
export interface Features {
  readonly values: Float32Array
  /** Of a vector; 0 where no image gave one. */
  readonly length: number
}

/** Where the results of the chunks lie. */
export function chunksFolder(out: string): string {
  return join(out, 'chunks')
}

/** The file with the lines of a chunk. */
export function rowsPath(out: string, chunk: number): string {
  return join(chunksFolder(out), `${String(chunk).padStart(DIGITS, '0')}.jsonl`)
}

/** The file with the features of a chunk. */
export function featuresPath(out: string, chunk: number): string {
  return rowsPath(out, chunk).replace(/jsonl$/, 'npy')
}

/**
 * Writes the results of a chunk. The lines come last: where they are, all is. A chunk that is written twice is written over by the
 * same.
 *
 * @throws {TorchError} `TORCH_DISK_FULL`, `TORCH_FILE`.
 */
export async function writeChunk(out: string, chunk: number, { rows, features }: ChunkResult): Promise<void> {
  if (features !== null) {
    await writeFile(featuresPath(out, chunk), async (sink) => {
      await sink(npyHeader(rows.length, features.length))
      await sink(npyBytes(features.values))
    })
  }
  await writeFile(rowsPath(out, chunk), (sink) => sink(Buffer.from(formatRows(rows))))
}

/**
 * Reads the lines of a chunk; null if it is not there, or is no result for these images.
 *
 * @throws {TorchError} `TORCH_FILE` if the system refuses.
 */
export async function readChunk(
  out: string,
  chunk: number,
  images: readonly string[],
  task: Task,
): Promise<readonly ResultRow[] | null> {
  const text = await unlessMissing(rowsPath(out, chunk), (path) => readFile(path, 'utf8'))
  const rows = text === null ? null : parseRows(text, images, task)
  if (rows === null || task === 'classify') return rows
  const lengths = rows.map((row) => ('features' in row ? row.features : 0))
  const isWhole = await holdsFeatures(featuresPath(out, chunk), rows.length, Math.max(...lengths))
  return isWhole ? rows : null
}

async function holdsFeatures(path: string, rows: number, columns: number): Promise<boolean> {
  const found = await unlessMissing(path, async () => {
    const handle = await open(path)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
      return { header: readNpyHeader(buffer.subarray(0, bytesRead)), size: (await handle.stat()).size }
    } finally {
      await handle.close()
    }
  })
  if (found?.header?.rows !== rows || found.header.columns !== columns) return false
  return found.size === found.header.offset + rows * columns * Float32Array.BYTES_PER_ELEMENT
}

async function unlessMissing<T>(path: string, read: (path: string) => Promise<T>): Promise<T | null> {
  try {
    return await read(path)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null
    throw new TorchError('TORCH_FILE', `${path}: ${reasonOf(cause)}`, { cause })
  }
}
