// What `napi-torch/nn` exports: modules, their parameters, and `functional` and `init` of PyTorch's names.

export { StateDict } from '../tensor/state_dict.js'
export { createFeatureExtractor, FeatureExtractor, LayerOutput } from '../nn/feature_extractor.js'
export { Module } from '../nn/module.js'
export type { DistinctOptions, MemberOptions } from '../nn/members.js'
export type { ModuleToOptions } from '../nn/convert.js'
export type { ForwardHook, ForwardPreHook, RemovableHandle } from '../nn/hooks.js'
export type { IncompatibleKeys, LoadableState, LoadStateDictOptions } from '../nn/load_state_dict.js'
export { Parameter } from '../nn/parameter.js'
export type { FactoryOptions, ParameterOptions } from '../nn/parameter.js'
export type { ConvPadding, OutputSize2d, Pair, Size2d } from '../nn/checks.js'
export { Conv2d } from '../nn/conv.js'
export type { Conv2dOptions, PaddingMode } from '../nn/conv.js'
export { Conv1d } from '../nn/conv1d.js'
export type { Conv1dOptions } from '../nn/conv1d.js'
export { ConvTranspose2d } from '../nn/conv_transpose.js'
export type { ConvTranspose2dOptions } from '../nn/conv_transpose.js'
export { BatchNorm1d, BatchNorm2d } from '../nn/batchnorm.js'
export type { BatchNormOptions } from '../nn/norm_base.js'
export { InstanceNorm2d } from '../nn/instancenorm.js'
export { GroupNorm, LayerNorm } from '../nn/normalization.js'
export type { GroupNormOptions, LayerNormOptions } from '../nn/normalization.js'
export { MultiheadAttention } from '../nn/multihead_attention.js'
export type { AttendOptions, MultiheadAttentionOptions } from '../nn/multihead_attention.js'
export { TransformerEncoderLayer } from '../nn/transformer.js'
export type { TransformerEncoderLayerOptions } from '../nn/transformer.js'
export { Embedding } from '../nn/sparse.js'
export type { EmbeddingOptions } from '../nn/sparse.js'
export { Identity, Linear } from '../nn/linear.js'
export type { LinearOptions } from '../nn/linear.js'
export {
  ELU,
  GELU,
  Hardsigmoid,
  Hardswish,
  LeakyReLU,
  LogSoftmax,
  Mish,
  PReLU,
  ReLU,
  ReLU6,
  Sigmoid,
  SiLU,
  Softmax,
  Softplus,
  Tanh,
} from '../nn/activation.js'
export type { PReLUOptions, ReLUOptions } from '../nn/activation.js'
export { AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d } from '../nn/pooling.js'
export type { AvgPool2dOptions, MaxPool2dOptions } from '../nn/pooling.js'
export { ConstantPad2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d } from '../nn/padding.js'
export type { Padding2d } from '../nn/padding.js'
export { PixelShuffle, PixelUnshuffle, Upsample } from '../nn/upsampling.js'
export type { UpsampleOptions } from '../nn/upsampling.js'
export { Unfold } from '../nn/fold.js'
export {
  BCELoss,
  BCEWithLogitsLoss,
  CosineEmbeddingLoss,
  CrossEntropyLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
  TripletMarginLoss,
} from '../nn/loss.js'
export { Flatten, Unflatten } from '../nn/flatten.js'
export type { FlattenOptions } from '../nn/flatten.js'
export { Dropout, Dropout2d, DropPath, StochasticDepth } from '../nn/dropout.js'
export type { DropoutOptions, DropPathModuleOptions } from '../nn/dropout.js'
export { ModuleDict, ParameterDict, ParameterList } from '../nn/named_containers.js'
export type { Named } from '../nn/named_containers.js'
export { ModuleList, Sequential } from '../nn/container.js'
export type { NamedModules } from '../nn/container.js'
export * as functional from '../nn/functional.js'
export * as init from '../nn/init.js'
export * as utils from '../nn/utils.js'
