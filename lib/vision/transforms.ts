import { checkOneOf, checkOptions, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import type { Tensor } from '../tensor/tensor.js'
import {
  centerCrop,
  checkImagePadding,
  checkMaxSize,
  checkResizeSize,
  INTERPOLATION_MODES,
  normalize,
  pad,
  PADDING_MODES,
  resize,
  resizedSize,
  toGrayscale,
  toTensor,
  type ImagePadding,
  type ImagePaddingMode,
  type InterpolationMode,
  type ImagePadOptions,
  type ResizeOptions,
  type ResizeSize,
} from './functional.js'
import { checkImage, type Image } from './image.js'
import { python } from './python.js'

/**
 * A step from a decoded image to the input of a model. Write your own as an object with `apply`.
 *
 * It leaves its input as it is: it neither changes nor disposes it.
 */
export interface Transform<Input, Output> {
  apply(input: Input): Promise<Output>
  /** Whether it draws random numbers. Default: `false`. */
  readonly isRandom?: boolean | undefined
  /**
   * Draws all random numbers for an image of a size, so that those of several images can be drawn in order while work goes on beside;
   * null where they cannot be drawn ahead of the work.
   */
  draw?(size: ImageSize): Drawn<Input, Output> | null
  /** The size that it makes of an image of a size, where it is not random: chains with random transforms ask for it. */
  outputSize?(size: ImageSize): ImageSize | null
  /** How it stands in the text of a {@link Compose}. */
  toString(): string
}

/** The size of an image, or of a tensor (C, H, W). */
export interface ImageSize {
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** What a random transform has drawn for one image. */
export interface Drawn<Input, Output> {
  readonly outputSize: ImageSize
  apply(input: Input): Promise<Output>
}

/**
 * Resizes so that the shorter side is `size`, or to a height and a width. Equal to Pillow's resize to the byte.
 * Follows `torchvision.transforms.Resize`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a size is not a positive integer, or `maxSize` does not go with it.
 */
export class Resize implements Transform<Image, Image> {
  readonly size: ResizeSize
  readonly interpolation: InterpolationMode
  readonly maxSize: number | null

  constructor(size: ResizeSize, options: ResizeOptions = {}) {
    checkOptions('Resize', options, ['interpolation', 'maxSize'], 'interpolation')
    const { interpolation = 'bilinear', maxSize = null } = options
    checkResizeSize(size)
    this.size = size
    this.interpolation = checkOneOf('interpolation', interpolation, INTERPOLATION_MODES)
    this.maxSize = checkMaxSize(size, maxSize)
  }

  async apply(input: Image): Promise<Image> {
    const { size, interpolation, maxSize } = this
    return resize(checkImage('input of Resize', input), size, { interpolation, maxSize })
  }

  outputSize({ height, width, channels }: ImageSize): ImageSize {
    const [rows, columns] = resizedSize([height, width], checkResizeSize(this.size), this.maxSize)
    return { height: rows, width: columns, channels }
  }

  toString(): string {
    const { size, interpolation, maxSize } = this
    return `Resize(size=${python(size)}, interpolation=${interpolation}, max_size=${python(maxSize)}, antialias=True)`
  }
}

/**
 * Cuts the middle out of an image, padded with black where it is smaller. Follows `torchvision.transforms.CenterCrop`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a size is not a positive integer.
 */
export class CenterCrop implements Transform<Image, Image> {
  readonly size: readonly [height: number, width: number]

  constructor(size: ResizeSize) {
    const [height = 0, width = height] = checkResizeSize(size)
    this.size = [height, width]
  }

  async apply(input: Image): Promise<Image> {
    return centerCrop(checkImage('input of CenterCrop', input), this.size)
  }

  outputSize({ channels }: ImageSize): ImageSize {
    const [height, width] = this.size
    return { height, width, channels }
  }

  toString(): string {
    return `CenterCrop(size=${python(this.size)})`
  }
}

/**
 * Puts a frame around an image. Follows `torchvision.transforms.Pad`; **a negative padding is refused**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the padding or an option is of the wrong kind.
 */
export class Pad implements Transform<Image, Image> {
  readonly padding: ImagePadding
  readonly fill: number | readonly number[]
  readonly paddingMode: ImagePaddingMode

  constructor(padding: ImagePadding, options: ImagePadOptions = {}) {
    checkOptions('Pad', options, ['fill', 'paddingMode'], 'fill')
    const { fill = 0, paddingMode = 'constant' } = options
    checkImagePadding(padding)
    this.padding = padding
    this.fill = fill
    this.paddingMode = checkOneOf('paddingMode', paddingMode, PADDING_MODES)
  }

  async apply(input: Image): Promise<Image> {
    const { padding, fill, paddingMode } = this
    return pad(checkImage('input of Pad', input), padding, { fill, paddingMode })
  }

  outputSize({ height, width, channels }: ImageSize): ImageSize {
    const [left, top, right, bottom] = checkImagePadding(this.padding)
    return { height: height + top + bottom, width: width + left + right, channels }
  }

  toString(): string {
    const { padding, fill, paddingMode } = this
    return `Pad(padding=${python(padding)}, fill=${python(fill)}, padding_mode=${paddingMode})`
  }
}

/** Makes an image gray, of one channel or of three equal ones. Follows `torchvision.transforms.Grayscale`. */
export class Grayscale implements Transform<Image, Image> {
  readonly numOutputChannels: 1 | 3

  constructor(numOutputChannels: 1 | 3 = 1) {
    if (numOutputChannels !== 1 && numOutputChannels !== 3) {
      throw expected('1 or 3', 'numOutputChannels', numOutputChannels)
    }
    this.numOutputChannels = numOutputChannels
  }

  async apply(input: Image): Promise<Image> {
    return toGrayscale(checkImage('input of Grayscale', input), this.numOutputChannels)
  }

  outputSize({ height, width }: ImageSize): ImageSize {
    return { height, width, channels: this.numOutputChannels }
  }

  toString(): string {
    return `Grayscale(num_output_channels=${this.numOutputChannels})`
  }
}

/** Copies an image (H, W, C) of 0 to 255 to a float32 tensor (C, H, W) of 0 to 1. Follows `torchvision.transforms.ToTensor`. */
export class ToTensor implements Transform<Image, Tensor<'float32'>> {
  // eslint-disable-next-line @typescript-eslint/require-await -- a wrong input rejects, as with every transform
  async apply(input: Image): Promise<Tensor<'float32'>> {
    return toTensor(checkImage('input of ToTensor', input))
  }

  outputSize(size: ImageSize): ImageSize {
    return size
  }

  toString(): string {
    return 'ToTensor()'
  }
}

/**
 * Subtracts the mean of each channel and divides by its deviation: (C, H, W) → (C, H, W).
 * Follows `torchvision.transforms.Normalize`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a deviation is 0, or there are not as many means as deviations.
 */
export class Normalize implements Transform<Tensor<'float32'>, Tensor<'float32'>> {
  readonly mean: readonly number[]
  readonly std: readonly number[]

  constructor(mean: readonly number[], std: readonly number[]) {
    this.mean = checkNumbers('mean', mean)
    this.std = checkNumbers('std', std)
    if (mean.length !== std.length) throw expected(`${mean.length} numbers, as many as means,`, 'std', std)
    if (std.some((value) => Math.fround(value) === 0)) {
      const text = 'std evaluated to zero after conversion to torch.float32, leading to division by zero.'
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- a wrong input rejects, as with every transform
  async apply(input: Tensor<'float32'>): Promise<Tensor<'float32'>> {
    return normalize(input, this.mean, this.std)
  }

  outputSize(size: ImageSize): ImageSize {
    return size
  }

  toString(): string {
    return `Normalize(mean=[${this.mean.join(', ')}], std=[${this.std.join(', ')}])`
  }
}

function checkNumbers(name: string, values: readonly number[]): readonly number[] {
  const isArray: boolean = Array.isArray(values)
  if (!isArray || values.length === 0 || !values.every(Number.isFinite)) {
    throw expected('an array of numbers', name, values)
  }
  return values
}
