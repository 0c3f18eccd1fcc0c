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

export { StateDict } from './state_dict.js'

export { Module } from './nn/module.js'
export type { DistinctOptions, MemberOptions } from './nn/members.js'
export type { ModuleToOptions } from './nn/convert.js'
export type { ForwardHook, ForwardPreHook, RemovableHandle } from './nn/hooks.js'
export type { IncompatibleKeys, LoadableState, LoadStateDictOptions } from './nn/load_state_dict.js'
export { Parameter } from './nn/parameter.js'
export type { FactoryOptions, ParameterOptions } from './nn/parameter.js'
export type { ConvPadding, OutputSize2d, Pair, Size2d } from './nn/checks.js'
export { Conv2d } from './nn/conv.js'
export type { Conv2dOptions, PaddingMode } from './nn/conv.js'
export { BatchNorm2d } from './nn/batchnorm.js'
export type { BatchNorm2dOptions } from './nn/batchnorm.js'
export { Identity, Linear } from './nn/linear.js'
export type { LinearOptions } from './nn/linear.js'
export { ReLU, Softmax } from './nn/activation.js'
export type { ReLUOptions } from './nn/activation.js'
export { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from './nn/pooling.js'
export type { AvgPool2dOptions, MaxPool2dOptions } from './nn/pooling.js'
export { Flatten } from './nn/flatten.js'
export type { FlattenOptions } from './nn/flatten.js'
export { Dropout } from './nn/dropout.js'
export type { DropoutOptions } from './nn/dropout.js'
export { ModuleList, Sequential } from './nn/container.js'
export type { NamedModules } from './nn/container.js'
export * as functional from './nn/functional.js'
export * as init from './nn/init.js'

export {
  BasicBlock,
  Bottleneck,
  ResNet,
  resnet101,
  resnet152,
  resnet18,
  resnet34,
  resnet50,
  resnext101_32x8d,
  resnext101_64x4d,
  resnext50_32x4d,
  wide_resnet101_2,
  wide_resnet50_2,
} from './models/resnet.js'
export type { BlockClass, BlockOptions, NormLayer, ResNetOptions } from './models/resnet.js'
export {
  BasicBlock as BasicBlockCifar,
  ResNet as ResNetCifar,
  resnet18 as resnet18Cifar,
  resnet34 as resnet34Cifar,
} from './models/resnet_cifar.js'
export type { BasicBlockCifarOptions, ResNetCifarOptions } from './models/resnet_cifar.js'
export { CIFAR_KERNEL_SIZES } from './models/cifar_kernel_sizes.js'
export type { CifarKernelSize } from './models/cifar_kernel_sizes.js'
export { createModel } from './models/create.js'
export type { CreateModelOptions } from './models/create.js'
export { detectArchitecture, FAMILIES } from './models/detect.js'
export type { Architecture, Family, TensorFacts } from './models/detect.js'

export { loadCheckpoint, loadTensors } from './checkpoint/load.js'
export type { LoadCheckpointOptions, LoadTensorsOptions } from './checkpoint/load.js'
export { readCheckpoint } from './checkpoint/read.js'
export type { Checkpoint, ReadCheckpointOptions } from './checkpoint/read.js'
export { findStateDict } from './checkpoint/find.js'
export type { FindOptions, FoundStateDict } from './checkpoint/find.js'
export { saveCheckpoint } from './checkpoint/save.js'
export type { CheckpointTree } from './checkpoint/tree.js'
export { saveSafetensors } from './checkpoint/save_safetensors.js'
export type { SaveSafetensorsOptions } from './checkpoint/save_safetensors.js'
export type { CheckpointFormat } from './checkpoint/format.js'
export { DEFAULT_LIMITS } from './checkpoint/limits.js'
export type { CheckpointLimits, LimitName } from './checkpoint/limits.js'
export { StoredStorage, StoredTensor } from './checkpoint/stored.js'
export type { StoredRecord } from './checkpoint/stored.js'
export { NumpyArray, NumpyDType, OrderedDict, PickledGlobal, PickledObject, PickleTuple } from './checkpoint/values.js'
export type { CheckpointValue } from './checkpoint/values.js'

export { decodeImage } from './vision/decode.js'
export type { DecodeOptions } from './vision/decode.js'
export { MAX_PIXELS } from './vision/image.js'
export type { Image } from './vision/image.js'
export { CenterCrop, Compose, Grayscale, Normalize, Pad, Resize, ToTensor } from './vision/transforms.js'
export type { InputOf, OutputOf, Transform } from './vision/transforms.js'
export { INTERPOLATION_MODES } from './vision/functional.js'
export type {
  ImagePadding,
  ImagePaddingMode,
  InterpolationMode,
  PadOptions,
  ResizeOptions,
  ResizeSize,
} from './vision/functional.js'
export * as presets from './vision/presets.js'
export type { ImagenetOptions, Preset } from './vision/presets.js'
export { checkLabels, LABEL_LISTS, loadLabels } from './vision/labels.js'
export type { LabelList } from './vision/labels.js'
export { Dataset } from './vision/dataset.js'
export type { Batch, BatchOptions, Sample, TransformedBatchOptions } from './vision/dataset.js'
export { MAX_IDX_BYTES, readIdx } from './vision/idx.js'
export type { IdxArray } from './vision/idx.js'
export { IdxDataset } from './vision/idx_dataset.js'
export type { IdxDatasetOptions } from './vision/idx_dataset.js'
export { IMAGE_EXTENSIONS, ImageFolder } from './vision/image_folder.js'
export type { ImageFile, ImageFolderOptions } from './vision/image_folder.js'

export { ConfusionMatrix, evaluate } from './evaluation.js'
export type { BatchTime, EvaluateOptions, Evaluation, EvaluationProgress, LabelledBatch } from './evaluation.js'

export { compile, DEFAULT_MAX_QUEUE_BYTES, DEFAULT_MAX_QUEUE_SIZE, ENGINE_DTYPES } from './engine/compile.js'
export type { CompileOptions, EngineDType } from './engine/compile.js'
export { Engine } from './engine/engine.js'
export type { EngineStats, ExplainOptions, InferOptions, RunOptions } from './engine/engine.js'
export { Explanation } from './engine/explain.js'
export type { ExplainedStep } from './engine/explain.js'
export { KERNEL_SETS } from './engine/lower.js'
export type { KernelSet } from './engine/lower.js'
