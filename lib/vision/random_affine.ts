import { checkBoolean, checkOneOf, checkOptions, expected } from '../util/check.js'
import { drawUniform } from './chance.js'
import { affine, checkPair, rotate } from './functional_geometry.js'
import { AFFINE_INTERPOLATION_MODES, rotation, type AffineInterpolationMode } from './geometry.js'
import type { Image } from './image.js'
import { python, pythonFloats, roundHalfToEven } from './python.js'
import { changed, checkRange, RandomTransform } from './random_transform.js'
import type { Drawn, ImageSize } from './transforms.js'

/** A range, or a number `x` for -x to x. */
export type Spread = number | readonly [number, number]

/** Options of {@link RandomRotation}. */
export interface RandomRotationOptions {
  /** Default: `nearest`. */
  readonly interpolation?: AffineInterpolationMode | undefined
  /** Whether the result is large enough to hold the whole image. Default: `false`. */
  readonly expand?: boolean | undefined
  /** The point that stays where it is, from the upper left corner. Default: the middle. */
  readonly center?: readonly [x: number, y: number] | null | undefined
  /** Value of what lies outside of the image, 0 to 255, or one for each channel. Default: `0`. */
  readonly fill?: number | readonly number[] | undefined
}

/** Options of {@link RandomAffine}. */
export interface RandomAffineOptions extends Omit<RandomRotationOptions, 'expand'> {
  /** The most that an image is moved, as a share of its width and height, 0 to 1. Default: not at all. */
  readonly translate?: readonly [x: number, y: number] | null | undefined
  /** From and to. Default: not at all. */
  readonly scale?: readonly [number, number] | null | undefined
  /** Degrees along x, and along y with four numbers. Default: not at all. */
  readonly shear?: Spread | readonly [number, number, number, number] | null | undefined
}

/**
 * Turns an image by degrees by chance, counterclockwise. Follows `torchvision.transforms.RandomRotation`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a number of degrees is negative, or an option is of the wrong kind.
 */
export class RandomRotation extends RandomTransform {
  readonly degrees: readonly [number, number]
  readonly interpolation: AffineInterpolationMode
  readonly expand: boolean
  readonly center: readonly [number, number] | null
  readonly fill: number | readonly number[]

  constructor(degrees: Spread, options: RandomRotationOptions = {}) {
    super()
    checkOptions('RandomRotation', options, ['interpolation', 'expand', 'center', 'fill'], 'interpolation')
    const { interpolation = 'nearest', expand = false, center = null, fill = 0 } = options
    this.degrees = spreadOf('degrees', degrees)
    this.interpolation = checkOneOf('interpolation', interpolation, AFFINE_INTERPOLATION_MODES)
    this.expand = checkBoolean('expand', expand)
    this.center = center === null ? null : checkPair('center', center)
    this.fill = fill
  }

  override draw(size: ImageSize): Drawn<Image, Image> {
    const { interpolation, expand, center, fill } = this
    const angle = drawUniform(...this.degrees)
    const apply = async (image: Image): Promise<Image> => rotate(image, angle, { interpolation, expand, center, fill })
    const isQuarter = expand && center === null && Math.abs(angle % 180) === 90
    if (isQuarter) return { outputSize: { ...size, height: size.width, width: size.height }, apply }
    const { height, width } = rotation(size, angle, { expand, center })
    return { outputSize: { ...size, height, width }, apply }
  }

  override toString(): string {
    const { degrees, interpolation, expand, center, fill } = this
    const ends = center === null ? '' : `, center=${python(center)}`
    const first = `RandomRotation(degrees=${pythonFloats(degrees, '[]')}, interpolation=${interpolation}`
    return `${first}, expand=${expand ? 'True' : 'False'}${ends}, fill=${python(fill)})`
  }
}

/**
 * Turns, moves, scales and shears an image by chance; the middle stays where it is. Follows `torchvision.transforms.RandomAffine`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a range or an option is of the wrong kind.
 */
export class RandomAffine extends RandomTransform {
  readonly degrees: readonly [number, number]
  readonly translate: readonly [number, number] | null
  readonly scale: readonly [number, number] | null
  readonly shear: readonly number[] | null
  readonly interpolation: AffineInterpolationMode
  readonly fill: number | readonly number[]
  readonly center: readonly [number, number] | null

  constructor(degrees: Spread, options: RandomAffineOptions = {}) {
    super()
    const names = ['translate', 'scale', 'shear', 'interpolation', 'fill', 'center'] as const
    checkOptions('RandomAffine', options, names, 'translate')
    const { translate = null, scale = null, shear = null, interpolation = 'nearest', fill = 0, center = null } = options
    this.degrees = spreadOf('degrees', degrees)
    this.translate = translate === null ? null : checkPair('translate', translate)
    if (this.translate?.some((share) => share < 0 || share > 1) === true) {
      throw expected('two numbers from 0 to 1', 'translate', translate)
    }
    this.scale = scale === null ? null : checkRange('scale', scale, { least: Number.MIN_VALUE })
    this.shear = shear === null ? null : shearOf(shear)
    this.interpolation = checkOneOf('interpolation', interpolation, AFFINE_INTERPOLATION_MODES)
    this.fill = fill
    this.center = center === null ? null : checkPair('center', center)
  }

  override draw(size: ImageSize): Drawn<Image, Image> {
    const { translate, scale, shear, interpolation, fill, center } = this
    const angle = drawUniform(...this.degrees)
    const moves = [size.width, size.height].map((side, axis) => {
      if (translate === null) return 0
      const most = (translate[axis] ?? 0) * side
      return roundHalfToEven(drawUniform(-most, most))
    })
    const factor = scale === null ? 1 : drawUniform(...scale)
    const [x1 = 0, x2 = 0, y1, y2] = shear ?? []
    const shearX = shear === null ? 0 : drawUniform(x1, x2)
    const shearY = y1 === undefined || y2 === undefined ? 0 : drawUniform(y1, y2)
    const [x = 0, y = 0] = moves
    const options = { interpolation, fill, center }
    return changed(size, async (image) => affine(image, angle, [x, y], factor, [shearX, shearY], options))
  }

  override toString(): string {
    const { degrees, translate, scale, shear, interpolation, fill, center } = this
    return [
      `RandomAffine(degrees=${pythonFloats(degrees, '[]')}`,
      translate === null ? '' : `, translate=${python(translate)}`,
      scale === null ? '' : `, scale=${python(scale)}`,
      shear === null ? '' : `, shear=${pythonFloats(shear, '[]')}`,
      interpolation === 'nearest' ? '' : `, interpolation=${interpolation}`,
      fill === 0 ? '' : `, fill=${python(fill)}`,
      center === null ? '' : `, center=${python(center)}`,
      ')',
    ].join('')
  }
}

function shearOf(shear: Spread | readonly [number, number, number, number]): readonly number[] {
  if (typeof shear === 'number' || shear.length === 2) return spreadOf('shear', shear)
  const isList: boolean = Array.isArray(shear) && shear.length === 4
  if (!isList) throw expected('a number, or two or four numbers,', 'shear', shear)
  return [...checkRange('shear', [shear[0], shear[1]]), ...checkRange('shear', [shear[2], shear[3]])]
}

function spreadOf(name: string, spread: Spread): readonly [number, number] {
  if (typeof spread !== 'number') return checkRange(name, spread)
  if (!(spread >= 0 && spread < Infinity)) throw expected('a non-negative number', name, spread)
  return [-spread, spread]
}
