// What `napi-torch/models` exports: torchvision's classification models and other ResNets, and how one is recognized from a checkpoint.

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
export type { NetworkOptions } from '../models/options.js'
export { MobileNetV2, mobilenet_v2 } from '../models/mobilenetv2.js'
export type { MobileNetV2Options } from '../models/mobilenetv2.js'
export { MobileNetV3, mobilenet_v3_large, mobilenet_v3_small } from '../models/mobilenetv3.js'
export type { MobileNetV3Options, MobileNetV3Size } from '../models/mobilenetv3.js'
export {
  EfficientNet,
  efficientnet_b0,
  efficientnet_b1,
  efficientnet_b2,
  efficientnet_b3,
  efficientnet_b4,
  efficientnet_b5,
  efficientnet_b6,
  efficientnet_b7,
  efficientnet_v2_s,
  efficientnet_v2_m,
  efficientnet_v2_l,
} from '../models/efficientnet.js'
export type { EfficientNetOptions, EfficientNetStage } from '../models/efficientnet.js'
export { VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn } from '../models/vgg.js'
export type { VGGConstructorOptions, VGGLayers, VGGOptions } from '../models/vgg.js'
export { DenseNet, densenet121, densenet161, densenet169, densenet201 } from '../models/densenet.js'
export type { DenseNetConstructorOptions, DenseNetOptions } from '../models/densenet.js'
export { ConvNeXt, convnext_tiny, convnext_small, convnext_base, convnext_large } from '../models/convnext.js'
export type { ConvNeXtOptions } from '../models/convnext.js'
export { VisionTransformer, vit_b_16, vit_b_32, vit_l_16, vit_l_32, vit_h_14 } from '../models/vision_transformer.js'
export type { VisionTransformerOptions, VisionTransformerSizes } from '../models/vision_transformer.js'
export {
  RegNet,
  regnet_y_400mf,
  regnet_y_800mf,
  regnet_y_1_6gf,
  regnet_y_3_2gf,
  regnet_y_8gf,
  regnet_y_16gf,
  regnet_y_32gf,
  regnet_y_128gf,
  regnet_x_400mf,
  regnet_x_800mf,
  regnet_x_1_6gf,
  regnet_x_3_2gf,
  regnet_x_8gf,
  regnet_x_16gf,
  regnet_x_32gf,
} from '../models/regnet.js'
export type { RegNetOptions, RegNetParams } from '../models/regnet.js'
export { SqueezeNet, squeezenet1_0, squeezenet1_1, SQUEEZENET_VERSIONS } from '../models/squeezenet.js'
export type { SqueezeNetOptions, SqueezeNetVersion } from '../models/squeezenet.js'
export { AlexNet, alexnet } from '../models/alexnet.js'
export type { AlexNetOptions } from '../models/alexnet.js'
export {
  ShuffleNetV2,
  shufflenet_v2_x0_5,
  shufflenet_v2_x1_0,
  shufflenet_v2_x1_5,
  shufflenet_v2_x2_0,
} from '../models/shufflenetv2.js'
export type { ShuffleNetV2Channels, ShuffleNetV2Options } from '../models/shufflenetv2.js'
export { MNASNet, mnasnet0_5, mnasnet0_75, mnasnet1_0, mnasnet1_3 } from '../models/mnasnet.js'
export type { MNASNetOptions } from '../models/mnasnet.js'
export { GoogLeNet, googlenet } from '../models/googlenet.js'
export type { GoogLeNetOptions, GoogLeNetOutputs, InceptionOptions } from '../models/googlenet.js'
export { Inception3, inception_v3 } from '../models/inception.js'
export type { InceptionOutputs } from '../models/inception.js'
export { SwinTransformer, swin_t, swin_s, swin_b, swin_v2_t, swin_v2_s, swin_v2_b } from '../models/swin_transformer.js'
export type { SwinTransformerOptions, SwinTransformerSizes } from '../models/swin_transformer.js'
export { MaxVit, maxvit_t } from '../models/maxvit.js'
export type { MaxVitOptions, MaxVitSizes } from '../models/maxvit.js'
export { MaxAvgPool2d } from '../models/departures.js'
export { CIFAR_KERNEL_SIZES, CIFAR_SHORTCUTS } from '../models/resnet_cifar.js'
export type { CifarKernelSize, CifarShortcut } from '../models/resnet_cifar.js'
export { createModel } from '../models/create.js'
export type { CreateModelOptions, NamedModelOptions } from '../models/create.js'
export { BUILDERS } from '../models/builders.js'
export type { ModelName } from '../models/builders.js'
export { FAMILIES, RESNETS } from '../models/architecture.js'
export type {
  Architecture,
  Departures,
  Family,
  HeadLayer,
  ModelArchitecture,
  NamedArchitecture,
  NamedOptions,
  OwnArchitecture,
  ResNetArchitecture,
  StemForm,
  TensorFacts,
} from '../models/architecture.js'
export { detectArchitecture } from '../models/detect.js'
export type { DetectArchitectureOptions } from '../models/detect.js'
