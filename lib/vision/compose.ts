import { checkNonNegativeInteger, describeShape, expected } from '../util/check.js'
import { scope } from '../util/scope.js'
import { fromArray } from '../tensor/creation.js'
import { Tensor } from '../tensor/tensor.js'
import { elementsOf, fuse } from './fuse.js'
import type { Transform } from './transforms.js'
import { isFloat32Array } from '../util/realm.js'

/**
 * Applies transforms one after the other and disposes the tensors between them. Follows `torchvision.transforms.Compose`.
 *
 * Those that prepare an image for a model (Resize, CenterCrop, Grayscale, ToTensor, Normalize, in this order, some or all)
 * are done together on a pool thread: the result has the same bits, and only the pixels inside of the crop are computed.
 */
export class Compose<const T extends readonly Transform<never, unknown>[]> implements Transform<
  InputOf<T>,
  OutputOf<T>
> {
  readonly transforms: T

  constructor(transforms: T) {
    if (!Array.isArray(transforms)) throw expected('an array of transforms', 'transforms', transforms)
    const wrong: unknown = transforms.find((transform: unknown) => !isTransform(transform))
    if (wrong !== undefined) throw expected('objects with a method apply', 'transforms', wrong)
    this.transforms = transforms
  }

  async apply(input: InputOf<T>): Promise<OutputOf<T>> {
    const fused = fuse(this.transforms, input)
    if (fused !== null) {
      const data = new Float32Array(elementsOf(fused.shape))
      await fused.applyInto(data, 0)
      return fromArray(data, fused.shape) as unknown as OutputOf<T>
    }
    return scope(async () => {
      let value: unknown = input
      // Each checks what it is given, as the types of a chain are known at its ends only.
      for (const transform of this.transforms as readonly Transform<unknown, unknown>[]) {
        value = await transform.apply(value)
      }
      return value as OutputOf<T>
    })
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

function isTransform(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'apply' in value && typeof value.apply === 'function'
}

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
