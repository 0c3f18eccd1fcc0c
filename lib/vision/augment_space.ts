import { synchronousScope } from '../util/scope.js'
import { arange } from '../tensor/creation.js'
import { aten } from '../tensor/ops.js'
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  autocontrast,
  equalize,
  invert,
  posterize,
  solarize,
} from './functional_color.js'
import { affine, rotate, type AffineOptions } from './functional_geometry.js'
import type { Image } from './image.js'
import type { ImageSize } from './transforms.js'

/** What {@link augment} does, by torchvision's names. */
export type AugmentOperation =
  | 'Identity'
  | 'ShearX'
  | 'ShearY'
  | 'TranslateX'
  | 'TranslateY'
  | 'Rotate'
  | 'Brightness'
  | 'Color'
  | 'Contrast'
  | 'Sharpness'
  | 'Posterize'
  | 'Solarize'
  | 'AutoContrast'
  | 'Equalize'
  | 'Invert'

/** Strengths from and to, in equal steps; the bits that `Posterize` takes away, in whole ones. */
type MagnitudeRange = readonly [from: number, to: number] | { readonly bits: number }

interface Magnitudes {
  /** Null for an operation that is always of one strength. */
  readonly range: MagnitudeRange | null
  /** Whether it goes into the other direction in one of two cases. */
  readonly isSigned: boolean
}

/** Operations of an augmentation and how strong they can be, in the order by which they are drawn. */
export type AugmentSpace = ReadonlyMap<AugmentOperation, Magnitudes>

/** torchvision's operations; how far an image is moved depends on its size, but in `wide`. */
export const SPACE = {
  auto: (size: ImageSize): AugmentSpace => new Map([...moderate(size), ['Invert', FIXED]]),
  rand: (size: ImageSize): AugmentSpace => new Map([['Identity', FIXED], ...moderate(size)]),
  wide: new Map<AugmentOperation, Magnitudes>([
    ['Identity', { range: null, isSigned: false }],
    ...space({ shear: 0.99, translate: [32, 32], rotate: 135, color: 0.99, bits: 6 }),
  ]),
} as const

/** The strengths of an operation, in float32, as PyTorch computes them. */
export function magnitudesOf(range: MagnitudeRange, bins: number): readonly number[] {
  return synchronousScope(() => {
    if (!('bits' in range)) return [...aten('aten::linspace', range[0], range[1], bins).toFloat32Array()]
    const steps = arange(bins)
      .div((bins - 1) / range.bits)
      .round()
    return Array.from(steps.toFloat32Array(), (step) => 8 - step)
  })
}

/** Does an operation of a strength. Follows torchvision's `_apply_op`. */
export async function augment(
  image: Image,
  operation: AugmentOperation,
  magnitude: number,
  options: Pick<AffineOptions, 'interpolation' | 'fill'>,
): Promise<Image> {
  const degrees = Math.atan(magnitude) * (180 / Math.PI)
  const whole = Math.trunc(magnitude)
  switch (operation) {
    case 'Identity':
      return image
    case 'ShearX':
      return affine(image, 0, [0, 0], 1, [degrees, 0], { ...options, center: [0, 0] })
    case 'ShearY':
      return affine(image, 0, [0, 0], 1, [0, degrees], { ...options, center: [0, 0] })
    case 'TranslateX':
      return affine(image, 0, [whole, 0], 1, [0, 0], options)
    case 'TranslateY':
      return affine(image, 0, [0, whole], 1, [0, 0], options)
    case 'Rotate':
      return rotate(image, magnitude, options)
    case 'Brightness':
      return adjustBrightness(image, 1 + magnitude)
    case 'Color':
      return adjustSaturation(image, 1 + magnitude)
    case 'Contrast':
      return adjustContrast(image, 1 + magnitude)
    case 'Sharpness':
      return adjustSharpness(image, 1 + magnitude)
    case 'Posterize':
      return posterize(image, whole)
    case 'Solarize':
      return solarize(image, magnitude)
    case 'AutoContrast':
      return autocontrast(image)
    case 'Equalize':
      return equalize(image)
    case 'Invert':
      return invert(image)
  }
}

const FIXED: Magnitudes = { range: null, isSigned: false }

function moderate({ height, width }: ImageSize): [AugmentOperation, Magnitudes][] {
  const [x, y] = [(150 / 331) * width, (150 / 331) * height]
  return space({ shear: 0.3, translate: [x, y], rotate: 30, color: 0.9, bits: 4 })
}

function space(most: {
  readonly shear: number
  readonly translate: readonly [x: number, y: number]
  readonly rotate: number
  readonly color: number
  readonly bits: number
}): [AugmentOperation, Magnitudes][] {
  const signed = (to: number): Magnitudes => ({ range: [0, to], isSigned: true })
  const still: Magnitudes = { range: null, isSigned: false }
  return [
    ['ShearX', signed(most.shear)],
    ['ShearY', signed(most.shear)],
    ['TranslateX', signed(most.translate[0])],
    ['TranslateY', signed(most.translate[1])],
    ['Rotate', signed(most.rotate)],
    ['Brightness', signed(most.color)],
    ['Color', signed(most.color)],
    ['Contrast', signed(most.color)],
    ['Sharpness', signed(most.color)],
    ['Posterize', { range: { bits: most.bits }, isSigned: false }],
    ['Solarize', { range: [255, 0], isSigned: false }],
    ['AutoContrast', still],
    ['Equalize', still],
  ]
}
