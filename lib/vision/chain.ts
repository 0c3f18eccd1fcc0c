import { fromArray } from '../tensor/creation.js'
import { expected } from '../util/check.js'
import { elementsOf, fuse } from './fuse.js'
import type { Drawn, ImageSize, Transform } from './transforms.js'

/** A transform of a chain. The types of a chain are known at its ends only: each transform checks what it is given. */
export type ChainedTransform = Transform<unknown, unknown>

/** What is done to one image: a transform that is not random, or what a random one has drawn. */
type Step = ChainedTransform | Drawn<unknown, unknown>

/**
 * Draws the random numbers of all transforms for one image; null, and nothing is drawn, if a random one needs the work of those before
 * it. Those behind the last random one need not tell sizes.
 */
export function drawInTurn(transforms: readonly ChainedTransform[], size: ImageSize): Drawn<unknown, unknown> | null {
  const last = transforms.findLastIndex(({ isRandom }) => isRandom === true)
  if (!transforms.slice(0, last + 1).every(tellsSize)) return null
  let current = size
  const steps = transforms.map((transform): Step => {
    if (transform.isRandom !== true) {
      current = transform.outputSize?.(current) ?? current
      return transform
    }
    const drawn = transform.draw?.(current)
    if (drawn === undefined || drawn === null) throw new TypeError(`${transform.toString()} tells no size`)
    current = drawn.outputSize
    return drawn
  })
  return { outputSize: current, apply: async (input) => applyInTurn(steps, input) }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `transforms` is an array of {@link Transform}s. */
export function checkTransforms<T extends readonly Transform<never, unknown>[]>(transforms: T): T {
  if (!Array.isArray(transforms)) throw expected('an array of transforms', 'transforms', transforms)
  const wrong: unknown = transforms.find((transform: unknown) => !isTransform(transform))
  if (wrong !== undefined) throw expected('objects with a method apply', 'transforms', wrong)
  return transforms
}

function isTransform(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'apply' in value && typeof value.apply === 'function'
}

/** Tells whether a transform tells the size of its output before it works. */
export function tellsSize(transform: ChainedTransform): boolean {
  if ('transforms' in transform && Array.isArray(transform.transforms)) {
    return (transform.transforms as readonly ChainedTransform[]).every(tellsSize)
  }
  return transform.isRandom === true ? transform.draw !== undefined : transform.outputSize !== undefined
}

/** Applies steps one after the other; what runs natively in one go does. Tensors between them belong to the scope around. */
export async function applyInTurn(steps: readonly Step[], input: unknown): Promise<unknown> {
  let value = input
  for (let next = 0; next < steps.length;) {
    const end = endOfRun(steps, next)
    const fused = fuse(steps.slice(next, end), value)
    if (fused === null) {
      value = await steps[next]?.apply(value)
      next++
    } else {
      const data = new Float32Array(elementsOf(fused.shape))
      await fused.applyInto(data, 0)
      value = fromArray(data, fused.shape)
      next = end
    }
  }
  return value
}

/** Where the steps from `start` on that nothing was drawn for end. */
function endOfRun(steps: readonly Step[], start: number): number {
  const end = steps.findIndex((step, index) => index >= start && isDrawn(step))
  return end < 0 ? steps.length : end
}

function isDrawn(step: Step): step is Drawn<unknown, unknown> {
  return typeof step.outputSize === 'object'
}
