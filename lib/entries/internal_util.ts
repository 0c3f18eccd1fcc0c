// What `napi-torch/internal/util` exports: the words of `napi-torch/internal` that need no native code, for worker threads that
// only read requests. Not part of the public interface.

export { describe, describeShape, isIntegerArray } from '../util/check.js'
export { TorchError } from '../util/errors.js'
export type { TorchErrorCode } from '../util/errors.js'
export { isError, isUint8Array } from '../util/realm.js'
