import { randomUUID } from 'node:crypto'
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { reasonOf } from './errno.js'
import { CheckpointError } from './errors.js'

/** What receives the bytes of a file, in order. It keeps none of them after it resolves. */
export type Sink = (bytes: Uint8Array) => Promise<void>

/** Small pieces are gathered up to this many bytes, so that headers do not cost a system call each. */
const BUFFER_BYTES = 1 << 20

/**
 * Writes a file as a whole or not at all: into a new file beside it, which is forced to the disk and then takes its
 * name. Readers see the old file or the new one, and after a failure, or when `signal` is aborted, the old one is untouched.
 *
 * @throws {CheckpointError} `TORCH_FILE` if the system refuses.
 */
export async function writeAtomically(
  path: string,
  write: (sink: Sink) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`)
  try {
    const handle = await open(temporary, 'wx')
    try {
      const buffer = new GatheringWriter(handle)
      await write((bytes) => {
        signal?.throwIfAborted()
        return buffer.write(bytes)
      })
      await buffer.flush()
      await handle.sync()
    } finally {
      await handle.close()
    }
    signal?.throwIfAborted()
    await rename(temporary, path)
    await syncFolder(folder)
  } catch (error) {
    await rm(temporary, { force: true })
    if (!isSystemError(error)) throw error
    throw new CheckpointError('TORCH_FILE', `${path}: ${reasonOf(error)}`, { path, cause: error })
  }
}

/** The new name is on the disk only when the folder is. Windows does not let a folder be opened, nor need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}

class GatheringWriter {
  readonly #handle: FileHandle
  readonly #buffer = new Uint8Array(BUFFER_BYTES)
  #length = 0

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#length + bytes.length > BUFFER_BYTES) await this.flush()
    if (bytes.length > BUFFER_BYTES) return this.#writeAll(bytes)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  async flush(): Promise<void> {
    const length = this.#length
    this.#length = 0
    await this.#writeAll(this.#buffer.subarray(0, length))
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, done)
      done += bytesWritten
    }
  }
}
