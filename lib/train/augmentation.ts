import { Compose } from '../vision/compose.js'
import type { Image } from '../vision/image.js'
import { ImagePreset } from '../vision/preset.js'
import { RandomHorizontalFlip, RandomInvert } from '../vision/random_by_chance.js'
import { RandomCrop, RandomResizedCrop } from '../vision/random_crop.js'
import { Grayscale, Normalize, Resize, ToTensor, type Transform } from '../vision/transforms.js'
import type { Tensor } from '../tensor/tensor.js'

/**
 * Smallest share of a photo that is trained on. torchvision's 0.08 is for hundreds of epochs: within a few, what is learned from such small
 * parts is not made up for.
 */
const MIN_PART = 0.35

/** Frame of small images, as a share of their side, before a part of their size is cut out: 4 of 32 pixels, as in the ResNet paper. */
const FRAME = 1 / 8

/** What is done by chance. */
export interface AugmentationOptions {
  /** Whether a part is cut out: of a photo one that is resized, of a small image one of its own size. */
  readonly crop: boolean
  /** Whether half of the images are mirrored from left to right. */
  readonly flip: boolean
}

/** Makes of a preset what prepares images to be trained on. Other transforms than presets are given back as they are. */
export function augmentationOf(
  preset: Transform<Image, Tensor>,
  { crop, flip }: AugmentationOptions,
): Transform<Image, Tensor> {
  if (!(preset instanceof ImagePreset)) return preset
  const { size, resize, interpolation, invert = false, grayscale = false, channels = 3, mean, std } = preset.settings
  if (!crop && !flip) return preset
  const isPhoto = resize !== undefined
  const frame = size.map((length) => Math.round(length * FRAME)) as [number, number]
  const sized = !crop
    ? preset.transforms.slice(0, isPhoto ? 2 : 1)
    : isPhoto
      ? [new RandomResizedCrop(size, { scale: [MIN_PART, 1], interpolation })]
      : [new Resize(size, { interpolation }), new RandomCrop(size, { padding: [frame[1], frame[0]] })]
  // Each step takes what the one before it gives; the types of a chain of unknown length do not say so.
  return new Compose([
    ...(invert ? [new RandomInvert({ p: 1 })] : []),
    ...sized,
    ...(flip ? [new RandomHorizontalFlip()] : []),
    ...(grayscale ? [new Grayscale(channels)] : []),
    ...[new ToTensor(), new Normalize(mean, std)],
  ] as never)
}
