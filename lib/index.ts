export { TorchError, StateDictError, CheckpointError, ERROR_CODES } from './util/errors.js'
export type {
  TorchErrorCode,
  TorchErrorOptions,
  CheckpointErrorOptions,
  ShapeMismatch,
  SuggestedOption,
} from './util/errors.js'

export type { BlobLike, BodyLike, BytesInput, FileInput, WebStreamLike } from './util/file_input.js'
export { DTYPES } from './util/dtype.js'
export type { DType, ItemOf, TypedArrayOf } from './util/dtype.js'
export type { Device } from './util/device.js'
export { scope, keep } from './util/scope.js'

export { Tensor } from './tensor/tensor.js'
export type { DimOptions, ReduceOptions, SoftmaxOptions, TopkOptions } from './tensor/tensor.js'
export type { MemoryFormat, NestedArray } from './tensor/handle.js'
export type { ZeroGradOptions } from './tensor/zero_grad.js'
export type { AlongOptions, FlattenTensorOptions, SqueezeOptions, ToOptions } from './tensor/views.js'
export type {
  CumulativeOptions,
  NormOptions,
  OneDimOptions,
  RoundOptions,
  SortOptions,
  VarianceOptions,
} from './tensor/math.js'
export type { DiagonalOptions, RollOptions, ScatterOptions } from './tensor/indexing.js'
export { einsum, where } from './tensor/functions.js'
export type { AllcloseOptions, ClampOptions, Operand, RoundingMode } from './tensor/arithmetic.js'
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
export { Generator, getRngState, manualSeed, setRngState } from './tensor/random.js'
export type { GeneratorOptions } from './tensor/random.js'
export { multinomial, randperm } from './tensor/sampling.js'
export type { MultinomialOptions, RandpermOptions } from './tensor/sampling.js'

export type { BackwardOptions } from './tensor/gradients.js'
export {
  enableGrad,
  inferenceMode,
  isGradEnabled,
  isInferenceModeEnabled,
  noGrad,
  setGradEnabled,
} from './autograd/modes.js'
export {
  autocast,
  AUTOCAST_DEVICES,
  AUTOCAST_DTYPES,
  getAutocastDtype,
  isAutocastEnabled,
  type AutocastDevice,
  type AutocastDType,
  type AutocastOptions,
} from './autograd/autocast.js'
export * as autograd from './autograd/grad.js'

export * as ops from './tensor/ops.js'
export {
  areDeterministicAlgorithmsEnabled,
  getNumThreads,
  memory,
  setNumThreads,
  useDeterministicAlgorithms,
  version,
} from './tensor/runtime.js'
export type { DeterministicOptions, MemoryUse, RuntimeVersion } from './tensor/runtime.js'
export * as cuda from './tensor/cuda.js'

export * from './entries/nn.js'
// Each entry has one: that of napi-torch/vision is torchvision's.
export { functional } from './entries/nn.js'
export * from './entries/models.js'
export * from './entries/checkpoint.js'
export * from './entries/vision.js'
export * from './entries/engine.js'

export { openModel, OpenedModel, openModule } from './model/open.js'
export type { CreateEngineOptions, OpenModelOptions, OpenModuleOptions } from './model/open.js'
export type { ReadModelOptions } from './model/read.js'
export type { PresetOptions } from './model/preset.js'
export { STEMS } from './models/recognize/stems.js'
export type { StemOption } from './models/recognize/stems.js'
export type { PresetName } from './model/preset_names.js'

export { Classifier } from './classifier/classifier.js'
export type {
  ClassifiedImage,
  ClassifierFromOptions,
  ClassifierMachineOptions,
  ClassifierOptions,
  ClassifyOptions,
  FeaturesOptions,
  Prediction,
} from './classifier/classifier.js'
export { imageFiles } from './classifier/image_files.js'

export { ConfusionMatrix, evaluate } from './evaluation/evaluate.js'
export type {
  BatchTime,
  EarlierPredictions,
  EvaluatedImage,
  EvaluateOptions,
  Evaluation,
  EvaluationProgress,
  LabeledBatch,
} from './evaluation/evaluate.js'
