import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'

import { reasonOf } from '../util/errno.js'
import { failure } from './failure.js'
import { hintForPath } from './path_hints.js'

/** Both ends of a file hold what is asked for piece by piece, its magic number and its directory, and are read at once. */
const EDGE_BYTES = 2 ** 16

/** Random access to the bytes of a checkpoint, in a file or in memory. */
export interface ByteSource {
  /** The file; undefined for a buffer. */
  readonly path: string | undefined
  /** The bytes, if they are in memory. */
  readonly bytes: Uint8Array | undefined
  /** Byte of the file at which it begins, where it is a part of one. */
  readonly start?: number
  /** Bytes in all. */
  readonly size: number
  /**
   * Gives `length` bytes at `offset`. Rejects if the source ends before them. A file is read into the front of `into`, if it is
   * given and large enough: a caller that reads it piece by piece then leaves no garbage of the file's size to a late collector.
   */
  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * Opens a file, or wraps a buffer without copying it.
 *
 * @throws {CheckpointError} `TORCH_FILE` if the path is missing, is not a regular file or cannot be read.
 */
export async function openSource(pathOrBytes: string | Uint8Array): Promise<ByteSource> {
  if (typeof pathOrBytes !== 'string') return new BufferSource(pathOrBytes)
  const path = pathOrBytes
  // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause: unknown) => {
    throw failure('TORCH_FILE', { path }, hintForPath(path) ?? reasonOf(cause), cause)
  })
  try {
    const stats = await handle.stat()
    if (stats.isDirectory()) throw failure('TORCH_FILE', { path }, 'Is a directory, expected a file')
    if (!stats.isFile()) throw failure('TORCH_FILE', { path }, 'Is not a regular file')
    return new FileSource(path, handle, stats.size)
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Gives a part of a source as a source of its own, which ends where the part does. To close it closes nothing. */
export function sliceOf(source: ByteSource, start: number, size: number): ByteSource {
  return new SliceSource(source, start, size)
}

class SliceSource implements ByteSource {
  readonly path: string | undefined
  readonly bytes: Uint8Array | undefined
  readonly start: number
  readonly size: number
  readonly #whole: ByteSource

  constructor(whole: ByteSource, start: number, size: number) {
    this.path = whole.path
    this.bytes = whole.bytes
    this.start = (whole.start ?? 0) + start
    this.size = size
    this.#whole = whole
  }

  read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    if (offset + length > this.size) return Promise.reject(endsEarly(this, offset, length))
    return this.#whole.read(this.start - (this.#whole.start ?? 0) + offset, length, into)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class BufferSource implements ByteSource {
  readonly path = undefined
  readonly bytes: Uint8Array
  readonly size: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.size = bytes.byteLength
  }

  // Not an async function on purpose: a rejected bound is a promise all the same, and the good path saves a turn.
  read(offset: number, length: number): Promise<Uint8Array> {
    if (offset + length > this.size) return Promise.reject(endsEarly(this, offset, length))
    return Promise.resolve(this.bytes.subarray(offset, offset + length))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

class FileSource implements ByteSource {
  readonly path: string
  readonly bytes = undefined
  readonly size: number
  readonly #handle: FileHandle
  #head: Promise<Uint8Array> | undefined
  #tail: Promise<Uint8Array> | undefined

  constructor(path: string, handle: FileHandle, size: number) {
    this.path = path
    this.size = size
    this.#handle = handle
  }

  async read(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    // Before the allocation: a length from a hostile file must not reach it.
    if (offset + length > this.size) throw endsEarly(this, offset, length)
    const edgeBytes = Math.min(EDGE_BYTES, this.size)
    if (offset + length <= edgeBytes) {
      const head = await (this.#head ??= this.#readNow(0, edgeBytes))
      return head.slice(offset, offset + length)
    }
    const from = offset - (this.size - edgeBytes)
    if (from >= 0) {
      const tail = await (this.#tail ??= this.#readNow(this.size - edgeBytes, edgeBytes))
      return tail.slice(from, from + length)
    }
    return this.#readNow(offset, length, into)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  async #readNow(offset: number, length: number, into?: Uint8Array): Promise<Uint8Array> {
    const bytes = into !== undefined && into.length >= length ? into.subarray(0, length) : new Uint8Array(length)
    let done = 0
    while (done < length) {
      const { bytesRead } = await this.#handle
        .read(bytes, done, length - done, offset + done)
        .catch((cause: unknown) => {
          throw failure('TORCH_FILE', { path: this.path, offset: offset + done }, reasonOf(cause), cause)
        })
      if (bytesRead === 0) throw endsEarly(this, offset, length)
      done += bytesRead
    }
    return bytes
  }
}

function endsEarly({ path, size }: ByteSource, offset: number, length: number): Error {
  const text = `Expected ${length} bytes at byte ${offset}, but the file ends at byte ${size}`
  return failure('TORCH_CHECKPOINT_CORRUPT', { path, offset }, text)
}
