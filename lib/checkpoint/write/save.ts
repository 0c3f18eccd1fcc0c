import { expected } from '../../util/check.js'
import { native } from '../../libtorch/binding.js'
import { handleOf } from '../../tensor/handle.js'
import { Tensor } from '../../tensor/tensor.js'
import { CHUNK_BYTES, littleEndian } from './savable.js'
import { writeTorchZip, type DescribeLive } from './torch_zip_writer.js'
import type { CheckpointTree } from './tree.js'

/**
 * Writes a checkpoint that Python opens with `torch.load(path, weights_only=True)`: a StateDict as `torch.save` writes
 * a `state_dict()`, or any tree of them. Follows `torch.save`; tensors that share memory are written once and share it
 * when they are read. Equal trees give equal bytes.
 *
 * The file appears as a whole or not at all. Tensors may be on any device and are written as on the CPU; those of
 * another checkpoint need not have been read. The tree must not be changed until the promise settles.
 *
 * **A number without a fraction is written as an int**, as JavaScript does not tell `1.0` from `1`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for a value with no counterpart in Python, naming where it stands.
 * @throws {CheckpointError} `TORCH_FILE` if the file cannot be written; `TORCH_CHECKPOINT_UNSUPPORTED` if a value
 * contains itself, or would not be read back.
 */
export async function saveCheckpoint(path: string, tree: CheckpointTree): Promise<void> {
  if (typeof path !== 'string' || path === '') throw expected('a path', 'path', path)
  await writeTorchZip(path, tree, describeLive)
}

/** Describes a tensor for a writer: its whole storage, as PyTorch saves it, from whichever device. */
const describeLive: DescribeLive = (value) => {
  if (!(value instanceof Tensor)) return undefined
  const tensor = value as Tensor
  const handle = handleOf(tensor)
  const identity = native.storageId(handle)
  const { dtype, shape, strides, storageOffset } = tensor
  function* chunks(length: number, swapped: number): Generator<Uint8Array> {
    for (let at = 0; at < length; at += CHUNK_BYTES) {
      const bytes = new Uint8Array(native.copyStorage(handle, at, Math.min(CHUNK_BYTES, length - at)))
      yield littleEndian(bytes, swapped)
    }
  }
  const storage = { identity, nbytes: native.storageBytes(handle), chunks }
  const facts = { dtype, shape, strides, storageOffset, requiresGrad: false, isParameter: false }
  return { facts, storage }
}
