import { shorten } from './check.js'
import { readFile } from 'node:fs/promises'

import { TorchError, type TorchErrorCode } from './errors.js'
import { isError } from './realm.js'

/** What a path was expected to lead to. */
type PathKind = 'file' | 'folder' | 'file or folder'

/** Reads a whole file; a failure has the given code and names the file. */
export async function readBytes(path: string, code: TorchErrorCode): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new TorchError(code, `${shorten(path)}: ${reasonOf(cause)}`, { cause })
  })
}

/**
 * Says in words why the system refused an operation on a path that should lead to a `kind`. Other errors have their
 * message, or that of their cause, which says more: `fetch failed` is all that Node itself tells of a network error.
 */
export function reasonOf(error: unknown, kind: PathKind = 'file'): string {
  if (!isError(error)) return String(error)
  if (error instanceof TorchError) return error.message
  // Node has no message for a host whose addresses all failed, only one for each address.
  if ('errors' in error && Array.isArray(error.errors) && error.message === '') {
    return error.errors.map((each) => reasonOf(each, kind)).join('; ')
  }
  const words = wordsOf(error, kind)
  if (words !== null) return words
  return isError(error.cause) ? reasonOf(error.cause, kind) : error.message
}

/** Tells whether `error` is an error of Node or the system with one of `codes`, such as `ENOENT`. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return isError(error) && 'code' in error && codes.some((code) => code === error.code)
}

function wordsOf(error: Error, kind: PathKind): string | null {
  switch ('code' in error ? error.code : undefined) {
    case 'ENOENT':
      return `No such ${kind}`
    case 'ENAMETOOLONG':
      return 'The name is too long'
    case 'EISDIR':
      return `Is a directory, expected a ${kind}`
    case 'ENOTDIR':
      return 'A part of the path is not a directory'
    case 'EACCES':
    case 'EPERM':
      return 'Permission denied'
    case 'EMFILE':
      return 'Too many files are open'
    case 'ENOSPC':
      return 'No space is left on the device'
    case 'EROFS':
      return 'The file system is read-only'
    case 'EBUSY':
      return 'The file is busy, or a mount point'
    case 'ELOOP':
      return 'Too many links lead to each other'
    default:
      return null
  }
}
