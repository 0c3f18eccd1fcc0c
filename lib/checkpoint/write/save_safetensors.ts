import { native } from '../../libtorch/binding.js'
import { checkOptions, describe, expected } from '../../util/check.js'
import { ITEM_SIZE } from '../../util/dtype.js'
import { Tensor } from '../../tensor/tensor.js'
import { handleOf } from '../../tensor/handle.js'
import { denseChunks } from './dense.js'
import { CHUNK_BYTES, littleEndian } from './savable.js'
import { checkName, denseTensor, isText, writeSafetensors, type DenseTensor } from './safetensors_writer.js'
import { StoredTensor } from '../stored.js'
import { isMap } from '../../util/realm.js'

/** Options of {@link saveSafetensors}. */
export interface SaveSafetensorsOptions {
  /**
   * Texts to put beside the tensors, which readers give back. Some Python libraries want `{ format: 'pt' }`.
   * Default: none.
   */
  readonly metadata?: Readonly<Record<string, string>> | ReadonlyMap<string, string> | undefined
}

/**
 * Writes the tensors of a state dict as a safetensors file. Follows `safetensors.torch.save_file`, whose bytes it gives.
 *
 * The file appears as a whole or not at all. Tensors may be on any device; those of a checkpoint that was only read with
 * `readCheckpoint` are copied from file to file. The tensors must not be changed until the promise settles.
 *
 * **Tensors that are views or share memory are each written in full, row-major, where Python refuses them:** the format
 * cannot say that they share. It has no order of its own either, nor the versions of modules: `saveCheckpoint` keeps all.
 *
 * @param tensors - By name; a StateDict is one.
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for a name or value that cannot be written, naming it.
 * @throws {CheckpointError} `TORCH_FILE` if the file cannot be written; `TORCH_CHECKPOINT_UNSUPPORTED` for an element type
 * that the format does not have.
 */
export async function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor | StoredTensor>,
  options: SaveSafetensorsOptions = {},
): Promise<void> {
  if (typeof path !== 'string' || path === '') throw expected('a path', 'path', path)
  if (!isMap(tensors)) throw expected('a Map of tensors', 'tensors', tensors)
  checkOptions('options', options, ['metadata'])
  const metadata = checkMetadata(options.metadata)
  const dense: DenseTensor[] = []
  for (const [name, tensor] of tensors as ReadonlyMap<unknown, unknown>) dense.push(checkTensor(path, name, tensor))
  await writeSafetensors(path, dense, metadata)
}

function checkTensor(path: string, name: unknown, value: unknown): DenseTensor {
  const key = checkName(name)
  if (!(value instanceof Tensor) && !(value instanceof StoredTensor)) {
    throw expected('a tensor', `tensors.get(${describe(key)})`, value)
  }
  const tensor: Tensor | StoredTensor = value
  return denseTensor(path, key, tensor, () => (tensor instanceof Tensor ? liveChunks(tensor) : denseChunks(tensor)))
}

function* liveChunks(tensor: Tensor): Generator<Uint8Array> {
  const itemSize = ITEM_SIZE[tensor.dtype]
  const handle = native.contiguous(handleOf(tensor), false)
  try {
    const first = native.storageOffset(handle) * itemSize
    for (let at = 0; at < tensor.nbytes; at += CHUNK_BYTES) {
      const bytes = native.copyStorage(handle, first + at, Math.min(CHUNK_BYTES, tensor.nbytes - at))
      yield littleEndian(new Uint8Array(bytes), itemSize)
    }
  } finally {
    native.dispose(handle)
  }
}

function checkMetadata(metadata: unknown): ReadonlyMap<string, string> | null {
  if (metadata === undefined) return null
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw expected('texts by name', 'metadata', metadata)
  }
  const entries: Iterable<readonly [unknown, unknown]> = isMap(metadata) ? metadata : Object.entries(metadata)
  const checked = new Map<string, string>()
  for (const [key, text] of entries) {
    if (!isText(key)) throw expected('a string', 'a key of metadata', key)
    if (!isText(text)) throw expected('a string', `metadata[${describe(key)}]`, text)
    checked.set(key, text)
  }
  return checked
}
