import { checkInteger, checkOneOf, checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import { synchronousScope } from '../util/scope.js'
import { rand, randint } from '../tensor/creation.js'
import { augment, magnitudesOf, SPACE, type AugmentOperation, type AugmentSpace } from './augment_space.js'
import { POLICIES } from './auto_augment_policies.js'
import { drawInteger } from './chance.js'
import { AFFINE_INTERPOLATION_MODES, type AffineInterpolationMode } from './geometry.js'
import type { Image } from './image.js'
import { changed, RandomTransform } from './random_transform.js'
import type { Drawn, ImageSize } from './transforms.js'

/** Options that all automatic augmentations have. */
export interface AugmentOptions {
  /** Default: `nearest`. */
  readonly interpolation?: AffineInterpolationMode | undefined
  /** Value of what lies outside of the image, 0 to 255, or one for each channel. Default: `null`, which is 0. */
  readonly fill?: number | readonly number[] | null | undefined
}

/** Options of {@link RandAugment}. */
export interface RandAugmentOptions extends AugmentOptions {
  /** Operations one after the other. Default: `2`. */
  readonly numOps?: number | undefined
  /** How strong they are: an integer below `numMagnitudeBins`. Default: `9`. */
  readonly magnitude?: number | undefined
  /** Default: `31`. */
  readonly numMagnitudeBins?: number | undefined
}

/** Options of {@link TrivialAugmentWide}. */
export interface TrivialAugmentWideOptions extends AugmentOptions {
  /** How many strengths an operation has. Default: `31`. */
  readonly numMagnitudeBins?: number | undefined
}

/** Options of {@link AutoAugment}. */
export interface AutoAugmentOptions extends AugmentOptions {
  /** The dataset for which the operations were found. Default: `imagenet`. */
  readonly policy?: keyof typeof POLICIES | undefined
}

/** An operation and how strong it is, below 0 for the other direction. */
type DrawnOperation = readonly [operation: AugmentOperation, magnitude: number]

abstract class Augmentation extends RandomTransform {
  readonly interpolation: AffineInterpolationMode
  readonly fill: number | readonly number[] | null

  constructor({ interpolation = 'nearest', fill = null }: AugmentOptions) {
    super()
    this.interpolation = checkOneOf('interpolation', interpolation, AFFINE_INTERPOLATION_MODES)
    this.fill = fill
  }

  override draw(size: ImageSize): Drawn<Image, Image> {
    const operations = this.drawOperations(size)
    const { interpolation, fill } = this
    return changed(size, async (input) => {
      let image = input
      for (const [operation, magnitude] of operations) {
        image = await augment(image, operation, magnitude, { interpolation, fill })
      }
      return image
    })
  }

  protected abstract drawOperations(size: ImageSize): readonly DrawnOperation[]

  protected textOfOptions(): string {
    const { interpolation, fill } = this
    const text = fill === null ? 'None' : typeof fill === 'number' ? fill : `[${fill.join(', ')}]`
    return `interpolation=InterpolationMode.${interpolation.toUpperCase()}, fill=${text}`
  }
}

/**
 * Applies some operations by chance, all of one strength. Follows `torchvision.transforms.RandAugment`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a number is not positive, or the magnitude is not below the number of bins.
 */
export class RandAugment extends Augmentation {
  readonly numOps: number
  readonly magnitude: number
  readonly numMagnitudeBins: number

  constructor(options: RandAugmentOptions = {}) {
    const names = ['numOps', 'magnitude', 'numMagnitudeBins', 'interpolation', 'fill'] as const
    checkOptions('RandAugment', options, names, 'numOps')
    super(options)
    const { numOps = 2, magnitude = 9, numMagnitudeBins = 31 } = options
    this.numOps = checkPositiveInteger('numOps', numOps)
    this.numMagnitudeBins = checkBins(numMagnitudeBins)
    if (checkInteger('magnitude', magnitude) < 0 || magnitude >= numMagnitudeBins) {
      throw expected(`an integer from 0 to below ${numMagnitudeBins}`, 'magnitude', magnitude)
    }
    this.magnitude = magnitude
  }

  override toString(): string {
    const bins = `num_magnitude_bins=${this.numMagnitudeBins}`
    return `RandAugment(num_ops=${this.numOps}, magnitude=${this.magnitude}, ${bins}, ${this.textOfOptions()})`
  }

  protected override drawOperations(size: ImageSize): readonly DrawnOperation[] {
    return Array.from({ length: this.numOps }, () =>
      drawOperation(SPACE.rand(size), this.numMagnitudeBins, () => this.magnitude),
    )
  }
}

/** Applies one operation of a strength by chance. Follows `torchvision.transforms.TrivialAugmentWide`. */
export class TrivialAugmentWide extends Augmentation {
  readonly numMagnitudeBins: number

  constructor(options: TrivialAugmentWideOptions = {}) {
    checkOptions('TrivialAugmentWide', options, ['numMagnitudeBins', 'interpolation', 'fill'], 'numMagnitudeBins')
    super(options)
    this.numMagnitudeBins = checkBins(options.numMagnitudeBins ?? 31)
  }

  override toString(): string {
    return `TrivialAugmentWide(num_magnitude_bins=${this.numMagnitudeBins}, ${this.textOfOptions()})`
  }

  protected override drawOperations(): readonly DrawnOperation[] {
    const bins = this.numMagnitudeBins
    return [drawOperation(SPACE.wide, bins, () => drawInteger(0, bins))]
  }
}

/** Applies a pair of operations that were found for a dataset, by chance. Follows `torchvision.transforms.AutoAugment`. */
export class AutoAugment extends Augmentation {
  readonly policy: keyof typeof POLICIES

  constructor(options: AutoAugmentOptions = {}) {
    checkOptions('AutoAugment', options, ['policy', 'interpolation', 'fill'], 'policy')
    super(options)
    this.policy = checkOneOf('policy', options.policy ?? 'imagenet', ['imagenet', 'cifar10', 'svhn'])
  }

  override toString(): string {
    const fill = this.textOfOptions().replace(/^.*, fill/, 'fill')
    return `AutoAugment(policy=AutoAugmentPolicy.${this.policy.toUpperCase()}, ${fill})`
  }

  protected override drawOperations(size: ImageSize): readonly DrawnOperation[] {
    const policies = POLICIES[this.policy]
    const pair = policies[drawInteger(0, policies.length)] ?? []
    const [chances, signs] = synchronousScope(() => [
      rand([2]).toFloat32Array(),
      Array.from(randint(0, 2, [2]).toArray(), Number),
    ])
    const space = SPACE.auto(size)
    return pair.flatMap(([operation, p, bin], index): DrawnOperation[] => {
      if ((chances[index] ?? 1) > Math.fround(p)) return []
      const { range, isSigned } = space.get(operation) ?? { range: null, isSigned: false }
      const magnitude = bin === null || range === null ? 0 : (magnitudesOf(range, AUTO_BINS)[bin] ?? 0)
      return [[operation, isSigned && signs[index] === 0 ? -magnitude : magnitude]]
    })
  }
}

/** Strengths of an operation in the policies of AutoAugment. */
const AUTO_BINS = 10

function drawOperation(space: AugmentSpace, bins: number, drawBin: () => number): DrawnOperation {
  const names = [...space.keys()]
  const operation = names[drawInteger(0, names.length)] ?? 'Identity'
  const { range, isSigned } = space.get(operation) ?? { range: null, isSigned: false }
  const magnitude = range === null ? 0 : (magnitudesOf(range, bins)[drawBin()] ?? 0)
  return [operation, isSigned && drawInteger(0, 2) === 1 ? -magnitude : magnitude]
}

function checkBins(value: number): number {
  // One bin divides by zero in torchvision.
  if (checkPositiveInteger('numMagnitudeBins', value) < 2)
    throw expected('an integer of at least 2', 'numMagnitudeBins', value)
  return value
}
