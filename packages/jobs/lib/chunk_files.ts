import { open, opendir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'
import { hasCode, reasonOf, shorten } from 'napi-torch/internal'
import type { Task } from './manifest.js'
import { npyBytes, npyHeader, readNpyHeader } from './npy.js'
import { formatRows, parseRows, type ResultRow } from './rows.js'
import { writeFile } from './write_file.js'

/** Digits of the number of a chunk in the names of its files: names sort as the chunks do. */
const DIGITS = 8

/** Bytes that are read to find the header of an array. */
const HEADER_BYTES = 256

/** Results of the images of a chunk, in their order. */
export interface ChunkResult {
  readonly rows: readonly ResultRow[]
  /** Null unless features were requested. */
  readonly features: Features | null
}

/** Feature vectors of images. */
export interface Features {
  /** (images, length) in row-major order; NaN for images that failed. */
  readonly values: Float32Array
  /** Length of each vector; 0 if all images failed. */
  readonly length: number
}

/** Folder of the results of the chunks. */
export function chunksFolder(out: string): string {
  return join(out, 'chunks')
}

/** File with the result rows of a chunk. */
export function rowsPath(out: string, chunk: number): string {
  return join(chunksFolder(out), `${String(chunk).padStart(DIGITS, '0')}.jsonl`)
}

/** File with the features of a chunk. */
export function featuresPath(out: string, chunk: number): string {
  return rowsPath(out, chunk).replace(/jsonl$/, 'npy')
}

/**
 * Writes the results of a chunk, the rows last: if their file exists, the results are complete. Writing a chunk twice leaves the same
 * files.
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
 * Reads the result rows of a chunk; null if they are missing, incomplete, or not those of the given images.
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

/** Tells which chunks of a run have results, and which files are left over. */
export interface PresentChunks {
  has(chunk: number): boolean
  /** Temporary files of writers that died. */
  readonly leftovers: readonly string[]
}

/**
 * Finds the chunks of a run that have results: whether a file exists, not what it contains.
 *
 * @throws {TorchError} `TORCH_FILE` if the folder cannot be read.
 */
export async function presentChunks(out: string, chunks: number): Promise<PresentChunks> {
  const folder = chunksFolder(out)
  const found = new Uint8Array(chunks)
  const leftovers: string[] = []
  try {
    for await (const { name } of await opendir(folder)) {
      const number = /^(\d+)\.jsonl$/.exec(name)?.[1]
      if (number !== undefined) found[Number(number)] = 1
      else if (/^\..*\.tmp$/.test(name)) leftovers.push(join(folder, name))
    }
  } catch (cause) {
    throw new TorchError('TORCH_FILE', `${folder}: ${reasonOf(cause, 'folder')}`, { cause })
  }
  return { has: (chunk) => found[chunk] === 1, leftovers }
}

async function holdsFeatures(path: string, rows: number, columns: number): Promise<boolean> {
  const found = await unlessMissing(path, async () => {
    const handle = await open(path)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
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
    if (hasCode(cause, 'ENOENT')) return null
    throw new TorchError('TORCH_FILE', `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  }
}
