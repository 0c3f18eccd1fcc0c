import type { Pair } from '../../nn/checks.js'

/** The window of a pooling layer. */
export interface Window {
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
  readonly ceilMode: boolean
}

/** The window of a convolution, with the padding of both sides added up. */
interface PaddedWindow {
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly total: Pair
  readonly dilation: Pair
}

/** Gives height and width after a convolution of images (..., H, W), null if nothing is left. */
export function convolvedSizes(shape: readonly number[], window: PaddedWindow): Pair | null {
  const { kernelSize, stride, total, dilation } = window
  return bothOf((axis) => {
    const reach = dilation[axis] * (kernelSize[axis] - 1) + 1
    return Math.floor(((shape.at(axis - 2) ?? 0) + total[axis] - reach) / stride[axis]) + 1
  })
}

/** Gives height and width after pooling images (..., H, W), null if nothing is left or libtorch refuses the padding. */
export function pooledSizes(shape: readonly number[], window: Window): Pair | null {
  const { kernelSize, stride, padding, dilation, ceilMode } = window
  return bothOf((axis) => {
    if (padding[axis] > kernelSize[axis] / 2) return 0
    const size = shape.at(axis - 2) ?? 0
    const reach = dilation[axis] * (kernelSize[axis] - 1) + 1
    const steps = (size + 2 * padding[axis] - reach) / stride[axis]
    const count = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1
    // A window that would begin behind the image, in the padding, is left out.
    return ceilMode && (count - 1) * stride[axis] >= size + padding[axis] ? count - 1 : count
  })
}

/** Gives the shape of images (N, C, H, W) after pooling, null if they are no images or nothing is left. */
export function pooledShape(shape: readonly number[], window: Window): readonly number[] | null {
  const [images = 0, channels = 0] = shape
  const sizes = shape.length === 4 ? pooledSizes(shape, window) : null
  return sizes && [images, channels, ...sizes]
}

/** Tells whether two shapes are the same. */
export function isSameShape(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((size, dim) => size === other[dim])
}

function bothOf(sizeAlong: (axis: 0 | 1) => number): Pair | null {
  const sizes: Pair = [sizeAlong(0), sizeAlong(1)]
  return sizes.every((size) => size > 0) ? sizes : null
}
