import { expected } from '../util/check.js'
import type { Module } from '../nn/module.js'
import { alexnet } from './alexnet.js'
import { convnext_tiny, convnext_small, convnext_base, convnext_large } from './convnext.js'
import { densenet121, densenet161, densenet169, densenet201 } from './densenet.js'
import {
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
} from './efficientnet.js'
import { googlenet } from './googlenet.js'
import { inception_v3 } from './inception.js'
import { maxvit_t } from './maxvit.js'
import { mnasnet0_5, mnasnet0_75, mnasnet1_0, mnasnet1_3 } from './mnasnet.js'
import { mobilenet_v2 } from './mobilenetv2.js'
import { mobilenet_v3_large, mobilenet_v3_small } from './mobilenetv3.js'
import {
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
} from './regnet.js'
import {
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  resnext101_64x4d,
  wide_resnet50_2,
  wide_resnet101_2,
} from './resnet.js'
import { shufflenet_v2_x0_5, shufflenet_v2_x1_0, shufflenet_v2_x1_5, shufflenet_v2_x2_0 } from './shufflenetv2.js'
import { squeezenet1_0, squeezenet1_1 } from './squeezenet.js'
import { swin_t, swin_s, swin_b, swin_v2_t, swin_v2_s, swin_v2_b } from './swin_transformer.js'
import { vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn } from './vgg.js'
import { vit_b_16, vit_b_32, vit_l_16, vit_l_32, vit_h_14 } from './vision_transformer.js'
import type { NetworkOptions } from './options.js'

/** The functions that build torchvision's models, by their names. */
export const BUILDERS = {
  alexnet,
  convnext_tiny,
  convnext_small,
  convnext_base,
  convnext_large,
  densenet121,
  densenet161,
  densenet169,
  densenet201,
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
  googlenet,
  inception_v3,
  maxvit_t,
  mnasnet0_5,
  mnasnet0_75,
  mnasnet1_0,
  mnasnet1_3,
  mobilenet_v2,
  mobilenet_v3_large,
  mobilenet_v3_small,
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
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  resnext101_64x4d,
  wide_resnet50_2,
  wide_resnet101_2,
  shufflenet_v2_x0_5,
  shufflenet_v2_x1_0,
  shufflenet_v2_x1_5,
  shufflenet_v2_x2_0,
  squeezenet1_0,
  squeezenet1_1,
  swin_t,
  swin_s,
  swin_b,
  swin_v2_t,
  swin_v2_s,
  swin_v2_b,
  vgg11,
  vgg11_bn,
  vgg13,
  vgg13_bn,
  vgg16,
  vgg16_bn,
  vgg19,
  vgg19_bn,
  vit_b_16,
  vit_b_32,
  vit_l_16,
  vit_l_32,
  vit_h_14,
} as const

/** Name of a model of torchvision's that {@link createModel} builds. */
export type ModelName = keyof typeof BUILDERS

/**
 * Builds the model of that name.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is none, with the names that resemble it, and for an option that it
 * does not have.
 */
export function buildByName(name: string, options: NetworkOptions): Module {
  if (!Object.hasOwn(BUILDERS, name)) {
    const names = Object.keys(BUILDERS)
    const near = names.filter((each) => plain(each).startsWith(plain(name).slice(0, 4)))
    throw expected(
      `the name of a model (such as ${(near.length > 0 ? near : names).slice(0, 4).join(', ')})`,
      'name',
      name,
    )
  }
  return BUILDERS[name as ModelName](options)
}

function plain(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}
