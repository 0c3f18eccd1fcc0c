// What `napi-torch/checkpoint` exports: readers and writers of checkpoints.

export { loadCheckpoint, loadTensors } from '../checkpoint/load.js'
export type { LoadCheckpointOptions, LoadTensorsOptions } from '../checkpoint/load.js'
export { readCheckpoint } from '../checkpoint/read.js'
export type { Checkpoint, ReadCheckpointOptions } from '../checkpoint/read.js'
export { findStateDict } from '../checkpoint/state_dict/find.js'
export type { FindOptions, FoundStateDict } from '../checkpoint/state_dict/find.js'
export { saveCheckpoint } from '../checkpoint/write/save.js'
export type { CheckpointTree } from '../checkpoint/write/tree.js'
export { saveSafetensors } from '../checkpoint/write/save_safetensors.js'
export type { SaveSafetensorsOptions } from '../checkpoint/write/save_safetensors.js'
export type { CheckpointFormat } from '../checkpoint/contents.js'
export { DEFAULT_LIMITS } from '../checkpoint/limits.js'
export type { CheckpointLimits, LimitName } from '../checkpoint/limits.js'
export { StoredStorage, StoredTensor } from '../checkpoint/stored.js'
export type { StoredRecord } from '../checkpoint/stored.js'
export {
  NumpyArray,
  NumpyDType,
  OrderedDict,
  PickledGlobal,
  PickledObject,
  PickleTuple,
  UnreadableTensor,
} from '../checkpoint/values.js'
export type { CheckpointValue } from '../checkpoint/values.js'
export { StateDict } from '../tensor/state_dict.js'
