import { checkOptions, expected } from '../util/check.js'
import { drawOrder, drawUniform } from './chance.js'
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation } from './functional_color.js'
import type { Image } from './image.js'
import { pythonFloats } from './python.js'
import { changed, checkRange, RandomTransform } from './random_transform.js'
import type { Drawn, ImageSize } from './transforms.js'

/** Options of {@link ColorJitter}. */
export interface ColorJitterOptions {
  /** A range of factors, or a number `x` for 1 - x (not below 0) to 1 + x. Default: `0`. */
  readonly brightness?: number | readonly [number, number] | undefined
  /** A range of factors, or a number `x` for 1 - x (not below 0) to 1 + x. Default: `0`. */
  readonly contrast?: number | readonly [number, number] | undefined
  /** A range of factors, or a number `x` for 1 - x (not below 0) to 1 + x. Default: `0`. */
  readonly saturation?: number | readonly [number, number] | undefined
  /** A range of shares of the circle, -0.5 to 0.5, or a number `x` for -x to x. Default: `0`. */
  readonly hue?: number | readonly [number, number] | undefined
}

type Adjust = (image: Image, factor: number) => Promise<Image>

/**
 * Changes brightness, contrast, saturation and hue by chance, in an order by chance. Follows `torchvision.transforms.ColorJitter`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a number is negative, or a range lies outside of what is allowed.
 */
export class ColorJitter extends RandomTransform {
  /** Ranges from which factors are drawn; null for what is left as it is. */
  readonly brightness: readonly [number, number] | null
  readonly contrast: readonly [number, number] | null
  readonly saturation: readonly [number, number] | null
  readonly hue: readonly [number, number] | null

  constructor(options: ColorJitterOptions = {}) {
    super()
    checkOptions('ColorJitter', options, ['brightness', 'contrast', 'saturation', 'hue'], 'brightness')
    const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = options
    this.brightness = factorsOf('brightness', brightness)
    this.contrast = factorsOf('contrast', contrast)
    this.saturation = factorsOf('saturation', saturation)
    this.hue = rangeOf('hue', hue, { center: 0, least: -0.5, most: 0.5 })
  }

  override draw(size: ImageSize): Drawn<Image, Image> {
    const order = drawOrder(4)
    const steps = [
      step(this.brightness, adjustBrightness),
      step(this.contrast, adjustContrast),
      step(this.saturation, adjustSaturation),
      step(this.hue, adjustHue),
    ]
    return changed(size, async (input) => {
      let image = input
      for (const index of order) image = (await steps[index]?.(image)) ?? image
      return image
    })
  }

  override toString(): string {
    const text = (range: readonly number[] | null): string => (range === null ? 'None' : pythonFloats(range))
    const colors = `contrast=${text(this.contrast)}, saturation=${text(this.saturation)}, hue=${text(this.hue)}`
    return `ColorJitter(brightness=${text(this.brightness)}, ${colors})`
  }
}

/** Draws a factor; gives what it is to do. */
function step(range: readonly [number, number] | null, adjust: Adjust): ((image: Image) => Promise<Image>) | null {
  if (range === null) return null
  const factor = drawUniform(...range)
  return async (image) => adjust(image, factor)
}

function factorsOf(name: string, value: number | readonly [number, number]): readonly [number, number] | null {
  return rangeOf(name, value, { center: 1, least: 0, most: Infinity })
}

function rangeOf(
  name: string,
  value: number | readonly [number, number],
  { center, least, most }: { readonly center: number; readonly least: number; readonly most: number },
): readonly [number, number] | null {
  if (typeof value === 'number' && !(value >= 0 && value < Infinity)) {
    throw expected('a non-negative number', name, value)
  }
  const low = (spread: number): number => (center === 1 ? Math.max(center - spread, 0) : center - spread)
  const range: readonly [number, number] = typeof value === 'number' ? [low(value), center + value] : value
  checkRange(name, range, { least, most })
  return range[0] === center && range[1] === center ? null : range
}
