import { checkNonNegativeInteger, describeShape, expected } from '../util/check.js'
import { scope } from '../util/scope.js'
import { Tensor } from '../tensor/tensor.js'
import { applyInTurn, checkTransforms, drawInTurn, type ChainedTransform } from './chain.js'
import { elementsOf, fuse } from './fuse.js'
import { sizeOf } from './random_transform.js'
import type { Drawn, ImageSize, Transform } from './transforms.js'
import { isFloat32Array } from '../util/realm.js'

/**
 * Applies transforms one after the other and disposes the tensors between them. Follows `torchvision.transforms.Compose`.
 *
 * Those that prepare an image for a model (Resize, CenterCrop, Grayscale, ToTensor, Normalize, in this order, some or all)
 * are done together on a pool thread: the result has the same bits, and only the pixels inside of the crop are computed.
 *
 * The random numbers of an image are drawn at once, before any work on it, in the order of the transforms.
 */
export class Compose<const T extends readonly Transform<never, unknown>[]> implements Transform<
  InputOf<T>,
  OutputOf<T>
> {
  readonly transforms: T

  constructor(transforms: T) {
    this.transforms = checkTransforms(transforms)
  }

  get #chain(): readonly ChainedTransform[] {
    return this.transforms
  }

  /** Whether one of them draws random numbers. */
  get isRandom(): boolean {
    return this.#chain.some(({ isRandom }) => isRandom === true)
  }

  async apply(input: InputOf<T>): Promise<OutputOf<T>> {
    const drawn = this.isRandom ? this.draw(sizeOf('input of Compose', input)) : null
    if (drawn !== null) return drawn.apply(input)
    return scope(async () => (await applyInTurn(this.#chain, input)) as OutputOf<T>)
  }

  /** Draws the random numbers of all transforms; null if one needs the work of those before it. */
  draw(size: ImageSize): Drawn<InputOf<T>, OutputOf<T>> | null {
    const drawn = drawInTurn(this.#chain, size)
    if (drawn === null) return null
    const { outputSize } = drawn
    return { outputSize, apply: async (input) => scope(async () => (await drawn.apply(input)) as OutputOf<T>) }
  }

  /** The size that the transforms make of an image of a size; null where one of them does not tell. */
  outputSize(size: ImageSize): ImageSize | null {
    return this.#chain.reduce<ImageSize | null>(
      (current, transform) => (current === null ? null : (transform.outputSize?.(current) ?? null)),
      size,
    )
  }

  /**
   * Does what {@link apply} does, and writes the elements into `target` from element `offset` on, so that a batch is filled
   * without copies.
   * Neither the image nor `target` may be transferred until it is done.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the result is no float32 tensor, or does not fit.
   */
  async applyInto(input: InputOf<T>, target: Float32Array, offset = 0): Promise<void> {
    const fused = fuse(this.transforms, input)
    if (fused !== null) {
      checkRoom(fused.shape, target, offset)
      return fused.applyInto(target, offset)
    }
    await scope(async () => {
      const made: unknown = await this.apply(input)
      if (!(made instanceof Tensor) || made.dtype !== 'float32') {
        throw expected('transforms that end in a float32 tensor', 'applyInto()', made)
      }
      checkRoom(made.shape, target, offset)
      target.set(made.toFloat32Array(), offset)
    })
  }

  toString(): string {
    return ['Compose(', ...this.transforms.map((transform) => `    ${transform.toString()}`), ')'].join('\n')
  }
}

/** What the first transform of a chain takes. */
export type InputOf<T extends readonly Transform<never, unknown>[]> = T extends readonly [infer First, ...unknown[]]
  ? First extends Transform<infer Input, unknown>
    ? Input
    : never
  : never

/** What the last transform of a chain gives. */
export type OutputOf<T extends readonly Transform<never, unknown>[]> = T extends readonly [...unknown[], infer Last]
  ? Last extends Transform<never, infer Output>
    ? Output
    : never
  : never

function checkRoom(shape: readonly number[], target: unknown, offset: number): void {
  if (!isFloat32Array(target)) throw expected('a Float32Array', 'target', target)
  if (elementsOf(shape) > target.length - checkNonNegativeInteger('offset', offset)) {
    throw expected(
      `an offset from which on ${describeShape(shape)} fits into ${target.length} floats`,
      'offset',
      offset,
    )
  }
}
