import { checkOptions, expected } from '../util/check.js'
import type { CheckpointContents } from './contents.js'
import { detectFormat } from './detect_format.js'
import { readLegacy } from './legacy/read.js'
import { checkLimits, type CheckpointLimits } from './limits.js'
import { readSafetensors } from './safetensors/read.js'
import { readSafetensorsIndex } from './safetensors/shards.js'
import { openSource } from './source.js'
import { readTorchZip } from './zip/read.js'

/** Options of {@link readCheckpoint}. */
export interface ReadCheckpointOptions {
  /** Limits other than the defaults. */
  readonly limits?: Partial<CheckpointLimits> | undefined
}

/** A checkpoint file whose tensors have not been read. It holds no open file. */
export interface Checkpoint extends CheckpointContents {
  /** The file, or null for a buffer. */
  readonly path: string | null
}

const READERS = {
  zip: readTorchZip,
  legacy: readLegacy,
  safetensors: readSafetensors,
  'safetensors-index': readSafetensorsIndex,
}

/**
 * Reads all that a checkpoint file says, apart from the data of its tensors, which stand in the tree as
 * {@link StoredTensor}. It needs no libtorch, runs nothing, and reads little more than the headers.
 *
 * @throws {CheckpointError} `TORCH_FILE`, `TORCH_CHECKPOINT_FORMAT`, `TORCH_CHECKPOINT_CORRUPT`,
 * `TORCH_CHECKPOINT_UNSAFE`, `TORCH_CHECKPOINT_UNSUPPORTED` or `TORCH_CHECKPOINT_LIMIT`.
 */
export async function readCheckpoint(
  file: string | Uint8Array,
  options: ReadCheckpointOptions = {},
): Promise<Checkpoint> {
  if (typeof file !== 'string' && !(file instanceof Uint8Array)) throw expected('a path or a Uint8Array', 'file', file)
  checkOptions('options', options, ['limits'])
  const limits = checkLimits(options.limits)
  const source = await openSource(file)
  try {
    const read = READERS[await detectFormat(source)]
    return { path: source.path ?? null, ...(await read(source, limits)) }
  } finally {
    await source.close()
  }
}
