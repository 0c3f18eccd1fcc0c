import { shorten } from './check.js'
import { randomUUID } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { access, lstat, open, readlink, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'

import { hasCode, reasonOf } from './errno.js'
import { CheckpointError } from './errors.js'
import { isError } from './realm.js'

/** What receives the bytes of a file, in order. It keeps none of them after it resolves. */
export type Sink = (bytes: Uint8Array) => Promise<void>

/** Small pieces are gathered up to this many bytes, so that headers do not cost a system call each. */
const BUFFER_BYTES = 1 << 20

/** Permissions, and the bits for setuid, setgid and sticky. */
const MODE_BITS = 0o7777

/**
 * Writes a file as a whole or not at all: into a new file beside it, which is forced to the disk and then takes its
 * name. Readers see the old file or the new one, and after a failure, or when `signal` is aborted, the old one is untouched.
 *
 * What the path leads to stays what it is. The target of a link is replaced, and the link stays; a file keeps its mode and
 * its owner; a pipe or a character device is written to. Where the system does not let a file be replaced (its folder takes
 * no new file, its owner cannot be kept, it is a mount point), its contents are: **a reader may then see a part of them**,
 * and a `NapiTorchWarning` says so.
 *
 * @throws {CheckpointError} `TORCH_FILE` if the system refuses, and for a block device.
 */
export async function writeAtomically(
  path: string,
  write: (sink: Sink) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const { path: target, old } = await targetOf(path)
    if (old === null || old.isFile()) await replace(target, old, { path, write, signal })
    else await writeInto(target, old, { path, write, signal })
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new CheckpointError('TORCH_FILE', `${shorten(path)}: ${reasonOf(error)}`, { path, cause: error })
  }
}

/** What {@link writeAtomically} was called with. */
interface Task {
  readonly path: string
  readonly write: (sink: Sink) => Promise<void>
  readonly signal: AbortSignal | undefined
}

/** Where the bytes go: a path that is no link, and what is there now. */
interface Target {
  readonly path: string
  readonly old: Stats | null
}

/** Follows links, to a file that is not there yet as well. */
async function targetOf(path: string): Promise<Target> {
  let current = path
  for (;;) {
    const entry = await orNull(lstat(current))
    if (entry?.isSymbolicLink() !== true) return { path: current, old: entry }
    // It fails for links that lead to each other.
    const old = await orNull(stat(current))
    // What `/dev/stdout` leads to may have no path.
    if (old !== null) return { path: old.isFile() ? await realpath(current) : current, old }
    current = resolve(await realpath(dirname(current)), await readlink(current))
  }
}

async function replace(target: string, old: Stats | null, { path, write, signal }: Task): Promise<void> {
  // As opening it for writing would be refused.
  if (old !== null) await access(target, constants.W_OK)
  const staged = await stage(target, old)
  try {
    try {
      await fill(staged.handle, write, signal)
    } finally {
      await staged.handle.close()
    }
    signal?.throwIfAborted()
    const obstacle = staged.obstacle ?? (await renameUnlessRefused(staged.path, target, old))
    if (obstacle === null) return
    await copyInto(staged.path, target)
    process.emitWarning(
      `${shorten(path)}: The contents were written over the old ones, as the file could not be replaced: ${reasonOf(obstacle)}`,
      'NapiTorchWarning',
    )
  } finally {
    await rm(staged.path, { force: true })
  }
}

/** A file that takes the bytes until all are there. */
interface StagedFile {
  readonly path: string
  readonly handle: FileHandle
  /** Why it cannot take the place of the old file, or null. */
  readonly obstacle: unknown
}

/** Makes the file that takes the bytes: beside the target with its mode and owner, else in the system's temporary folder. */
async function stage(target: string, old: Stats | null): Promise<StagedFile> {
  const folder = dirname(target)
  const beside = join(folder, `.${basename(target)}.${randomUUID()}.tmp`)
  try {
    const handle = await open(beside, 'wx', old === null ? undefined : old.mode & MODE_BITS)
    if (old === null) return { path: beside, handle, obstacle: null }
    try {
      await takeOver(handle, old)
      return { path: beside, handle, obstacle: null }
    } catch (obstacle) {
      return { path: beside, handle, obstacle }
    }
  } catch (obstacle) {
    if (old === null || !hasCode(obstacle, 'EACCES', 'EPERM', 'EROFS')) throw obstacle
    const elsewhere = join(tmpdir(), `napi-torch.${randomUUID()}.tmp`)
    return { path: elsewhere, handle: await open(elsewhere, 'wx', 0o600), obstacle }
  }
}

async function takeOver(handle: FileHandle, old: Stats): Promise<void> {
  if (process.platform === 'win32') return
  const { uid, gid } = await handle.stat()
  if (uid !== old.uid || gid !== old.gid) await handle.chown(old.uid, old.gid)
  // The mode of a new file is cut by the umask, and a new owner takes bits away.
  await handle.chmod(old.mode & MODE_BITS)
}

/** Gives the new file its name, or what kept the system from it where there is an old file to be written over. */
async function renameUnlessRefused(from: string, to: string, old: Stats | null): Promise<unknown> {
  try {
    await rename(from, to)
  } catch (error) {
    // A mount point is busy; in a sticky folder others own the file.
    if (old !== null && hasCode(error, 'EBUSY', 'EPERM', 'EACCES', 'EXDEV')) return error
    throw error
  }
  await syncFolder(dirname(to))
  return null
}

/** Writes the contents of one file over those of another, which stays the same file. */
async function copyInto(from: string, to: string): Promise<void> {
  const source = await open(from)
  try {
    const target = await open(to, 'r+')
    try {
      const buffer = new Uint8Array(BUFFER_BYTES)
      let length = 0
      for (;;) {
        const { bytesRead } = await source.read(buffer)
        if (bytesRead === 0) break
        await writeAll(target, buffer.subarray(0, bytesRead))
        length += bytesRead
      }
      await target.truncate(length)
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** Writes to a pipe or a device, which nothing replaces. A folder, or a socket, is refused by the system. */
async function writeInto(target: string, old: Stats, { path, write, signal }: Task): Promise<void> {
  if (old.isBlockDevice()) {
    throw new CheckpointError('TORCH_FILE', `${shorten(path)}: Is a block device, expected a file`, { path })
  }
  const handle = await open(target, constants.O_WRONLY)
  try {
    await fill(handle, write, signal)
  } finally {
    await handle.close()
  }
}

async function fill(handle: FileHandle, write: Task['write'], signal: AbortSignal | undefined): Promise<void> {
  const buffer = new GatheringWriter(handle)
  await write((bytes) => {
    signal?.throwIfAborted()
    return buffer.write(bytes)
  })
  await buffer.flush()
  if ((await handle.stat()).isFile()) await handle.sync()
}

async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
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
  return isError(error) && 'syscall' in error
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
    if (bytes.length > BUFFER_BYTES) return writeAll(this.#handle, bytes)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  async flush(): Promise<void> {
    const length = this.#length
    this.#length = 0
    await writeAll(this.#handle, this.#buffer.subarray(0, length))
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done)
    done += bytesWritten
  }
}
