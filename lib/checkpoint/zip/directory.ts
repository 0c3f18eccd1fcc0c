import { shorten } from '../../util/check.js'
import { failure, type Fail } from '../failure.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import type { ByteSource } from '../source.js'

const END = 0x06054b50
const END_BYTES = 22
const MAX_COMMENT_BYTES = 0xffff
const END_64 = 0x06064b50
const END_64_BYTES = 56
const LOCATOR_64 = 0x07064b50
const LOCATOR_64_BYTES = 20
const DIRECTORY_HEADER = 0x02014b50
const DIRECTORY_HEADER_BYTES = 46
const EXTRA_64 = 0x0001
const ENCRYPTED = 0x1

/** How the bytes of an entry are written: as they are, or by zlib's raw deflate. */
export type ZipMethod = 'stored' | 'deflated'

/** An entry as the directory at the end of the archive describes it. */
export interface DirectoryEntry {
  readonly name: string
  /** Byte of the directory at which the name stands: a view of it for each of many entries would cost more than all else. */
  readonly nameAt: number
  readonly nameBytes: number
  readonly method: ZipMethod
  readonly compressedSize: number
  readonly size: number
  /** CRC-32 of the data when inflated. */
  readonly crc32: number
  /** Byte offset of the local header. */
  readonly headerOffset: number
}

/** The directory of an archive and where it begins. */
export interface Directory {
  readonly directoryOffset: number
  readonly bytes: Uint8Array
  readonly entries: readonly DirectoryEntry[]
}

interface EndRecord {
  readonly count: number
  readonly offset: number
  readonly bytes: number
}

/** Reads the central directory of a zip archive, its 64-bit form included. Called by `readEntries`, which checks the rest. */
export async function readDirectory(source: ByteSource, limits: CheckpointLimits): Promise<Directory> {
  const fail: Fail = (code, text) => failure(code, { path: source.path }, text)
  const { count, offset, bytes } = await readEnd(source, fail)
  if (count > limits.archiveEntries) throw pastLimit(fail, limits, 'archiveEntries', `The archive has ${count} entries`)
  if (bytes > limits.directoryBytes) {
    throw pastLimit(fail, limits, 'directoryBytes', `The directory of the archive has ${bytes} bytes`)
  }
  const directory = await source.read(offset, bytes)
  return { directoryOffset: offset, bytes: directory, entries: parseDirectory(directory, count, offset, source.path) }
}

async function readEnd(source: ByteSource, fail: Fail): Promise<EndRecord> {
  const tailBytes = Math.min(source.size, END_BYTES + MAX_COMMENT_BYTES)
  const tailOffset = source.size - tailBytes
  const tail = await source.read(tailOffset, tailBytes)
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  for (let at = tailBytes - END_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== END) continue
    const locatorAt = at - LOCATOR_64_BYTES
    const has64 = locatorAt >= 0 && view.getUint32(locatorAt, true) === LOCATOR_64
    const end = has64 ? await readEnd64(source, view, locatorAt, fail) : endRecord(view, at)
    const limit = tailOffset + (has64 ? locatorAt : at)
    // The signature may also stand in the data of a stored entry: only one that fits its place is believed.
    if (end !== undefined && end.offset + end.bytes <= limit) return end
  }
  throw fail(
    'TORCH_CHECKPOINT_CORRUPT',
    'The zip archive is truncated: its directory is missing from the end of the file',
  )
}

function endRecord(view: DataView, at: number): EndRecord | undefined {
  const disk = view.getUint16(at + 4, true)
  const directoryDisk = view.getUint16(at + 6, true)
  const countHere = view.getUint16(at + 8, true)
  const count = view.getUint16(at + 10, true)
  if (disk !== 0 || directoryDisk !== 0 || countHere !== count) return undefined
  return { count, bytes: view.getUint32(at + 12, true), offset: view.getUint32(at + 16, true) }
}

async function readEnd64(source: ByteSource, tail: DataView, locatorAt: number, fail: Fail): Promise<EndRecord> {
  const offset = Number(tail.getBigUint64(locatorAt + 8, true))
  if (offset + END_64_BYTES > source.size) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `The 64-bit directory record at byte ${offset} lies outside the file`)
  }
  const record = await source.read(offset, END_64_BYTES)
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
  if (view.getUint32(0, true) !== END_64) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a 64-bit directory record at byte ${offset}`)
  }
  // Beyond 2^53 they lose digits, but no such value passes a comparison with the size of the file.
  return {
    count: Number(view.getBigUint64(32, true)),
    bytes: Number(view.getBigUint64(40, true)),
    offset: Number(view.getBigUint64(48, true)),
  }
}

function parseDirectory(
  directory: Uint8Array,
  count: number,
  start: number,
  path: string | undefined,
): DirectoryEntry[] {
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength)
  const text = Buffer.from(directory.buffer, directory.byteOffset, directory.byteLength)
  const entries: DirectoryEntry[] = []
  let at = 0
  // One function for all entries: one for each would be most of the garbage of a large directory.
  const fail: Fail = (code, reason) => failure(code, { path, offset: start + at }, reason)
  for (let index = 0; index < count; index++) {
    if (at + DIRECTORY_HEADER_BYTES > directory.length || view.getUint32(at, true) !== DIRECTORY_HEADER) {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected entry ${index + 1} of ${count} in the directory of the archive`)
    }
    const nameBytes = view.getUint16(at + 28, true)
    const extraBytes = view.getUint16(at + 30, true)
    const next = at + DIRECTORY_HEADER_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true)
    if (next > directory.length) throw fail('TORCH_CHECKPOINT_CORRUPT', 'An entry runs past the end of the directory')
    entries.push(parseEntry({ text, view, at, nameBytes, extraBytes }, fail))
    at = next
  }
  if (at !== directory.length) {
    throw failure('TORCH_CHECKPOINT_CORRUPT', { path, offset: start + at }, 'The directory holds more than its entries')
  }
  return entries
}

/** A header of the directory, by the lengths that it names. */
interface HeaderExtent {
  /** The directory. */
  readonly text: Buffer
  readonly view: DataView
  /** Byte at which the header begins. */
  readonly at: number
  readonly nameBytes: number
  readonly extraBytes: number
}

function parseEntry({ text, view, at, nameBytes, extraBytes }: HeaderExtent, fail: Fail): DirectoryEntry {
  const nameAt = at + DIRECTORY_HEADER_BYTES
  const name = text.toString('utf8', nameAt, nameAt + nameBytes)
  const flags = view.getUint16(at + 8, true)
  const method = view.getUint16(at + 10, true)
  if ((flags & ENCRYPTED) !== 0) throw fail('TORCH_CHECKPOINT_UNSUPPORTED', `Entry ${shorten(name)} is encrypted`)
  if (method !== 0 && method !== 8) {
    throw fail(
      'TORCH_CHECKPOINT_UNSUPPORTED',
      `Entry ${shorten(name)} is compressed by method ${method}, expected stored or deflated`,
    )
  }
  const extra = wideFields(view, nameAt + nameBytes, extraBytes)
  // The 64-bit values stand in this order, and only those whose 32-bit field is full.
  const size = extra(view.getUint32(at + 24, true))
  const compressedSize = extra(view.getUint32(at + 20, true))
  const headerOffset = extra(view.getUint32(at + 42, true))
  if (size === undefined || compressedSize === undefined || headerOffset === undefined) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Entry ${shorten(name)} lacks its 64-bit sizes`)
  }
  if (method === 0 && size !== compressedSize) {
    throw fail(
      'TORCH_CHECKPOINT_CORRUPT',
      `Entry ${shorten(name)} is stored, but has two sizes, ${compressedSize} and ${size}`,
    )
  }
  const crc32 = view.getUint32(at + 16, true)
  const stored = method === 0 ? 'stored' : 'deflated'
  return { name, nameAt, nameBytes, method: stored, compressedSize, size, crc32, headerOffset }
}

/** Gives a function that replaces each full 32-bit field by the next value of the zip64 extra field. */
function wideFields(view: DataView, at: number, bytes: number): (field: number) => number | undefined {
  const end = at + bytes
  let next = end
  let last = end
  for (let field = at; field + 4 <= end;) {
    const id = view.getUint16(field, true)
    const length = view.getUint16(field + 2, true)
    if (id === EXTRA_64) {
      next = field + 4
      last = Math.min(next + length, end)
      break
    }
    field += 4 + length
  }
  return (field) => {
    if (field !== 0xffffffff) return field
    if (next + 8 > last) return undefined
    const value = Number(view.getBigUint64(next, true))
    next += 8
    return value
  }
}
