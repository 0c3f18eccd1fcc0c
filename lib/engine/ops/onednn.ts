import type { Conv2dNode } from './conv2d.js'

/**
 * Tells whether oneDNN computes a convolution. For images that are channels-last, oneDNN 3.12 reads beyond them where a stride
 * and a dilation above 1 meet in few columns, and leaves out taps where a stride above 1 meets a single column of results and
 * the groups have one channel each: `npm run sweep -- convolutions` found both. Where exactly is not known, so that neither is
 * left to it, along rows and columns. libtorch's ordinary operator gets row-major images then.
 */
export function suitsOneDnn({ stride, dilation, output }: Conv2dNode): boolean {
  return ([0, 1] as const).every((axis) => stride[axis] === 1 || (dilation[axis] === 1 && output.shape[2 + axis] !== 1))
}
