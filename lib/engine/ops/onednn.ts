import type { Conv2dNode } from './conv2d.js'

/**
 * Tells whether oneDNN computes a convolution. `npm run sweep -- convolutions` found what oneDNN 3.12 does not:
 *
 * - It reads beyond channels-last images where a stride and a dilation above 1 meet in few columns.
 * - It leaves out taps where a stride above 1 meets a single column of results and the groups have one channel each.
 * - It reads weights that were packed for a single number a sample, which makes it a product of matrices, in another order.
 *
 * Where exactly the first two begin is not known, so that neither form is left to it, along rows and columns. libtorch's
 * ordinary operator gets row-major images then.
 */
export function suitsOneDnn({ stride, dilation, output }: Conv2dNode): boolean {
  const [, ...sizes] = output.shape
  if (sizes.every((size) => size === 1)) return false
  return ([0, 1] as const).every((axis) => stride[axis] === 1 || (dilation[axis] === 1 && sizes[1 + axis] !== 1))
}
