export { TorchError, StateDictError, CheckpointError, ERROR_CODES } from './errors.js'
export type {
  TorchErrorCode,
  TorchErrorOptions,
  CheckpointErrorOptions,
  ShapeMismatch,
  SuggestedOption,
} from './errors.js'

export { DTYPES } from './dtype.js'
export type { DType, ItemOf, TypedArrayOf } from './dtype.js'
export type { Device } from './device.js'
export { scope, keep } from './scope.js'

export { Tensor } from './tensor.js'
export type { DimOptions, ReduceOptions, SoftmaxOptions, TopkOptions } from './tensor.js'
export type { MemoryFormat, NestedArray } from './tensor/handle.js'
export type { ToOptions } from './tensor/views.js'
export type { Operand, RoundingMode } from './tensor/arithmetic.js'
export type { DTypeOfData, NestedData, TensorData, TypedData } from './tensor/data.js'
export {
  arange,
  cat,
  empty,
  fromArray,
  full,
  ones,
  onesLike,
  rand,
  randint,
  randn,
  stack,
  tensor,
  zeros,
  zerosLike,
} from './tensor/creation.js'
export type { ArangeOptions, RandomOptions, TensorDataOptions, TensorOptions } from './tensor/creation.js'
export { Generator, manualSeed } from './random.js'
export type { GeneratorOptions } from './random.js'

export { getNumThreads, memory, setNumThreads, version } from './runtime.js'
export type { MemoryUse, RuntimeVersion } from './runtime.js'
export * as cuda from './cuda.js'

export * from './entries/nn.js'
export * from './entries/models.js'
export * from './entries/checkpoint.js'
export * from './entries/vision.js'
export * from './entries/engine.js'

export { Classifier } from './classifier.js'
export type {
  Answer,
  ClassifiedImage,
  ClassifierOptions,
  ClassifyOptions,
  FeaturesOptions,
  ImageSource,
  PresetName,
  Recipe,
} from './classifier.js'
export { imageFiles } from './classifier/image_files.js'

export { ConfusionMatrix, evaluate } from './evaluation.js'
export type {
  BatchTime,
  EarlierPredictions,
  EvaluateOptions,
  Evaluation,
  EvaluationProgress,
  LabelledBatch,
  Prediction,
} from './evaluation.js'
