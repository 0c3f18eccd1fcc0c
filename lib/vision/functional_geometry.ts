import {
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkPositiveInteger,
  expected,
} from '../util/check.js'
import { checkFill, fault, gather, placeOf, range } from './functional.js'
import {
  AFFINE_INTERPOLATION_MODES,
  affineRows,
  inverseAffineMatrix,
  positiveAngle,
  rotation,
  type AffineInterpolationMode,
  type AffineMatrix,
} from './geometry.js'
import { checkImage, MAX_PIXELS, type Image } from './image.js'
import { eachRow } from './rows.js'

/** Options of {@link affine}. */
export interface AffineOptions {
  /** Default: `nearest`. */
  readonly interpolation?: AffineInterpolationMode | undefined
  /** Value of what lies outside of the image, 0 to 255, or one for each channel. Default: `0`. */
  readonly fill?: number | readonly number[] | null | undefined
  /** The point that stays where it is, from the upper left corner. Default: the middle. */
  readonly center?: readonly [x: number, y: number] | null | undefined
}

/** Options of {@link rotate}. */
export interface RotateOptions extends AffineOptions {
  /** Whether the result is large enough to hold the whole image. Default: `false`. */
  readonly expand?: boolean | undefined
}

/** Cuts a part out; what lies outside of the image is black. Follows `torchvision.transforms.functional.crop`. */
export async function crop(image: Image, top: number, left: number, height: number, width: number): Promise<Image> {
  const size = checkImage('image', image)
  const [rows, columns] = [checkPositiveInteger('height', height), checkPositiveInteger('width', width)]
  if (rows * columns > MAX_PIXELS) throw expected(`at most ${MAX_PIXELS} pixels`, 'height × width', [rows, columns])
  return gather(
    image,
    range(checkInteger('top', top), rows).map((row) => placeOf('constant', row, size.height)),
    range(checkInteger('left', left), columns).map((column) => placeOf('constant', column, size.width)),
    checkFill(0, size.channels),
  )
}

/** Swaps left and right. Follows `torchvision.transforms.functional.hflip`. */
export async function hflip(image: Image): Promise<Image> {
  const { height, width, channels } = checkImage('image', image)
  return gather(image, range(0, height), range(0, width).reverse(), checkFill(0, channels))
}

/** Swaps top and bottom. Follows `torchvision.transforms.functional.vflip`. */
export async function vflip(image: Image): Promise<Image> {
  const { height, width, channels } = checkImage('image', image)
  return gather(image, range(0, height).reverse(), range(0, width), checkFill(0, channels))
}

/**
 * Turns an image by degrees, counterclockwise, as Pillow does. Follows `torchvision.transforms.functional.rotate`.
 *
 * @throws {TorchError} `TORCH_IMAGE` if the result would have more pixels than {@link MAX_PIXELS}.
 */
export async function rotate(image: Image, angle: number, options: RotateOptions = {}): Promise<Image> {
  checkOptions('rotate()', options, ['interpolation', 'expand', 'center', 'fill'], 'interpolation')
  const { height, width } = checkImage('image', image)
  const { expand = false } = options
  const settings = checkAffineOptions(image, options)
  const turn = positiveAngle(checkFinite('angle', angle))
  checkBoolean('expand', expand)
  if (settings.center === null) {
    if (turn === 0) return image
    if (turn === 180) return hflip(await vflip(image))
    if ((turn === 90 || turn === 270) && (expand || height === width)) return quarterTurn(image, turn)
  }
  const { matrix, ...size } = rotation({ height, width }, turn, { expand, center: settings.center })
  return moved(image, matrix, size, settings)
}

/**
 * Turns by degrees, moves by pixels, scales and shears by degrees, as torchvision does with an image of Pillow. Follows
 * `torchvision.transforms.functional.affine`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless the scale is positive.
 */
export async function affine(
  image: Image,
  angle: number,
  translate: readonly [x: number, y: number],
  scale: number,
  shear: number | readonly [x: number, y: number],
  options: AffineOptions = {},
): Promise<Image> {
  checkOptions('affine()', options, ['interpolation', 'fill', 'center'], 'interpolation')
  const { height, width } = checkImage('image', image)
  const settings = checkAffineOptions(image, options)
  if (!(checkFinite('scale', scale) > 0)) throw expected('a positive number', 'scale', scale)
  const both = typeof shear === 'number' ? ([shear, 0] as const) : checkPair('shear', shear)
  const center = settings.center ?? [width * 0.5, height * 0.5]
  const matrix = inverseAffineMatrix(
    center,
    checkFinite('angle', angle),
    checkPair('translate', translate),
    scale,
    both,
  )
  return moved(image, matrix, { height, width }, settings)
}

/** Two finite numbers. @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is that. */
export function checkPair(name: string, value: readonly [number, number]): readonly [number, number] {
  const isPair: boolean = Array.isArray(value) && value.length === 2 && value.every(Number.isFinite)
  if (!isPair) throw expected('two numbers', name, value)
  return [value[0], value[1]]
}

interface AffineSettings {
  readonly interpolation: AffineInterpolationMode
  readonly fill: readonly number[]
  readonly center: readonly [number, number] | null
}

function checkAffineOptions(
  { channels }: Image,
  { interpolation = 'nearest', fill, center }: AffineOptions,
): AffineSettings {
  return {
    interpolation: checkOneOf('interpolation', interpolation, AFFINE_INTERPOLATION_MODES),
    fill: checkFill(fill ?? 0, channels),
    center: center === undefined || center === null ? null : checkPair('center', center),
  }
}

async function moved(
  { data, height, width, channels }: Image,
  matrix: AffineMatrix,
  size: { readonly height: number; readonly width: number },
  { interpolation, fill }: AffineSettings,
): Promise<Image> {
  const count = size.height * size.width
  if (count > MAX_PIXELS) {
    throw fault('TORCH_IMAGE', `Cannot turn ${width} × ${height} pixels: they are more than MAX_PIXELS, ${MAX_PIXELS}`)
  }
  const pixels = new Uint8Array(count * channels)
  if (fill.some((value) => value !== 0)) {
    for (let place = 0; place < pixels.length; place++) pixels[place] = fill[place % channels] ?? 0
  }
  const target = { data: pixels, ...size, channels }
  await eachRow(size.height, affineRows({ data, height, width, channels }, target, matrix, interpolation))
  return target
}

/** A turn by 90 or 270 degrees, counterclockwise. */
async function quarterTurn({ data, height, width, channels }: Image, angle: 90 | 270): Promise<Image> {
  const turned = new Uint8Array(data.length)
  await eachRow(width, (row) => {
    let to = row * height * channels
    for (let column = 0; column < height; column++) {
      const [fromRow, fromColumn] = angle === 90 ? [column, width - 1 - row] : [height - 1 - column, row]
      const from = (fromRow * width + fromColumn) * channels
      for (let channel = 0; channel < channels; channel++) turned[to++] = data[from + channel] ?? 0
    }
  })
  return { data: turned, height: width, width: height, channels }
}

function checkFinite(name: string, value: unknown): number {
  if (!Number.isFinite(checkNumber(name, value))) throw expected('a finite number', name, value)
  return Number(value)
}
