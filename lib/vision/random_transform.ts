import type { Tensor } from '../tensor/tensor.js'
import { expected } from '../util/check.js'
import { TensorBase } from '../tensor/handle.js'
import { checkImage, type Image } from './image.js'
import type { Drawn, ImageSize, Transform } from './transforms.js'

/**
 * A transform that draws random numbers, all of them before it works: those of several images are drawn in the order in which the
 * images were given, however the work goes on. They come from PyTorch's default generator, which `manualSeed` seeds.
 */
export abstract class RandomTransform<Input = Image, Output = Input> implements Transform<Input, Output> {
  readonly isRandom = true

  /** Draws what is to be done to an image of a size. */
  abstract draw(size: ImageSize): Drawn<Input, Output>

  async apply(input: Input): Promise<Output> {
    const drawn = this.draw(sizeOf(`input of ${this.constructor.name}`, input))
    return drawn.apply(input)
  }

  abstract toString(): string
}

/** Leaves an image of a size as it is. */
export function unchanged<T>(size: ImageSize): Drawn<T, T> {
  return { outputSize: size, apply: async (input) => Promise.resolve(input) }
}

/** Does something to an image that keeps its size. */
export function changed<T>(size: ImageSize, apply: (input: T) => Promise<T>): Drawn<T, T> {
  return { outputSize: size, apply }
}

/** The size of an image, or of a tensor (C, H, W). */
export function sizeOf(name: string, input: unknown): ImageSize {
  if (!(input instanceof TensorBase)) {
    const { channels, height, width } = checkImage(name, input)
    return { channels, height, width }
  }
  const { shape } = input as Tensor
  const [channels, height, width] = shape.slice(-3)
  if (channels === undefined || height === undefined || width === undefined) {
    throw expected('an image, or a tensor (C, H, W)', name, input)
  }
  return { channels, height, width }
}

/** A range as torchvision takes it. @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is two numbers, the smaller first. */
export function checkRange(
  name: string,
  value: readonly [number, number],
  { least = -Infinity, most = Infinity }: { readonly least?: number; readonly most?: number } = {},
): readonly [number, number] {
  const isPair: boolean = Array.isArray(value) && value.length === 2 && value.every(Number.isFinite)
  if (!isPair || value[0] > value[1] || value[0] < least || value[1] > most) {
    const bounds = least === -Infinity ? '' : most === Infinity ? ` of at least ${least}` : ` from ${least} to ${most}`
    throw expected(`two numbers${bounds}, the smaller first,`, name, value)
  }
  return [value[0], value[1]]
}
