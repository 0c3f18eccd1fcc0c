import { checkInteger, checkOptions, checkProbability, describeShape, expected } from '../util/check.js'
import { isFloat32Array } from '../util/realm.js'
import { scope, synchronousScope } from '../util/scope.js'
import { empty, fromArray, tensor } from '../tensor/creation.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawChance, drawInteger, drawLogUniform, drawUniform } from './chance.js'
import { roundHalfToEven, pythonFloats } from './python.js'
import { logarithmsOf } from './random_crop.js'
import { changed, checkRange, RandomTransform, unchanged } from './random_transform.js'
import type { Drawn, ImageSize } from './transforms.js'

/** Options of {@link RandomErasing}. */
export interface RandomErasingOptions {
  /** How probable it is, 0 to 1. Default: `0.5`. */
  readonly p?: number | undefined
  /** Share of the image that is erased, from and to, 0 to 1. Default: `[0.02, 0.33]`. */
  readonly scale?: readonly [number, number] | undefined
  /** Height / width of what is erased, from and to. Default: `[0.3, 3.3]`. */
  readonly ratio?: readonly [number, number] | undefined
  /** What takes the place: a number, one for each channel, or `'random'` for numbers of the normal distribution. Default: `0`. */
  readonly value?: number | readonly number[] | 'random' | undefined
}

/** Tries to find a part that fits, before nothing is erased: torchvision's. */
const ATTEMPTS = 10

/**
 * Erases a part of a tensor (C, H, W), of a size and at a place by chance. Follows `torchvision.transforms.RandomErasing`, **never in
 * place**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an option is of the wrong kind. `apply()` and `draw()`: if there are not as many values
 * as channels.
 */
export class RandomErasing extends RandomTransform<Tensor> {
  readonly p: number
  readonly scale: readonly [number, number]
  readonly ratio: readonly [number, number]
  readonly value: number | readonly number[] | 'random'

  constructor(options: RandomErasingOptions = {}) {
    super()
    checkOptions('RandomErasing', options, ['p', 'scale', 'ratio', 'value'], 'p')
    const { p = 0.5, scale = [0.02, 0.33], ratio = [0.3, 3.3], value = 0 } = options
    this.p = checkProbability('p', p)
    this.scale = checkRange('scale', scale, { least: 0, most: 1 })
    this.ratio = checkRange('ratio', ratio, { least: Number.MIN_VALUE })
    const isList: boolean = Array.isArray(value) && value.length > 0 && value.every(Number.isFinite)
    if (value !== 'random' && !isList && !Number.isFinite(value)) {
      throw expected("a number, an array of numbers or 'random'", 'value', value)
    }
    this.value = value
  }

  override draw(size: ImageSize): Drawn<Tensor, Tensor> {
    if (!drawChance(this.p)) return unchanged(size)
    const { channels, height, width } = size
    const { value } = this
    if (typeof value === 'object' && value.length !== 1 && value.length !== channels) {
      throw expected(`1 or ${channels} numbers`, 'value', value)
    }
    const logRatio = logarithmsOf(this.ratio)
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const area = height * width * drawUniform(...this.scale)
      const aspect = drawLogUniform(...logRatio)
      const rows = roundHalfToEven(Math.sqrt(area * aspect))
      const columns = roundHalfToEven(Math.sqrt(area / aspect))
      if (!(rows < height && columns < width)) continue
      const numbers = value === 'random' ? drawNormal([channels, rows, columns]) : value
      const top = drawInteger(0, height - rows + 1)
      const left = drawInteger(0, width - columns + 1)
      // eslint-disable-next-line @typescript-eslint/require-await -- a wrong input rejects, as with every transform
      return changed(size, async (input) => erase(input, top, left, rows, columns, numbers))
    }
    return unchanged(size)
  }

  override toString(): string {
    const { p, value } = this
    const values = typeof value === 'object' ? `[${value.join(', ')}]` : value
    const [scale, ratio] = [pythonFloats(this.scale), pythonFloats(this.ratio)]
    return `RandomErasing(p=${p}, scale=${scale}, ratio=${ratio}, value=${values}, inplace=False)`
  }
}

/**
 * Replaces a part of a tensor (…, C, H, W) by a number, one for each channel, or an array of numbers (C, `height`, `width`). Gives a new
 * tensor. Follows `torchvision.transforms.functional.erase`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the part does not lie inside, or the numbers are too many or too few.
 */
export function erase<T extends Tensor>(
  input: T,
  top: number,
  left: number,
  height: number,
  width: number,
  value: number | readonly number[] | Float32Array,
): T {
  handleOf(input, 'input')
  if (input.ndim < 3) throw expected('a tensor (..., C, H, W)', 'input', input)
  const [channels = 0, rows = 0, columns = 0] = input.shape.slice(-3)
  checkSpan('height', [checkInteger('top', top), checkInteger('height', height)], rows)
  checkSpan('width', [checkInteger('left', left), checkInteger('width', width)], columns)
  const numbers = typeof value === 'number' ? [value] : value
  const part = [channels, height, width]
  const shape = [[1, 1, 1], [channels, 1, 1], part].find(([c = 0, h = 0, w = 0]) => c * h * w === numbers.length)
  if (shape === undefined) {
    throw expected(`a number, ${channels}, or an array ${describeShape(part)} of them`, 'value', value)
  }
  return scope(() => {
    const erased = input.clone()
    const values = isFloat32Array(numbers) ? fromArray(numbers, shape) : tensor([...numbers], { shape })
    erased.narrow(-2, top, height).narrow(-1, left, width).copy_(values)
    return erased as T
  })
}

function checkSpan(name: string, [start, length]: readonly [number, number], size: number): void {
  if (start < 0 || length < 0 || start + length > size) throw expected(`a part inside of ${size} pixels`, name, length)
}

/** `torch.empty(shape).normal_()`. */
function drawNormal(shape: readonly number[]): Float32Array {
  return synchronousScope(() => empty(shape).normal_().toFloat32Array())
}
