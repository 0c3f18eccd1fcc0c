// What `napi-torch/models` exports: the ResNets, and how one is recognized from a checkpoint.

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
} from '../models/resnet.js'
export type { BlockClass, BlockOptions, NormLayer, ResNetOptions } from '../models/resnet.js'
export {
  BasicBlock as BasicBlockCifar,
  Bottleneck as BottleneckCifar,
  PadShortcut,
  ResNet as ResNetCifar,
  resnet110 as resnet110Cifar,
  resnet18 as resnet18Cifar,
  resnet20 as resnet20Cifar,
  resnet32 as resnet32Cifar,
  resnet34 as resnet34Cifar,
  resnet44 as resnet44Cifar,
  resnet56 as resnet56Cifar,
} from '../models/resnet_cifar.js'
export type { BasicBlockCifarOptions, CifarBlockClass, ResNetCifarOptions } from '../models/resnet_cifar.js'
export { PreActBlock, PreActBottleneck, preactResnet18Cifar, PreActResNet } from '../models/preact_resnet.js'
export type { PreActBlockClass, PreActBlockOptions, PreActResNetOptions } from '../models/preact_resnet.js'
export { MaxAvgPool2d } from '../models/departures.js'
export { CIFAR_KERNEL_SIZES, CIFAR_SHORTCUTS } from '../models/resnet_cifar.js'
export type { CifarKernelSize, CifarShortcut } from '../models/resnet_cifar.js'
export { createModel } from '../models/create.js'
export type { CreateModelOptions } from '../models/create.js'
export { FAMILIES } from '../models/architecture.js'
export type {
  Architecture,
  Departures,
  Family,
  HeadLayer,
  ModelArchitecture,
  OwnArchitecture,
  StemForm,
  TensorFacts,
} from '../models/architecture.js'
export { detectArchitecture } from '../models/detect.js'
export type { DetectArchitectureOptions } from '../models/detect.js'
