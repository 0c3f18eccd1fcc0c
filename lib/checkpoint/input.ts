import { CheckpointError, TorchError } from '../util/errors.js'
import { resolveFileInput, type FileInput } from '../util/file_input.js'
import { failure } from './failure.js'
import { pastLimit, type CheckpointLimits } from './limits.js'

/**
 * Gives the path or the bytes that were passed for a checkpoint. Blobs, bodies and streams are collected in memory.
 *
 * @throws {CheckpointError} `TORCH_FILE` if they cannot be read, `TORCH_CHECKPOINT_LIMIT` past `limits.streamBytes`.
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for anything else.
 */
export async function resolveInput(file: FileInput, limits: CheckpointLimits): Promise<string | Uint8Array> {
  try {
    return await resolveFileInput(file, {
      name: 'file',
      code: 'TORCH_FILE',
      maxBytes: limits.streamBytes,
      tooLarge: (text) => pastLimit((code, what) => failure(code, {}, what), limits, 'streamBytes', text),
    })
  } catch (error) {
    const isForeign = error instanceof TorchError && !(error instanceof CheckpointError)
    if (!isForeign || error.code !== 'TORCH_FILE') throw error
    throw failure('TORCH_FILE', {}, error.message, error)
  }
}
