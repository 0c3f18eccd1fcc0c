import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'

import { shorten } from '../../util/check.js'
import { failure, type Fail, type FaultLocation } from '../failure.js'
import { Budget } from '../budget.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import type { ByteSource } from '../source.js'
import { readDirectory, type Directory, type DirectoryEntry, type ZipMethod } from './directory.js'

const inflate = promisify(inflateRaw)

const LOCAL_HEADER = 0x04034b50
const LOCAL_HEADER_BYTES = 30
const ENCRYPTED = 0x1

/** Local headers that lie this close together are read at once: a read costs more than the bytes between them. */
const WINDOW_BYTES = 2 ** 16

/** Reads of such windows that overlap, to hide the latency of each. */
const HEADERS_AT_ONCE = 8

/** One file of a zip archive. */
export interface ZipEntry {
  /** With all folders. */
  readonly name: string
  readonly method: ZipMethod
  /** Byte offset of the data in the archive. */
  readonly dataOffset: number
  /** Bytes in the archive. */
  readonly compressedSize: number
  /** Bytes when inflated; the same if stored. */
  readonly size: number
  /** CRC-32 of the data when inflated. */
  readonly crc32: number
}

/** A zip archive that has been checked as a whole: every entry lies inside the file, and none shares bytes with another. */
export interface ZipArchive {
  readonly source: ByteSource
  /** The one top folder, without a slash. */
  readonly root: string
  /** By name without the top folder. */
  readonly entries: ReadonlyMap<string, ZipEntry>
}

/**
 * Reads a zip archive of the kind that torch.save writes: one top folder, and what {@link readEntries} reads, unless its entries
 * have been read before. CRCs are not looked at, as torch can be told to leave them out.
 *
 * @throws {CheckpointError} what `readEntries` throws, and `TORCH_CHECKPOINT_FORMAT` for entries outside the one folder.
 */
export async function readZip(
  source: ByteSource,
  limits: CheckpointLimits,
  known?: readonly ZipEntry[],
): Promise<ZipArchive> {
  const entries = known ?? (await readEntries(source, limits, new Budget(limits, source.size)))
  return { source, ...oneRoot(entries, (code, text) => failure(code, { path: source.path }, text)) }
}

/**
 * Reads the directory and all local headers of a zip archive: entries stored or deflated, zip64 where needed. Every entry
 * lies inside the file, and none shares bytes with another; names are as they stand there, and may lead anywhere.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if a part is missing, lies outside or overlaps another;
 * `TORCH_CHECKPOINT_UNSUPPORTED` for encryption and other compression; `TORCH_CHECKPOINT_LIMIT` past a limit.
 */
export async function readEntries(
  source: ByteSource,
  limits: CheckpointLimits,
  budget = new Budget(limits, source.size),
): Promise<readonly ZipEntry[]> {
  const directory = await readDirectory(source, limits)
  const { directoryOffset, entries } = directory
  const fail: Fail = (code, text) => failure(code, { path: source.path }, text)
  checkInflation(entries, limits, budget, fail)
  const located = await locate(source, directory)
  checkOverlap(located, directoryOffset, fail)
  return located
}

/**
 * Gives the bytes of an entry, inflated where needed. A stored entry of a buffer is a view, not a copy.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if the data does not inflate to exactly the size in the directory.
 */
export async function readEntry(source: ByteSource, entry: Omit<ZipEntry, 'crc32'>): Promise<Uint8Array> {
  const bytes = await source.read(entry.dataOffset, entry.compressedSize)
  if (entry.method === 'stored') return bytes
  const place = { path: source.path, entry: entry.name, offset: 0 }
  // zlib refuses a limit of 0; a larger result is caught by the comparison.
  const inflated = await inflate(bytes, { maxOutputLength: Math.max(entry.size, 1) }).catch((cause: unknown) => {
    throw failure('TORCH_CHECKPOINT_CORRUPT', place, `Cannot be inflated to ${entry.size} bytes`, cause)
  })
  if (inflated.length === entry.size) return inflated
  throw failure('TORCH_CHECKPOINT_CORRUPT', place, `Expected ${entry.size} bytes, inflated to ${inflated.length}`)
}

function checkInflation(
  entries: readonly DirectoryEntry[],
  limits: CheckpointLimits,
  budget: Budget,
  fail: Fail,
): void {
  let total = 0
  for (const { name, method, size, compressedSize } of entries) {
    if (method === 'stored') continue
    total += size
    if (size > 2 ** 20 && size / compressedSize > limits.inflateRatio) {
      const what = `Entry ${shorten(name)} claims to inflate from ${compressedSize} to ${size} bytes`
      throw pastLimit(fail, limits, 'inflateRatio', what)
    }
  }
  if (total > limits.inflatedBytes) {
    throw pastLimit(fail, limits, 'inflatedBytes', `The deflated entries claim to inflate to ${total} bytes`)
  }
  // What is inflated is then copied, into tensors or strings.
  budget.takeMemory(2 * total, fail)
}

async function locate(source: ByteSource, { bytes: names, entries }: Directory): Promise<ZipEntry[]> {
  const located: (ZipEntry | undefined)[] = new Array<undefined>(entries.length)
  const windows = windowsOf(entries, source.size)
  let next = 0
  const reader = async (): Promise<void> => {
    for (let window = windows[next++]; window !== undefined; window = windows[next++]) {
      const { start, end } = window
      const bytes = await source.read(start, end - start)
      const headers = { source, names, start, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) }
      for (const index of window.indices) {
        const entry = entries[index]
        if (entry !== undefined) located[index] = parseLocalHeader(entry, headers)
      }
    }
  }
  const readers = await Promise.allSettled(Array.from({ length: HEADERS_AT_ONCE }, reader))
  const failed = readers.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return located.filter((entry) => entry !== undefined)
}

/** A stretch of the file that is read at once, and the numbers of the entries whose local headers lie in it. */
interface HeaderWindow {
  readonly start: number
  end: number
  readonly indices: number[]
}

/** Between the weights of two convolutions, say, lie a dozen headers and the small tensors of a normalization. */
function windowsOf(entries: readonly DirectoryEntry[], size: number): HeaderWindow[] {
  const windows: HeaderWindow[] = []
  const offsetOf = (index: number): number => entries[index]?.headerOffset ?? 0
  for (const index of [...entries.keys()].sort((a, b) => offsetOf(a) - offsetOf(b))) {
    const start = offsetOf(index)
    const end = start + LOCAL_HEADER_BYTES + (entries[index]?.nameBytes ?? 0)
    const last = windows.at(-1)
    // A header past the end of the file is read alone, and so refused alone.
    if (last !== undefined && end <= last.start + WINDOW_BYTES && end <= size) {
      last.end = Math.max(last.end, end)
      last.indices.push(index)
    } else {
      windows.push({ start, end, indices: [index] })
    }
  }
  return windows
}

/** The bytes of a window, and those of the directory, whose names they must repeat. */
interface Headers {
  readonly source: ByteSource
  readonly names: Uint8Array
  readonly start: number
  readonly bytes: Uint8Array
  readonly view: DataView
}

/** The data begins after the local header, whose name and extra field may be longer than the directory's. */
function parseLocalHeader(entry: DirectoryEntry, { source, names, start, bytes, view }: Headers): ZipEntry {
  const { name, nameAt, method, compressedSize, size, crc32, headerOffset } = entry
  const from = headerOffset - start
  if (view.getUint32(from, true) !== LOCAL_HEADER) {
    throw failure('TORCH_CHECKPOINT_CORRUPT', placeOf(entry, source), 'Expected a local file header')
  }
  const flags = view.getUint16(from + 6, true)
  const nameBytes = view.getUint16(from + 26, true)
  const extraBytes = view.getUint16(from + 28, true)
  if ((flags & ENCRYPTED) !== 0) {
    throw failure('TORCH_CHECKPOINT_UNSUPPORTED', placeOf(entry, source), 'The entry is encrypted')
  }
  let sameName = nameBytes === entry.nameBytes
  for (let index = 0; sameName && index < nameBytes; index++) {
    sameName = names[nameAt + index] === bytes[from + LOCAL_HEADER_BYTES + index]
  }
  if (!sameName || view.getUint16(from + 8, true) !== (method === 'stored' ? 0 : 8)) {
    const text = 'The local header and the directory disagree'
    throw failure('TORCH_CHECKPOINT_CORRUPT', placeOf(entry, source), text)
  }
  const dataOffset = headerOffset + LOCAL_HEADER_BYTES + nameBytes + extraBytes
  return { name, method, dataOffset, compressedSize, size, crc32 }
}

function placeOf({ name, headerOffset }: DirectoryEntry, { path }: ByteSource): FaultLocation {
  return { path, entry: name, offset: headerOffset }
}

/** Entries that share bytes turn a small archive into a huge one, and let two names say different things. */
function checkOverlap(entries: readonly ZipEntry[], directoryOffset: number, fail: Fail): void {
  const sorted = [...entries].sort((a, b) => a.dataOffset - b.dataOffset)
  let end = 0
  let previous = ''
  for (const { name, dataOffset, compressedSize } of sorted) {
    // The least that lies between two pieces of data is a header.
    if (dataOffset - LOCAL_HEADER_BYTES < end) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Entries ${shorten(previous)} and ${shorten(name)} overlap`)
    }
    end = dataOffset + compressedSize
    previous = name
  }
  if (end > directoryOffset) throw fail('TORCH_CHECKPOINT_CORRUPT', `Entry ${shorten(previous)} overlaps the directory`)
}

function oneRoot(entries: readonly ZipEntry[], fail: Fail): Pick<ZipArchive, 'root' | 'entries'> {
  const byName = new Map<string, ZipEntry>()
  let root: string | undefined
  for (const entry of entries) {
    const slash = entry.name.indexOf('/')
    if (slash <= 0)
      throw fail(
        'TORCH_CHECKPOINT_FORMAT',
        `Entry ${shorten(entry.name)} is not in a folder, as in a file of torch.save`,
      )
    const folder = entry.name.slice(0, slash)
    root ??= folder
    if (folder !== root)
      throw fail('TORCH_CHECKPOINT_FORMAT', `Has two top folders, ${shorten(root)} and ${shorten(folder)}`)
    const inner = entry.name.slice(slash + 1)
    if (inner === '' || inner.endsWith('/')) continue
    if (byName.has(inner)) throw fail('TORCH_CHECKPOINT_CORRUPT', `Entry ${shorten(entry.name)} is a duplicate`)
    byName.set(inner, entry)
  }
  if (root === undefined) throw fail('TORCH_CHECKPOINT_FORMAT', 'Is an empty zip archive')
  return { root, entries: byName }
}
