import { checkOneOf, checkOptions, checkPositiveInteger } from '../util/check.js'
import { IMAGENET_MEAN, IMAGENET_STD } from './channel_statistics.js'
import type { InterpolationMode } from './functional.js'
import { ImagePreset } from './preset.js'

/** Length of the shorter side, height and width of the result, the filter if it is another one, mean and deviation if they are 0.5. */
type Row = readonly [resize: number, crop: number, interpolation?: InterpolationMode, half?: typeof HALF]

const HALF = [0.5, 0.5, 0.5] as const

// What `torchvision.models.get_model_weights(name).DEFAULT.transforms()` of 0.28 has: scripts/make_family_goldens.py.
const MODEL_PRESETS = {
  alexnet: [256, 224],
  convnext_base: [232, 224],
  convnext_large: [232, 224],
  convnext_small: [230, 224],
  convnext_tiny: [236, 224],
  densenet121: [256, 224],
  densenet161: [256, 224],
  densenet169: [256, 224],
  densenet201: [256, 224],
  efficientnet_b0: [256, 224, 'bicubic'],
  efficientnet_b1: [255, 240],
  efficientnet_b2: [288, 288, 'bicubic'],
  efficientnet_b3: [320, 300, 'bicubic'],
  efficientnet_b4: [384, 380, 'bicubic'],
  efficientnet_b5: [456, 456, 'bicubic'],
  efficientnet_b6: [528, 528, 'bicubic'],
  efficientnet_b7: [600, 600, 'bicubic'],
  efficientnet_v2_l: [480, 480, 'bicubic', HALF],
  efficientnet_v2_m: [480, 480],
  efficientnet_v2_s: [384, 384],
  googlenet: [256, 224],
  inception_v3: [342, 299],
  maxvit_t: [224, 224, 'bicubic'],
  mnasnet0_5: [256, 224],
  mnasnet0_75: [232, 224],
  mnasnet1_0: [256, 224],
  mnasnet1_3: [232, 224],
  mobilenet_v2: [232, 224],
  mobilenet_v3_large: [232, 224],
  mobilenet_v3_small: [256, 224],
  regnet_x_16gf: [232, 224],
  regnet_x_1_6gf: [232, 224],
  regnet_x_32gf: [232, 224],
  regnet_x_3_2gf: [232, 224],
  regnet_x_400mf: [232, 224],
  regnet_x_800mf: [232, 224],
  regnet_x_8gf: [232, 224],
  regnet_y_128gf: [384, 384, 'bicubic'],
  regnet_y_16gf: [232, 224],
  regnet_y_1_6gf: [232, 224],
  regnet_y_32gf: [232, 224],
  regnet_y_3_2gf: [232, 224],
  regnet_y_400mf: [232, 224],
  regnet_y_800mf: [232, 224],
  regnet_y_8gf: [232, 224],
  resnet101: [232, 224],
  resnet152: [232, 224],
  resnet18: [256, 224],
  resnet34: [256, 224],
  resnet50: [232, 224],
  resnext101_32x8d: [232, 224],
  resnext101_64x4d: [232, 224],
  resnext50_32x4d: [232, 224],
  shufflenet_v2_x0_5: [256, 224],
  shufflenet_v2_x1_0: [256, 224],
  shufflenet_v2_x1_5: [232, 224],
  shufflenet_v2_x2_0: [232, 224],
  squeezenet1_0: [256, 224],
  squeezenet1_1: [256, 224],
  swin_b: [238, 224, 'bicubic'],
  swin_s: [246, 224, 'bicubic'],
  swin_t: [232, 224, 'bicubic'],
  swin_v2_b: [272, 256, 'bicubic'],
  swin_v2_s: [260, 256, 'bicubic'],
  swin_v2_t: [260, 256, 'bicubic'],
  vgg11: [256, 224],
  vgg11_bn: [256, 224],
  vgg13: [256, 224],
  vgg13_bn: [256, 224],
  vgg16: [256, 224],
  vgg16_bn: [256, 224],
  vgg19: [256, 224],
  vgg19_bn: [256, 224],
  vit_b_16: [256, 224],
  vit_b_32: [256, 224],
  vit_h_14: [518, 518, 'bicubic'],
  vit_l_16: [242, 224],
  vit_l_32: [256, 224],
  wide_resnet101_2: [232, 224],
  wide_resnet50_2: [232, 224],
} as const satisfies Readonly<Record<string, Row>>

/** Name of a model of torchvision's that has published weights for ImageNet. */
export type PublishedModel = keyof typeof MODEL_PRESETS

const NAMES = Object.keys(MODEL_PRESETS) as PublishedModel[]

/** Options of {@link torchvision}. */
export interface TorchvisionOptions {
  /** Height and width of the images of a Vision Transformer that was trained further with other ones. Default: those of the weights. */
  readonly imageSize?: number | undefined
}

/**
 * Prepares a photo as the default weights of a model of torchvision's expect it. Follows
 * `torchvision.models.get_model_weights(name).DEFAULT.transforms()`.
 *
 * @example
 * presets.torchvision('efficientnet_v2_s')
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for a name that torchvision has no model of, and for an unknown option.
 */
export function torchvision(name: PublishedModel, options: TorchvisionOptions = {}): ImagePreset {
  checkOneOf('name', name, NAMES)
  checkOptions('torchvision()', options, ['imageSize'])
  const [resize, crop, interpolation = 'bilinear', half]: Row = MODEL_PRESETS[name]
  const { imageSize = crop } = options
  checkPositiveInteger('imageSize', imageSize)
  const statistics = { mean: half ?? IMAGENET_MEAN, std: half ?? IMAGENET_STD }
  // The weights for images of another size, by SWAG, take the whole of the shorter side.
  const sizes =
    imageSize === crop
      ? ({ size: [crop, crop], resize, interpolation } as const)
      : ({ size: [imageSize, imageSize], resize: imageSize, interpolation: 'bicubic' } as const)
  return new ImagePreset({ name, ...sizes, ...statistics })
}

/** Tells whether a preset is one of {@link torchvision}, whose classes are ImageNet's if there are 1,000. */
export function isModelPreset(name: string): name is PublishedModel {
  return Object.hasOwn(MODEL_PRESETS, name)
}
