import { TorchError } from 'napi-torch'
import { type Sink, writeAtomically } from 'napi-torch/internal'

export type { Sink } from 'napi-torch/internal'

/** Why a file cannot grow: the disk, a quota, or the limit of a process. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG']

/**
 * Writes a file as a whole or not at all: a new one beside it is forced to the disk and takes its name.
 *
 * @throws {TorchError} `TORCH_DISK_FULL` if there is no room, `TORCH_FILE` if the system refuses otherwise.
 */
export async function writeFile(
  path: string,
  write: (sink: Sink) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await writeAtomically(path, write, signal)
  } catch (error) {
    const cause: unknown = error instanceof TorchError ? error.cause : undefined
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    if (!FULL.includes(code)) throw error
    throw new TorchError('TORCH_DISK_FULL', `${path}: There is no room left to write it`, { cause })
  }
}
