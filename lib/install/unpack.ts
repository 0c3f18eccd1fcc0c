import { constants, createWriteStream } from 'node:fs'
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants as zlib, crc32, createInflateRaw } from 'node:zlib'

import { openPromise, type Entry, type ZipFile } from 'yauzl'

import { hasCode, reasonOf } from '../util/errno.js'
import type { TorchError } from '../util/errors.js'
import type { LibtorchFolder } from '../libtorch/folder.js'
import { targetOf } from './contents.js'
import { installError } from './failure.js'
import type { Reporter } from './progress.js'

// zlib's default of 16 KiB makes 27,000 trips to the thread pool of libtorch_cpu.so alone.
const CHUNK = 2 ** 20

/** The compression method of a zip entry that is not compressed. */
const STORED = 0

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
  const zip = await open(archive)
  try {
    const entries = await neededEntries(zip, archive)
    if (entries.length === 0) throw damaged(archive, 'holds no libtorch')
    const total = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0)
    let done = 0
    const count = (bytes: number): void => onProgress?.({ action: 'unpack', done: (done += bytes), total })
    for (const { entry, target } of entries) {
      signal?.throwIfAborted()
      await unpackEntry(zip, entry, join(folder, target), archive, count, signal)
    }
  } finally {
    zip.close()
  }
}

/** The text of the only entry of that name pattern in an archive, or null. */
export async function readEntry(archive: string, name: RegExp): Promise<string | null> {
  const zip = await open(archive)
  try {
    for await (const entry of zip.eachEntry()) {
      if (!name.test(entry.fileName)) continue
      const parts: Buffer[] = []
      for await (const part of await zip.openReadStreamPromise(entry)) parts.push(part as Buffer)
      return Buffer.concat(parts).toString('utf8')
    }
    return null
  } catch (cause) {
    throw damaged(archive, reasonOf(cause), cause)
  } finally {
    zip.close()
  }
}

/** Copies what is needed of an unpacked libtorch into `folder`, with the NVIDIA packages beside it if it has CUDA. */
export async function copyFolder(
  { folder: torch, flavour }: LibtorchFolder,
  folder: string,
  { onStep, onProgress, signal }: Reporter,
): Promise<void> {
  onStep?.(`Copying ${torch}`)
  const files = await neededFiles('torch', torch)
  if (flavour.startsWith('cu')) files.push(...(await neededFiles('nvidia', join(dirname(torch), 'nvidia'))))
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

interface NeededEntry {
  readonly entry: Entry
  readonly target: string
}

async function open(archive: string): Promise<ZipFile> {
  try {
    return await openPromise(archive, { autoClose: false })
  } catch (cause) {
    throw damaged(archive, `is not a zip archive (${reasonOf(cause)})`, cause)
  }
}

async function neededEntries(zip: ZipFile, archive: string): Promise<NeededEntry[]> {
  const needed: NeededEntry[] = []
  try {
    for await (const entry of zip.eachEntry()) {
      const target = targetOf(entry.fileName)
      if (target !== null) needed.push({ entry, target })
    }
  } catch (cause) {
    // Among others: absolute names, and names with `..` in them.
    throw damaged(archive, reasonOf(cause), cause)
  }
  return needed
}

async function unpackEntry(
  zip: ZipFile,
  entry: Entry,
  path: string,
  archive: string,
  count: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  let checksum = 0
  let size = 0
  const check = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const part of source) {
      checksum = crc32(part, checksum)
      size += part.byteLength
      if (size > entry.uncompressedSize) throw new Error('the size does not fit')
      count(part.byteLength)
      yield part
    }
  }
  await mkdir(dirname(path), { recursive: true })
  try {
    if (!entry.canDecodeFileData()) throw new Error('is encrypted, or compressed in an unknown way')
    const raw = await zip.openReadStreamPromise(entry, { decodeFileData: false })
    const chunkSize = Math.min(CHUNK, Math.max(entry.uncompressedSize, zlib.Z_MIN_CHUNK))
    const decoder = entry.compressionMethod === STORED ? new PassThrough() : createInflateRaw({ chunkSize })
    await pipeline(raw, decoder, check, createWriteStream(path), { signal })
  } catch (cause) {
    signal?.throwIfAborted()
    throw damaged(archive, `${entry.fileName}: ${reasonOf(cause)}`, cause)
  }
  if (size !== entry.uncompressedSize) throw damaged(archive, `${entry.fileName}: the size does not fit`)
  if (checksum !== entry.crc32) throw damaged(archive, `${entry.fileName}: the checksum does not fit`)
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
