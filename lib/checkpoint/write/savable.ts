import { endianness } from 'node:os'

import { openSource } from '../source.js'
import type { StoredStorage } from '../stored.js'
import { readEntry } from '../zip/archive.js'

/** Bytes that are copied, summed and written at a time: about a millisecond of the event loop. */
export const CHUNK_BYTES = 4 * 2 ** 20

/** Memory that can be written into a checkpoint. */
export interface SavableStorage {
  /** Equal for those that share memory. */
  readonly identity: unknown
  readonly nbytes: number
  /**
   * Gives the first `length` bytes, little-endian, where `swapped` bytes change places together. A chunk is good until the next
   * one is asked for.
   */
  chunks(length: number, swapped: number): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** What a checkpoint says of a tensor, apart from its memory. */
export interface TensorHeader {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly storageOffset: number
  readonly requiresGrad: boolean
  readonly isParameter: boolean
}

/** Makes the storage of one checkpoint savable in another. It is read when it is written, and never as a whole. */
export function savableStorage(storage: StoredStorage): SavableStorage {
  return {
    identity: storage,
    nbytes: storage.nbytes,
    chunks: (length, swapped) => readChunks(storage, length, storage.byteOrder === 'little' ? 1 : swapped),
  }
}

async function* readChunks(storage: StoredStorage, length: number, swapped: number): AsyncGenerator<Uint8Array> {
  const { source, entry, offset, length: compressedSize, method } = storage.record
  const opened = await openSource(source)
  try {
    if (method === 'deflated') {
      const extent = { name: entry, method, dataOffset: offset, compressedSize, size: storage.nbytes }
      yield* split(await readEntry(opened, extent), length, swapped)
      return
    }
    const buffer = new Uint8Array(Math.min(CHUNK_BYTES, length))
    for (let at = 0; at < length; at += CHUNK_BYTES) {
      const bytes = await opened.read(offset + at, Math.min(CHUNK_BYTES, length - at), buffer)
      yield swappedCopy(bytes, swapped)
    }
  } finally {
    await opened.close()
  }
}

function* split(bytes: Uint8Array, length: number, swapped: number): Generator<Uint8Array> {
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    yield swappedCopy(bytes.subarray(at, Math.min(at + CHUNK_BYTES, length)), swapped)
  }
}

/** Gives memory of this machine in the order of a file, which is little-endian. */
export function littleEndian(bytes: Uint8Array, swapped: number): Uint8Array {
  return endianness() === 'LE' ? bytes : swappedCopy(bytes, swapped)
}

/** Turns around every `width` bytes, in a copy; gives `bytes` itself for a width of 1. */
export function swappedCopy(bytes: Uint8Array, width: number): Uint8Array {
  switch (width) {
    case 2:
      return Buffer.from(bytes).swap16()
    case 4:
      return Buffer.from(bytes).swap32()
    case 8:
      return Buffer.from(bytes).swap64()
    default:
      return bytes
  }
}
