import { checkInteger, checkNumber, checkOptions, checkProbability, expected } from '../util/check.js'
import { drawChance, drawShare } from './chance.js'
import { drawInTurn, checkTransforms, tellsSize, type ChainedTransform } from './chain.js'
import { adjustSharpness, autocontrast, equalize, invert, posterize, solarize } from './functional_color.js'
import { hflip, vflip } from './functional_geometry.js'
import { toGrayscale } from './functional.js'
import type { Image } from './image.js'
import { python } from './python.js'
import { changed, RandomTransform, unchanged } from './random_transform.js'
import type { Drawn, ImageSize, Transform } from './transforms.js'

/** Options of transforms that are done by chance. */
export interface ChanceOptions {
  /** How probable it is, 0 to 1. Default: `0.5`. */
  readonly p?: number | undefined
}

/** Options of {@link RandomGrayscale}. */
export interface RandomGrayscaleOptions {
  /** How probable it is, 0 to 1. Default: `0.1`. */
  readonly p?: number | undefined
}

/** Something that is done to an image by chance, and keeps its size. */
abstract class ByChance extends RandomTransform {
  readonly p: number

  constructor(name: string, options: ChanceOptions, p = 0.5) {
    super()
    checkOptions(name, options, ['p'], 'p')
    this.p = checkProbability('p', options.p ?? p)
  }

  override draw(size: ImageSize): Drawn<Image, Image> {
    return this.isChosen() ? changed(size, async (image) => this.change(image)) : unchanged(size)
  }

  override toString(): string {
    return `${this.constructor.name}(p=${this.p})`
  }

  protected isChosen(): boolean {
    return drawChance(this.p)
  }

  protected abstract change(image: Image): Promise<Image>
}

/** Changes of which torchvision compares the chance in float64. */
abstract class ByExactChance extends ByChance {
  protected override isChosen(): boolean {
    return drawShare() < this.p
  }
}

/** Swaps left and right by chance. Follows `torchvision.transforms.RandomHorizontalFlip`. */
export class RandomHorizontalFlip extends ByChance {
  constructor(options: ChanceOptions = {}) {
    super('RandomHorizontalFlip', options)
  }

  protected override async change(image: Image): Promise<Image> {
    return hflip(image)
  }
}

/** Swaps top and bottom by chance. Follows `torchvision.transforms.RandomVerticalFlip`. */
export class RandomVerticalFlip extends ByChance {
  constructor(options: ChanceOptions = {}) {
    super('RandomVerticalFlip', options)
  }

  protected override async change(image: Image): Promise<Image> {
    return vflip(image)
  }
}

/** Makes an image gray by chance; it keeps its channels. Follows `torchvision.transforms.RandomGrayscale`. */
export class RandomGrayscale extends ByChance {
  constructor(options: RandomGrayscaleOptions = {}) {
    super('RandomGrayscale', options, 0.1)
  }

  protected override async change(image: Image): Promise<Image> {
    return toGrayscale(image, image.channels)
  }
}

/** Gives the negative by chance. Follows `torchvision.transforms.RandomInvert`. */
export class RandomInvert extends ByExactChance {
  constructor(options: ChanceOptions = {}) {
    super('RandomInvert', options)
  }

  protected override async change(image: Image): Promise<Image> {
    return invert(image)
  }
}

/** Keeps the highest bits of each byte, by chance. Follows `torchvision.transforms.RandomPosterize`. */
export class RandomPosterize extends ByExactChance {
  readonly bits: number

  constructor(bits: number, options: ChanceOptions = {}) {
    super('RandomPosterize', options)
    if (checkInteger('bits', bits) < 0 || bits > 8) throw expected('an integer from 0 to 8', 'bits', bits)
    this.bits = bits
  }

  override toString(): string {
    return `RandomPosterize(bits=${this.bits},p=${this.p})`
  }

  protected override async change(image: Image): Promise<Image> {
    return posterize(image, this.bits)
  }
}

/** Inverts bytes of at least `threshold` by chance. Follows `torchvision.transforms.RandomSolarize`. */
export class RandomSolarize extends ByExactChance {
  readonly threshold: number

  constructor(threshold: number, options: ChanceOptions = {}) {
    super('RandomSolarize', options)
    this.threshold = checkNumber('threshold', threshold)
  }

  override toString(): string {
    return `RandomSolarize(threshold=${this.threshold},p=${this.p})`
  }

  protected override async change(image: Image): Promise<Image> {
    return solarize(image, this.threshold)
  }
}

/** Blurs or sharpens an image by chance. Follows `torchvision.transforms.RandomAdjustSharpness`. */
export class RandomAdjustSharpness extends ByExactChance {
  readonly sharpnessFactor: number

  constructor(sharpnessFactor: number, options: ChanceOptions = {}) {
    super('RandomAdjustSharpness', options)
    if (!(checkNumber('sharpnessFactor', sharpnessFactor) >= 0 && sharpnessFactor < Infinity)) {
      throw expected('a non-negative number', 'sharpnessFactor', sharpnessFactor)
    }
    this.sharpnessFactor = sharpnessFactor
  }

  override toString(): string {
    return `RandomAdjustSharpness(sharpness_factor=${this.sharpnessFactor},p=${this.p})`
  }

  protected override async change(image: Image): Promise<Image> {
    return adjustSharpness(image, this.sharpnessFactor)
  }
}

/** Spreads the bytes of each channel by chance. Follows `torchvision.transforms.RandomAutocontrast`. */
export class RandomAutocontrast extends ByExactChance {
  constructor(options: ChanceOptions = {}) {
    super('RandomAutocontrast', options)
  }

  protected override async change(image: Image): Promise<Image> {
    return autocontrast(image)
  }
}

/** Makes the bytes of each channel about equally frequent, by chance. Follows `torchvision.transforms.RandomEqualize`. */
export class RandomEqualize extends ByExactChance {
  constructor(options: ChanceOptions = {}) {
    super('RandomEqualize', options)
  }

  protected override async change(image: Image): Promise<Image> {
    return equalize(image)
  }
}

/**
 * Applies transforms of images one after the other, or none of them, by chance. Follows `torchvision.transforms.RandomApply`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if one does not tell the size of its output before it works.
 */
export class RandomApply extends RandomTransform {
  readonly transforms: readonly Transform<Image, Image>[]
  readonly p: number

  constructor(transforms: readonly Transform<Image, Image>[], options: ChanceOptions = {}) {
    super()
    checkOptions('RandomApply', options, ['p'], 'p')
    this.transforms = checkTransforms(transforms)
    this.p = checkProbability('p', options.p ?? 0.5)
    const silent = this.#chain.find((transform) => !tellsSize(transform))
    if (silent !== undefined) throw expected('transforms with draw() or outputSize()', 'transforms', silent)
  }

  override draw(size: ImageSize): Drawn<Image, Image> {
    if (Math.fround(this.p) < drawShare()) return unchanged(size)
    const drawn = drawInTurn(this.#chain, size) as Drawn<Image, Image> | null
    return drawn ?? unchanged(size)
  }

  override toString(): string {
    const lines = this.transforms.map((transform) => `    ${transform.toString()}`)
    return ['RandomApply(', `    p=${python(this.p)}`, ...lines, ')'].join('\n')
  }

  get #chain(): readonly ChainedTransform[] {
    return this.transforms
  }
}
