import { native } from '../libtorch/binding.js'
import { centerCropCorner, checkResizeSize, pillowFilter, resizedSize } from './functional.js'
import { isImage, MAX_PIXELS } from './image.js'
import { CenterCrop, Grayscale, Normalize, Resize, ToTensor } from './transforms.js'

/** Transforms of one image that native/image/prepare.h does together. */
export interface FusedTransforms {
  /** (C, H, W) of the result. */
  readonly shape: readonly [channels: number, height: number, width: number]
  /** Writes the result into `target` from `offset` on, in elements. */
  applyInto(target: Float32Array, offset: number): Promise<void>
}

/**
 * Decides whether `transforms` of `input` are done together: Resize, CenterCrop, Grayscale, ToTensor, Normalize in this
 * order, of which all but ToTensor may be missing. Gives null for everything else, which goes step by step; so does all
 * that is to be refused, as each step words its own errors.
 */
export function fuse(transforms: readonly unknown[], input: unknown): FusedTransforms | null {
  const pattern = patternOf(transforms)
  if (pattern === null || !isImage(input)) return null
  const { resize, crop, grayscale, normalize } = pattern
  const { data, height, width, channels } = input

  const size: readonly [number, number] = [height, width]
  const resized = resize === null ? size : resizedSize(size, checkResizeSize(resize.size), resize.maxSize)
  const cropped = crop?.size ?? resized
  if ([size, resized, cropped].some(([rows, columns]) => rows * columns < 1)) return null
  if ([resized, cropped].some(([rows, columns]) => rows * columns > MAX_PIXELS)) return null
  const outChannels = grayscale?.numOutputChannels ?? channels
  const { mean, std } = normalize ?? { mean: [0], std: [1] }
  if (mean.length !== 1 && mean.length !== outChannels) return null

  return {
    shape: [outChannels, ...cropped],
    async applyInto(target, offset) {
      await native.prepareImage({
        image: { data, height, width, channels },
        resized,
        filter: pillowFilter(resize?.interpolation ?? 'nearest'),
        corner: centerCropCorner(resized, cropped),
        crop: cropped,
        grayscale: grayscale !== null,
        channels: outChannels,
        mean,
        std,
        output: target,
        offset,
      })
    },
  }
}

/** The number of elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

interface Pattern {
  readonly resize: Resize | null
  readonly crop: CenterCrop | null
  readonly grayscale: Grayscale | null
  readonly normalize: Normalize | null
}

function patternOf(transforms: readonly unknown[]): Pattern | null {
  let next = 0
  const take = <T extends object>(kind: new (...args: never) => T): T | null => {
    const transform = transforms[next]
    // A subclass may do something else.
    if (!(transform instanceof kind) || transform.constructor !== kind) return null
    next++
    return transform
  }
  const [resize, crop, grayscale] = [take(Resize), take(CenterCrop), take(Grayscale)]
  const [toTensor, normalize] = [take(ToTensor), take(Normalize)]
  return toTensor === null || next < transforms.length ? null : { resize, crop, grayscale, normalize }
}
