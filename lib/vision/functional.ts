import { native } from '../libtorch/binding.js'
import { checkOneOf, checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import { checkDevice } from '../util/device.js'
import { isFloatingPoint } from '../util/dtype.js'
import { TorchError } from '../util/errors.js'
import { scope } from '../util/scope.js'
import { tensor } from '../tensor/creation.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { roundHalfToEven } from './python.js'
import { checkImage, MAX_PIXELS, type Image } from './image.js'
import { grayToRgb } from './decode/pixels.js'

/** The resampling filters, by torchvision's names. */
export const INTERPOLATION_MODES = [
  'nearest',
  'nearest-exact',
  'bilinear',
  'bicubic',
  'box',
  'hamming',
  'lanczos',
] as const

/** One of {@link INTERPOLATION_MODES}. */
export type InterpolationMode = (typeof INTERPOLATION_MODES)[number]

/** What stands around an image after {@link pad}. */
export const PADDING_MODES = ['constant', 'edge', 'reflect', 'symmetric'] as const

/** One of {@link PADDING_MODES}. */
export type ImagePaddingMode = (typeof PADDING_MODES)[number]

/** A length for the shorter side, or a height and a width. */
export type ResizeSize = number | readonly [number] | readonly [height: number, width: number]

/** All sides; left and right, top and bottom; or left, top, right and bottom. */
export type ImagePadding =
  | number
  | readonly [leftRight: number, topBottom: number]
  | readonly [left: number, top: number, right: number, bottom: number]

/** Options of {@link resize}. */
export interface ResizeOptions {
  /** Shrinking always averages over all pixels, as Pillow does. Default: `bilinear`. */
  readonly interpolation?: InterpolationMode | undefined
  /** The most pixels of the longer side, where `size` is one number; goes before `size`. Default: none. */
  readonly maxSize?: number | null | undefined
}

/** Options of {@link pad}. */
export interface ImagePadOptions {
  /** Value of the new pixels, 0 to 255, or one for each channel. Default: `0`. */
  readonly fill?: number | readonly number[] | undefined
  /** Default: `constant`. */
  readonly paddingMode?: ImagePaddingMode | undefined
}

/**
 * Resizes an image, equal to Pillow 12.3's `Image.resize` to the byte, on a pool thread. Follows
 * `torchvision.transforms.functional.resize` of a PIL image. The image must not change until it is done.
 *
 * @throws {TorchError} `TORCH_IMAGE` if the result would have more pixels than {@link MAX_PIXELS}.
 */
export async function resize(image: Image, size: ResizeSize, options: ResizeOptions = {}): Promise<Image> {
  checkOptions('resize()', options, ['interpolation', 'maxSize'], 'interpolation')
  const { data, height, width, channels } = checkImage('image', image)
  const filter = checkOneOf('interpolation', options.interpolation ?? 'bilinear', INTERPOLATION_MODES)
  const [outHeight, outWidth] = resizedSize([height, width], checkResizeSize(size), checkMaxSize(size, options.maxSize))
  if (outHeight === height && outWidth === width) return image
  if (height * width === 0 || outHeight * outWidth === 0) {
    throw fault('TORCH_IMAGE', `Cannot resize ${width} × ${height} pixels to ${outWidth} × ${outHeight}`)
  }
  if (outHeight * outWidth > MAX_PIXELS) {
    const sizes = `${width} × ${height} pixels to ${outWidth} × ${outHeight}`
    throw fault('TORCH_IMAGE', `Cannot resize ${sizes}: they are more than MAX_PIXELS, which is ${MAX_PIXELS}`)
  }

  const resized = await native.resize({
    image: { data, height, width, channels },
    size: [outHeight, outWidth],
    filter: pillowFilter(filter),
    box: [0, 0, width, height],
  })
  return { data: resized, height: outHeight, width: outWidth, channels }
}

/** Pillow's name of a filter: it has one for both that take the nearest pixel. */
export function pillowFilter(interpolation: InterpolationMode): Exclude<InterpolationMode, 'nearest-exact'> {
  return interpolation === 'nearest-exact' ? 'nearest' : interpolation
}

/** The size that {@link resize} gives an image of (H, W): the longer side is cut to an integer, not rounded. */
export function resizedSize(
  [height, width]: readonly [number, number],
  size: readonly number[],
  maxSize: number | null,
): [height: number, width: number] {
  const [first = 0, second] = size
  if (second !== undefined) return [first, second]

  const [short, long] = width <= height ? [width, height] : [height, width]
  let newShort = first
  let newLong = Math.trunc((first * long) / short)
  if (maxSize !== null && newLong > maxSize) {
    newShort = Math.trunc((maxSize * newShort) / newLong)
    newLong = maxSize
  }
  return width <= height ? [newLong, newShort] : [newShort, newLong]
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `size` is a {@link ResizeSize}; gives it as an array. */
export function checkResizeSize(size: ResizeSize): readonly number[] {
  const sizes = typeof size === 'number' ? [size] : size
  if (!Array.isArray(sizes) || (sizes.length !== 1 && sizes.length !== 2)) {
    throw expected('a length, or a height and a width,', 'size', size)
  }
  for (const side of sizes) checkPositiveInteger('size', side)
  return sizes
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT`, worded as by torchvision, unless `maxSize` goes with `size`. */
export function checkMaxSize(size: ResizeSize, maxSize: number | null | undefined): number | null {
  if (maxSize === undefined || maxSize === null) return null
  const sizes = checkResizeSize(size)
  checkPositiveInteger('maxSize', maxSize)
  if (sizes.length !== 1) {
    const rule = 'max_size should only be passed if size specifies the length of the smaller edge'
    throw fault('TORCH_INVALID_ARGUMENT', `${rule}, i.e. size should be an int or a sequence of length 1`)
  }
  if (maxSize <= (sizes[0] ?? 0)) {
    const rule = `max_size = ${maxSize} must be strictly greater than the requested size for the smaller edge`
    throw fault('TORCH_INVALID_ARGUMENT', `${rule} size = ${sizes[0]}`)
  }
  return maxSize
}

/**
 * Cuts the middle out of an image, padded with black where it is smaller. An odd rest is halved as Python's `round`
 * does: to the even side. Follows `torchvision.transforms.functional.center_crop`.
 */
export async function centerCrop(image: Image, size: readonly [height: number, width: number]): Promise<Image> {
  const [cropHeight, cropWidth] = size
  const { height, width } = checkImage('image', image)
  if (cropHeight * cropWidth > MAX_PIXELS) throw expected(`at most ${MAX_PIXELS} pixels`, 'size', size)
  const [top, left] = centerCropCorner([height, width], size)
  const rows = range(top, cropHeight).map((row) => PLACE.constant(row, height))
  const columns = range(left, cropWidth).map((column) => PLACE.constant(column, width))
  return gather(image, rows, columns, checkFill(0, image.channels))
}

/** Where {@link centerCrop} begins in an image of (H, W); outside of it where the image is smaller. */
export function centerCropCorner(
  [height, width]: readonly [number, number],
  [cropHeight, cropWidth]: readonly [number, number],
): [top: number, left: number] {
  const start = (rest: number): number => (rest < 0 ? -Math.floor(-rest / 2) : roundHalfToEven(rest / 2))
  return [start(height - cropHeight), start(width - cropWidth)]
}

/** Puts a frame around an image. Follows `torchvision.transforms.functional.pad`; **a negative padding is refused**. */
export async function pad(image: Image, padding: ImagePadding, options: ImagePadOptions = {}): Promise<Image> {
  checkOptions('pad()', options, ['fill', 'paddingMode'], 'fill')
  const { height, width, channels } = checkImage('image', image)
  const [left, top, right, bottom] = checkImagePadding(padding)
  const mode = checkOneOf('paddingMode', options.paddingMode ?? 'constant', PADDING_MODES)
  const fill = checkFill(options.fill ?? 0, channels)
  if ((height + top + bottom) * (width + left + right) > MAX_PIXELS) {
    throw expected(`at most ${MAX_PIXELS} pixels in all`, 'padding', padding)
  }
  const rows = range(-top, height + top + bottom).map((row) => PLACE[mode](row, height))
  const columns = range(-left, width + left + right).map((column) => PLACE[mode](column, width))
  return gather(image, rows, columns, fill)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `padding` is an {@link ImagePadding}; gives all four sides. */
export function checkImagePadding(padding: ImagePadding): readonly [number, number, number, number] {
  const sides: readonly unknown[] = Array.isArray(padding) ? padding : [padding]
  const [left, top = left, right = left, bottom = top] = sides
  const all = [left, top, right, bottom]
  if (![1, 2, 4].includes(sides.length) || !all.every((side) => Number.isSafeInteger(side) && Number(side) >= 0)) {
    throw expected('one, two or four non-negative integers', 'padding', padding)
  }
  return [Number(left), Number(top), Number(right), Number(bottom)]
}

/** Makes an image gray, of one channel or of three equal ones. Follows `torchvision.transforms.functional.to_grayscale`. */
export async function toGrayscale(image: Image, numOutputChannels: 1 | 3): Promise<Image> {
  const { data, height, width, channels } = checkImage('image', image)
  if (numOutputChannels !== 1 && numOutputChannels !== 3)
    throw expected('1 or 3', 'numOutputChannels', numOutputChannels)
  const gray = channels === 1 ? data : await native.rgbToGray(data)
  return {
    data: numOutputChannels === 1 ? gray : await grayToRgb(gray, { height, width }),
    height,
    width,
    channels: numOutputChannels,
  }
}

/** Copies an image (H, W, C) of 0 to 255 to a tensor (C, H, W) of 0 to 1. Follows `torchvision.transforms.functional.to_tensor`. */
export function toTensor(image: Image): Tensor<'float32'> {
  const { data, height, width, channels } = checkImage('image', image)
  return scope(() => {
    const bytes = tensor(data, { dtype: 'uint8', shape: [height, width, channels] })
    return bytes.permute([2, 0, 1]).contiguous().float().div_(255)
  })
}

/**
 * Subtracts a mean and divides by a deviation, for each channel of a float tensor (…, C, H, W). Gives a new tensor.
 * Follows `torchvision.transforms.functional.normalize`.
 */
export function normalize<T extends Tensor>(input: T, mean: readonly number[], std: readonly number[]): T {
  handleOf(input, 'input')
  if (!isFloatingPoint(input.dtype)) throw expected('a tensor of floats', 'input', input)
  if (input.ndim < 3) throw expected('a tensor (..., C, H, W)', 'input', input)
  const channels = input.size(-3)
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length !== 1 && values.length !== channels) throw expected(`1 or ${channels} numbers`, name, values)
  }
  return scope(() => {
    const perChannel = (values: readonly number[]): Tensor =>
      tensor([...values], {
        dtype: input.dtype,
        shape: [values.length, 1, 1],
        device: checkDevice('device', input.device),
      })
    return input.clone().sub_(perChannel(mean)).div_(perChannel(std)) as T
  })
}

/** Rows and columns of `image` by their indices; -1 stands for one of `fill`. */
export async function gather(
  image: Image,
  rows: readonly number[],
  columns: readonly number[],
  fill: readonly number[],
): Promise<Image> {
  const places = { rows: Int32Array.from(rows), columns: Int32Array.from(columns) }
  const data = await native.gatherPixels({ image, ...places, fill })
  return { data, height: rows.length, width: columns.length, channels: image.channels }
}

/** Where the pixel at `index`, which may lie outside 0 to `size - 1`, comes from; -1 for a new one. */
export function placeOf(mode: ImagePaddingMode, index: number, size: number): number {
  return PLACE[mode](index, size)
}

/** Where the pixel at `index`, which may lie outside 0 to `size - 1`, comes from, as numpy.pad says. */
const PLACE: Readonly<Record<ImagePaddingMode, (index: number, size: number) => number>> = {
  constant: (index, size) => (index >= 0 && index < size ? index : -1),
  edge: (index, size) => Math.min(Math.max(index, 0), size - 1),
  // The edge itself is not repeated.
  reflect: (index, size) => {
    const period = Math.max(2 * (size - 1), 1)
    const step = modulo(index, period)
    return Math.min(step, period - step) % size
  },
  symmetric: (index, size) => {
    const step = modulo(index, 2 * size)
    return Math.min(step, 2 * size - 1 - step)
  },
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `fill` is a byte, or one for each channel; gives one for each. */
export function checkFill(fill: number | readonly number[], channels: number): readonly number[] {
  const list: readonly unknown[] = Array.isArray(fill) ? fill : [fill]
  const values = list.length === 1 ? Array.from({ length: channels }, () => list[0]) : list
  const isByte = (value: unknown): value is number =>
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255
  if (values.length !== channels || !values.every(isByte)) {
    throw expected(`a number from 0 to 255, or ${channels} of them,`, 'fill', fill)
  }
  return values
}

/** Gives `length` integers from `start` on. */
export function range(start: number, length: number): number[] {
  return Array.from({ length }, (_, index) => start + index)
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor
}

/** Makes an error of images. */
export function fault(code: 'TORCH_IMAGE' | 'TORCH_INVALID_ARGUMENT', text: string): TorchError {
  return new TorchError(code, text)
}
