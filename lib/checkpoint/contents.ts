import type { FileFacts } from './facts.js'
import type { Program } from './pt2/program.js'
import type { CheckpointValue } from './values.js'

/**
 * What a checkpoint file is: an archive of torch.save (`zip`) or torch.jit.save (`torchscript`), a file of PyTorch before
 * 1.6 (`legacy`), a safetensors file, the index of several (`safetensors-index`), a folder of torch.distributed.checkpoint
 * (`distcp`), or an archive of torch.export.save (`pt2`).
 */
export type CheckpointFormat = 'zip' | 'torchscript' | 'legacy' | 'safetensors' | 'safetensors-index' | 'distcp' | 'pt2'

/** What the reader of a format finds in a file, the data of its tensors unread. */
export interface CheckpointContents {
  readonly format: CheckpointFormat
  /** What was saved: of a TorchScript archive, of a program and of safetensors the state dict. */
  readonly root: CheckpointValue
  /** Byte order of the machine that wrote the file. */
  readonly byteOrder: 'little' | 'big'
  /** Bytes of the file, or of all files of a sharded checkpoint. */
  readonly size: number
  /** Texts that the writer attached, such as `format`: safetensors' `__metadata__`. Null where there are none. */
  readonly metadata: ReadonlyMap<string, string> | null
  /** Classes and settings of the modules of a TorchScript archive, by path; absent in other formats. */
  readonly facts?: FileFacts | undefined
  /** What torch.export.save wrote; absent in other formats. */
  readonly program?: Program | undefined
}
