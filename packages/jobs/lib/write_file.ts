import { TorchError } from 'napi-torch'
import { hasCode, type Sink, writeAtomically, shorten } from 'napi-torch/internal'

export type { Sink } from 'napi-torch/internal'

/** Error codes of a file that cannot grow: the disk, a quota, or the limit of a process. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG']

/**
 * Writes a file completely or not at all: a temporary file beside it is flushed to disk and renamed.
 *
 * @throws {TorchError} `TORCH_DISK_FULL` if the disk is full, `TORCH_FILE` for any other error of the system.
 */
export async function writeFile(
  path: string,
  write: (sink: Sink) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await writeAtomically(path, write, signal)
  } catch (error) {
    const cause = error instanceof TorchError ? error.cause : undefined
    if (!hasCode(cause, ...FULL)) throw error
    throw new TorchError('TORCH_DISK_FULL', `${shorten(path)}: No space is left to write it`, { cause })
  }
}
