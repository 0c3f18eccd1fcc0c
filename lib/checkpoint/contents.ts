import type { CheckpointFormat } from './format.js'
import type { CheckpointValue } from './values.js'

/** What the reader of a format finds in a file, the data of its tensors unread. */
export interface Contents {
  readonly format: CheckpointFormat
  /** What was saved: of a TorchScript archive and of safetensors the state dict. */
  readonly root: CheckpointValue
  /** Byte order of the machine that wrote the file. */
  readonly byteOrder: 'little' | 'big'
  /** Bytes of the file, or of all files of a sharded checkpoint. */
  readonly size: number
  /** Texts that the writer attached, such as `format`: safetensors' `__metadata__`. Null where there are none. */
  readonly metadata: ReadonlyMap<string, string> | null
}
