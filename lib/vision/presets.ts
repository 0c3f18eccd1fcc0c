import { checkOptions } from '../util/check.js'
import type { Tensor } from '../tensor/tensor.js'
import {
  CIFAR_MEAN,
  CIFAR_STD,
  FASHION_MNIST_MEAN,
  FASHION_MNIST_STD,
  IMAGENET_MEAN,
  IMAGENET_STD,
} from './channel_statistics.js'
import type { InterpolationMode } from './functional.js'
import type { Image } from './image.js'
import { ImagePreset } from './preset.js'
import type { Transform } from './transforms.js'

export { torchvision } from './model_presets.js'
export type { PublishedModel, TorchvisionOptions } from './model_presets.js'
export { beside, findBeside, fromJson, fromMetadata, load, PRESET_FILE, PRESET_FILES, save } from './preset_file.js'
export type { PresetBeside } from './preset_file.js'

/** The whole way from a decoded image to the input (3, H, W) of a model. */
export type Preset = Transform<Image, Tensor<'float32'>>

/** Options of {@link imagenet}. */
export interface ImagenetOptions {
  /** Length of the shorter side before the crop. Default: `256`. */
  readonly resizeSize?: number | undefined
  /** Height and width of the result. Default: `224`. */
  readonly cropSize?: number | undefined
  /** Default: `bilinear`. */
  readonly interpolation?: InterpolationMode | undefined
}

/**
 * Prepares a photo as torchvision's ImageNet models expect it: shorter side 256, the middle 224 × 224, normalized.
 * Follows `torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()`.
 */
export function imagenet(options: ImagenetOptions = {}): ImagePreset {
  checkOptions('imagenet()', options, ['resizeSize', 'cropSize', 'interpolation'])
  const { resizeSize = 256, cropSize = 224, interpolation } = options
  return new ImagePreset({
    name: 'imagenet',
    size: [cropSize, cropSize],
    resize: resizeSize,
    interpolation,
    mean: IMAGENET_MEAN,
    std: IMAGENET_STD,
  })
}

/** Prepares an image for the CIFAR-10 models: 32 × 32 (resized where it is not), normalized. */
export function cifar(): ImagePreset {
  return new ImagePreset({ name: 'cifar', size: [32, 32], mean: CIFAR_MEAN, std: CIFAR_STD })
}

/** Prepares an image for the embedded Fashion-MNIST model: 28 × 28 (resized where it is not), gray, three equal channels. */
export function fashionMnist(): ImagePreset {
  return new ImagePreset({
    name: 'fashion-mnist',
    size: [28, 28],
    grayscale: true,
    mean: FASHION_MNIST_MEAN,
    std: FASHION_MNIST_STD,
  })
}
