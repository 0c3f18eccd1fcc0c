import { native } from '../libtorch/binding.js'
import { checkBoolean, checkPositiveInteger } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { Signature, type NoOptions } from '../util/signature.js'
import { apply } from '../tensor/apply.js'
import { callTwo } from '../tensor/aten.js'
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

const ADAPTIVE_MAX_POOL2D = new Signature<NoOptions>('adaptiveMaxPool2d', ['input', 'outputSize'], {})

/**
 * Gives the largest elements of images (N, C, H, W) or (C, H, W) in the given size. Follows
 * `torch.nn.functional.adaptive_max_pool2d`, **without `return_indices`**.
 */
export function adaptiveMaxPool2d(input: Tensor, outputSize: OutputSize2d): Tensor {
  ADAPTIVE_MAX_POOL2D.read([input, outputSize], [])
  checkImages(input)
  checkFloats('input', input)
  const [height, width] = checkOutputSize(outputSize)
  const size = [height ?? input.size(-2), width ?? input.size(-1)]
  const [values, indices] = callTwo('aten::adaptive_max_pool2d', input, size)
  native.dispose(indices)
  return new Tensor(values)
}

/** Options of {@link unfold}. */
export interface UnfoldFunctionOptions {
  /** Steps between the points of the window. Default: `1`. */
  readonly dilation?: Size2d | undefined
  /** Zeros on every side. Default: `0`. */
  readonly padding?: Size2d | undefined
  /** Steps from one window to the next. Default: `1`. */
  readonly stride?: Size2d | undefined
}

const UNFOLD = new Signature<UnfoldFunctionOptions>('unfold', ['input', 'kernelSize'], {
  ...{ dilation: 'name', padding: 'name', stride: 'name' },
})

/**
 * Puts the windows of images (N, C, H, W) into columns (N, C · kH · kW, L). Follows `torch.nn.functional.unfold`.
 */
export function unfold(input: Tensor, kernelSize: Size2d, options?: UnfoldFunctionOptions): Tensor
export function unfold(input: Tensor, kernelSize: Size2d, ...given: readonly unknown[]): Tensor {
  const { dilation = 1, padding = 0, stride = 1 } = UNFOLD.read([input, kernelSize], given)
  checkImages(input)
  const kernel = checkPair('kernelSize', kernelSize, 1)
  const [gaps, pads] = [checkPair('dilation', dilation, 1), checkPair('padding', padding, 0)]
  return apply('aten::im2col', input, kernel, gaps, pads, checkPair('stride', stride, 1))
}
