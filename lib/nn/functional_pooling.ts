import { native } from '../libtorch/binding.js'
import { checkBoolean, checkPositiveInteger } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { Signature, type NoOptions } from '../util/signature.js'
import { handleOf } from '../tensor/handle.js'
import { Tensor } from '../tensor/tensor.js'
import { checkFloats, checkImages, checkOutputSize, checkPair, type OutputSize2d, type Size2d } from './checks.js'

/** Options of {@link maxPool2d}. */
export interface MaxPool2dFunctionOptions {
  /** Default: `kernelSize`. */
  readonly stride?: Size2d | null | undefined
  /** Negative infinities on every side, at most half of `kernelSize`. Default: `0`. */
  readonly padding?: Size2d | undefined
  /** Steps between the points of the window. Default: `1`. */
  readonly dilation?: Size2d | undefined
  /** Round the size of the output up. Default: `false`. */
  readonly ceilMode?: boolean | undefined
}

const MAX_POOL2D = new Signature<MaxPool2dFunctionOptions>('maxPool2d', ['input', 'kernelSize'], {
  stride: 'name',
  padding: 'name',
  dilation: 'name',
  ceilMode: 'name',
})

/**
 * Gives the largest element of each window of images (N, C, H, W) or (C, H, W). Follows `torch.nn.functional.max_pool2d`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `input` is no image; `TORCH_OPERATOR` if nothing would be left of it.
 */
export function maxPool2d<D extends DType>(
  input: Tensor<D>,
  kernelSize: Size2d,
  options?: MaxPool2dFunctionOptions,
): Tensor<D>
export function maxPool2d<D extends DType>(
  input: Tensor<D>,
  kernelSize: Size2d,
  ...given: readonly unknown[]
): Tensor<D> {
  const options = MAX_POOL2D.read([input, kernelSize], given)
  const { stride = null, padding = 0, dilation = 1, ceilMode = false } = options
  const kernel = checkPair('kernelSize', kernelSize, 1)
  const strides = stride === null ? kernel : checkPair('stride', stride, 1)
  const pads = checkPair('padding', padding, 0)
  const dilations = checkPair('dilation', dilation, 1)
  checkBoolean('ceilMode', ceilMode)
  checkImages(input)
  return new Tensor<D>(native.maxPool2d(handleOf(input), kernel, strides, pads, dilations, ceilMode))
}

/** Options of {@link avgPool2d}. */
export interface AvgPool2dFunctionOptions {
  /** Default: `kernelSize`. */
  readonly stride?: Size2d | null | undefined
  /** Zeros on every side, at most half of `kernelSize`. Default: `0`. */
  readonly padding?: Size2d | undefined
  /** Round the size of the output up. Default: `false`. */
  readonly ceilMode?: boolean | undefined
  /** Count the padding in the average. Default: `true`. */
  readonly countIncludePad?: boolean | undefined
  /** Divide by this instead of by the number of elements. Default: `null`. */
  readonly divisorOverride?: number | null | undefined
}

const AVG_POOL2D = new Signature<AvgPool2dFunctionOptions>('avgPool2d', ['input', 'kernelSize'], {
  stride: 'name',
  padding: 'name',
  ceilMode: 'name',
  countIncludePad: 'name',
  divisorOverride: 'name',
})

/**
 * Averages each window of images (N, C, H, W) or (C, H, W). Follows `torch.nn.functional.avg_pool2d`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `input` is no image; `TORCH_OPERATOR` if nothing would be left of it.
 */
export function avgPool2d<D extends DType>(
  input: Tensor<D>,
  kernelSize: Size2d,
  options?: AvgPool2dFunctionOptions,
): Tensor<D>
export function avgPool2d<D extends DType>(
  input: Tensor<D>,
  kernelSize: Size2d,
  ...given: readonly unknown[]
): Tensor<D> {
  const options = AVG_POOL2D.read([input, kernelSize], given)
  const { stride = null, padding = 0, ceilMode = false, countIncludePad = true, divisorOverride = null } = options
  const kernel = checkPair('kernelSize', kernelSize, 1)
  const strides = stride === null ? kernel : checkPair('stride', stride, 1)
  const pads = checkPair('padding', padding, 0)
  checkBoolean('ceilMode', ceilMode)
  checkBoolean('countIncludePad', countIncludePad)
  if (divisorOverride !== null) checkPositiveInteger('divisorOverride', divisorOverride)
  checkImages(input)
  // As in PyTorch, whose other integers have no kernel for it.
  if (input.dtype !== 'int64') checkFloats('input', input)
  return new Tensor<D>(
    native.avgPool2d(handleOf(input), kernel, strides, pads, ceilMode, countIncludePad, divisorOverride),
  )
}

const ADAPTIVE_AVG_POOL2D = new Signature<NoOptions>('adaptiveAvgPool2d', ['input', 'outputSize'], {})

/**
 * Averages images (N, C, H, W) or (C, H, W) to the given size. Follows `torch.nn.functional.adaptive_avg_pool2d`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `input` is no image of floats.
 */
export function adaptiveAvgPool2d<D extends DType>(input: Tensor<D>, outputSize: OutputSize2d): Tensor<D> {
  ADAPTIVE_AVG_POOL2D.read([input, outputSize], [])
  checkImages(input)
  checkFloats('input', input)
  const [height, width] = checkOutputSize(outputSize)
  return new Tensor<D>(native.adaptiveAvgPool2d(handleOf(input), [height ?? input.size(-2), width ?? input.size(-1)]))
}
