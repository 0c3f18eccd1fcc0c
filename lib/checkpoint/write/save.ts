import { expected } from '../../util/check.js'
import { describeLive } from '../tensors.js'
import { writeTorchZip } from './torch_zip_writer.js'
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
