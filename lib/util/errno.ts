import { readFile } from 'node:fs/promises'

import { TorchError, type TorchErrorCode } from './errors.js'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file',
  EISDIR: 'Is a directory, expected a file',
  EACCES: 'No permission to open the file',
  ENOTDIR: 'A part of the path is not a directory',
  EMFILE: 'Too many files are open',
}

/** Reads a whole file; a failure has the given code and names the file. */
export async function readBytes(path: string, code: TorchErrorCode): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new TorchError(code, `${path}: ${reasonOf(cause)}`, { cause })
  })
}

/** Says in words why the system refused a file operation. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const code = 'code' in cause ? String(cause.code) : ''
  return REASONS[code] ?? cause.message
}
