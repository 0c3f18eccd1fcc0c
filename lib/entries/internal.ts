// What `napi-torch/internal` exports: words that the packages of this project share with it. Not part of the public
// interface: it may change in any release, and those packages ask for exactly the release that they were made with.

export { lookAhead } from '../classifier/look_ahead.js'
export { checkpointAt } from '../checkpoint/folder.js'
export { isHubAddress } from '../checkpoint/hub.js'
export { ACTIVATIONS, STEMS } from '../model/preset_names.js'
export { predictionsOf, probabilitiesOf } from '../classifier/predictions.js'
export { SamplePool } from '../classifier/sample_pool.js'
export type { BatchedOutput, BatchFacts } from '../engine/run/batcher.js'
export { inferInBatch, observeBatches } from '../engine/engine.js'
export { PRESETS } from '../model/preset_names.js'
export { READ_MODEL_OPTIONS, readModel } from '../model/read.js'

export { openLibtorchAside } from '../libtorch/libtorch.js'
export { checkSignal, onAbort } from '../util/abort.js'
export { writeAtomically } from '../util/atomic_file.js'
export type { Sink } from '../util/atomic_file.js'
export {
  checkBoolean,
  checkOneOf,
  checkOptions,
  checkPositiveInteger,
  checkString,
  describe,
  describeShape,
  expected,
  isIntegerArray,
  shorten,
} from '../util/check.js'
export { csvRows } from '../util/csv.js'
export { DEVICE_PATTERN, checkDevice, isDevice } from '../util/device.js'
export { variablesFrom } from '../util/environment.js'
export { hasCode, reasonOf } from '../util/errno.js'
export { lineError, linesOf, MAX_LINE_LENGTH } from '../util/lines.js'
export { didYouMean } from '../util/nearest.js'
export { PACKAGE_ROOT, packageFacts } from '../util/package.js'
export { isArrayBuffer, isError, isMap, isUint8Array } from '../util/realm.js'
export { Semaphore } from '../util/semaphore.js'
export { decodeFile, freeImage } from '../vision/decode/decode.js'
export { grayToRgb } from '../vision/decode/pixels.js'
export { PRESET_FILES } from '../vision/preset_file.js'
