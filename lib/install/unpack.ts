import { constants, createWriteStream } from 'node:fs'
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants as zlib, crc32, createInflateRaw } from 'node:zlib'

import { DEFAULT_LIMITS } from '../checkpoint/limits.js'
import { openSource, type ByteSource } from '../checkpoint/source.js'
import { readEntries, readEntry, type ZipEntry } from '../checkpoint/zip/archive.js'
import type { LibtorchFolder } from '../libtorch/folder.js'
import { hasCode, reasonOf } from '../util/errno.js'
import { CheckpointError, type TorchError } from '../util/errors.js'
import { targetOf } from './contents.js'
import { installError } from './failure.js'
import type { Reporter } from './progress.js'

// zlib's default of 16 KiB makes 27,000 trips to the thread pool of libtorch_cpu.so alone.
const CHUNK = 2 ** 20

/** Archives are as large as libtorch is, and are unpacked to files: what a file inflates to is compared with its entry. */
const LIMITS = { ...DEFAULT_LIMITS, inflateRatio: Infinity, inflatedBytes: Infinity }

/**
 * Unpacks what is needed of torch wheels or libtorch archives into `folder`, checking each file's checksum.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_INSTALL` where an archive is damaged, holds a path that leaves the folder, or
 * holds no libtorch.
 */
export async function unpackArchive(
  archive: string,
  folder: string,
  { onStep, onProgress, signal }: Reporter,
): Promise<void> {
  onStep?.(`Unpacking ${basename(archive)}`)
  await withEntries(archive, async (source, all) => {
    const entries = neededEntries(all, archive)
    if (entries.length === 0) throw damaged(archive, 'holds no libtorch')
    const total = entries.reduce((sum, { entry }) => sum + entry.size, 0)
    let done = 0
    const count = (bytes: number): void => onProgress?.({ action: 'unpack', done: (done += bytes), total })
    for (const { entry, target } of entries) {
      signal?.throwIfAborted()
      await unpackEntry(source, entry, join(folder, target), archive, count, signal)
    }
  })
}

/** Gives the text of the first entry of that name pattern in an archive, or null. */
export async function readText(archive: string, name: RegExp): Promise<string | null> {
  return withEntries(archive, async (source, entries) => {
    const entry = entries.find((candidate) => name.test(candidate.name))
    return entry === undefined ? null : Buffer.from(await readEntry(source, entry)).toString('utf8')
  })
}

/** Copies what is needed of an unpacked libtorch into `folder`, with the NVIDIA packages beside it if it has CUDA. */
export async function copyFolder(
  { folder: torch, flavor }: LibtorchFolder,
  folder: string,
  { onStep, onProgress, signal }: Reporter,
): Promise<void> {
  onStep?.(`Copying ${torch}`)
  const files = await neededFiles('torch', torch)
  if (flavor.startsWith('cu')) files.push(...(await neededFiles('nvidia', join(dirname(torch), 'nvidia'))))
  const total = files.reduce((sum, { size }) => sum + size, 0)
  let done = 0
  for (const { path, target, size } of files) {
    signal?.throwIfAborted()
    const copy = join(folder, target)
    await mkdir(dirname(copy), { recursive: true })
    // Shares the blocks where the file system can (Btrfs, XFS, APFS).
    await copyFile(path, copy, constants.COPYFILE_FICLONE)
    onProgress?.({ action: 'copy', done: (done += size), total })
  }
}

async function withEntries<T>(
  archive: string,
  body: (source: ByteSource, entries: readonly ZipEntry[]) => Promise<T>,
): Promise<T> {
  const source = await openSource(archive)
  try {
    return await body(source, await readEntries(source, LIMITS))
  } catch (cause) {
    // The reader names the archive, and where in it something is wrong.
    throw cause instanceof CheckpointError ? installError(`Cannot unpack ${cause.message}`, cause) : cause
  } finally {
    await source.close()
  }
}

interface NeededEntry {
  readonly entry: ZipEntry
  readonly target: string
}

function neededEntries(entries: readonly ZipEntry[], archive: string): NeededEntry[] {
  return entries.flatMap((entry) => {
    // Some programs for Windows write backslashes.
    const name = entry.name.replaceAll('\\', '/')
    if (/^(?:\/|[a-z]:)/i.test(name) || name.split('/').includes('..')) {
      throw damaged(archive, `expected names below the folder, received ${entry.name}`)
    }
    const target = targetOf(name)
    return target === null ? [] : [{ entry, target }]
  })
}

async function unpackEntry(
  source: ByteSource,
  entry: ZipEntry,
  path: string,
  archive: string,
  count: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let checksum = 0
  let size = 0
  const check = async function* (parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const part of parts) {
      checksum = crc32(part, checksum)
      size += part.byteLength
      if (size > entry.size) throw new Error('the size does not fit')
      count(part.byteLength)
      yield part
    }
  }
  await mkdir(dirname(path), { recursive: true })
  try {
    const chunkSize = Math.min(CHUNK, Math.max(entry.size, zlib.Z_MIN_CHUNK))
    const decoder = entry.method === 'stored' ? new PassThrough() : createInflateRaw({ chunkSize })
    await pipeline(dataOf(source, entry), decoder, check, createWriteStream(path), { signal })
  } catch (cause) {
    signal?.throwIfAborted()
    throw damaged(archive, `${entry.name}: ${reasonOf(cause)}`, cause)
  }
  if (size !== entry.size) throw damaged(archive, `${entry.name}: the size does not fit`)
  if (checksum !== entry.crc32) throw damaged(archive, `${entry.name}: the checksum does not fit`)
}

/** Gives the bytes of an entry as they lie in the archive, piece by piece: a library may have a gigabyte. */
async function* dataOf(source: ByteSource, { dataOffset, compressedSize }: ZipEntry): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < compressedSize; done += CHUNK) {
    yield await source.read(dataOffset + done, Math.min(CHUNK, compressedSize - done))
  }
}

interface NeededFile {
  readonly path: string
  readonly target: string
  readonly size: number
}

async function neededFiles(name: string, root: string): Promise<NeededFile[]> {
  const files: NeededFile[] = []
  for (const path of await filesBelow(root)) {
    const target = targetOf(`${name}/${relative(root, path).split(sep).join('/')}`)
    if (target !== null) files.push({ path, target, size: (await stat(path)).size })
  }
  return files
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    // A link to a library counts as the library: copies are of what it points to.
    return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

function damaged(archive: string, fault: string, cause?: unknown): TorchError {
  return installError(`Cannot unpack ${archive}: ${fault}`, cause)
}
