import { native } from '../libtorch/binding.js'
import {
  checkBoolean,
  checkNumber,
  checkNumberOrNaN,
  checkOneOf,
  checkPositiveInteger,
  checkProbability,
  expected,
  isIntegerArray,
} from '../util/check.js'
import { checkDType, type DType } from '../util/dtype.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { handleOf } from '../tensor/handle.js'
import { Tensor } from '../tensor/tensor.js'
import {
  checkConvPadding,
  checkDim,
  checkFloats,
  checkImages,
  checkPair,
  checkSameDevice,
  checkSameDType,
  checkShapeIs,
  type ConvPadding,
  type Size2d,
} from './checks.js'

export * from './functional_activation.js'
export { conv1d, convTranspose2d } from './functional_conv.js'
export type { Conv1dFunctionOptions, ConvTranspose2dFunctionOptions, Size1d } from './functional_conv.js'
export { dropout2d, dropPath, stochasticDepth } from './functional_dropout.js'
export type { DropPathOptions, StochasticDepthMode, StochasticDepthOptions } from './functional_dropout.js'
export * from './functional_loss.js'
export * from './functional_normalization.js'
export * from './functional_sparse.js'
export * from './functional_vision.js'
export { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool2d, maxPool2d, unfold } from './functional_pooling.js'
export type { AvgPool2dFunctionOptions, MaxPool2dFunctionOptions, UnfoldFunctionOptions } from './functional_pooling.js'

/** What padding is filled with: one value, the mirrored image, its border, or the image wrapped around. */
export const PAD_MODES = ['constant', 'reflect', 'replicate', 'circular'] as const

/** A mode of {@link PAD_MODES}. */
export type PadMode = (typeof PAD_MODES)[number]

/** Options of {@link conv2d}. */
export interface Conv2dFunctionOptions {
  /** Shape (O). Default: none. */
  readonly bias?: Tensor | null | undefined
  /** Default: `1`. */
  readonly stride?: Size2d | undefined
  /** Zeros on every side. Default: `0`. */
  readonly padding?: ConvPadding | undefined
  /** Steps between the points of the kernel. Default: `1`. */
  readonly dilation?: Size2d | undefined
  /** Groups of channels that do not see each other. Default: `1`. */
  readonly groups?: number | undefined
}

const CONV2D = new Signature<Conv2dFunctionOptions>('conv2d', ['input', 'weight'], {
  bias: 'name',
  stride: 'name',
  padding: 'name',
  dilation: 'name',
  groups: 'name',
})

/**
 * Convolves images with kernels: input (N, C, H, W) or (C, H, W), weight (O, C / groups, kH, kW).
 * Follows `torch.nn.functional.conv2d`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if shapes, dtypes or devices do not fit each other; `TORCH_OPERATOR` if
 * the kernel is larger than the padded image.
 */
export function conv2d(input: Tensor, weight: Tensor, options?: Conv2dFunctionOptions): Tensor
export function conv2d(input: Tensor, weight: Tensor, ...given: readonly unknown[]): Tensor {
  const { bias = null, stride = 1, padding = 0, dilation = 1, groups = 1 } = CONV2D.read([input, weight], given)
  const strides = checkPair('stride', stride, 1)
  const pads = checkConvPadding(padding, strides)
  const dilations = checkPair('dilation', dilation, 1)
  checkPositiveInteger('groups', groups)
  checkImages(input)
  checkWeights(input, weight, bias)
  const [outputs, inputsPerGroup] = weight.shape
  if (weight.ndim !== 4 || outputs === undefined || inputsPerGroup === undefined) {
    throw expected('a tensor (O, C / groups, kH, kW)', 'weight', weight)
  }
  if (outputs % groups !== 0) throw expected(`a multiple of groups (${groups}) as the first size`, 'weight', weight)
  if (bias !== null) checkShapeIs('bias', bias, [outputs])
  const channels = input.size(-3)
  if (channels !== inputsPerGroup * groups) {
    throw new TorchError(
      'TORCH_INVALID_ARGUMENT',
      `Given groups=${groups}, weight of size [${weight.shape.join(', ')}], expected input[${input.shape.join(', ')}] ` +
        `to have ${inputsPerGroup * groups} channels, but got ${channels} channels instead`,
    )
  }
  const biasHandle = bias === null ? null : handleOf(bias)
  return new Tensor(native.conv2d(handleOf(input), handleOf(weight), biasHandle, strides, pads, dilations, groups))
}

/** Options of {@link batchNorm}. */
export interface BatchNormFunctionOptions {
  /** Scale, shape (C). Default: none. */
  readonly weight?: Tensor | null | undefined
  /** Shift, shape (C). Default: none. */
  readonly bias?: Tensor | null | undefined
  /** Normalize by the batch, and update the running statistics. Default: `false`. */
  readonly training?: boolean | undefined
  /** Share of the batch in the running statistics, 0 to 1. Default: `0.1`. */
  readonly momentum?: number | undefined
  /** Added to the variance before the square root. Default: `1e-5`. */
  readonly eps?: number | undefined
}

const BATCH_NORM = new Signature<BatchNormFunctionOptions>('batchNorm', ['input', 'runningMean', 'runningVar'], {
  weight: 'name',
  bias: 'name',
  training: 'name',
  momentum: 'name',
  eps: 'name',
})

/**
 * Normalizes each channel of `input` (N, C, ...) by the running statistics (C), or by those of the batch.
 * Follows `torch.nn.functional.batch_norm`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if shapes, dtypes or devices do not fit each other.
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  options?: BatchNormFunctionOptions,
): Tensor
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  ...given: readonly unknown[]
): Tensor {
  const options = BATCH_NORM.read([input, runningMean, runningVar], given)
  const { weight = null, bias = null, training = false, momentum = 0.1, eps = 1e-5 } = options
  checkBoolean('training', training)
  checkNumber('momentum', momentum)
  checkEps(eps, training)
  checkFloats('input', input)
  const vectors = { runningMean, runningVar, weight, bias }
  for (const [name, vector] of Object.entries(vectors)) if (vector !== null) checkChannelVector(name, vector, input)
  if (input.ndim < 2) throw expected('a tensor (N, C, ...)', 'input', input)
  if (training && input.numel === input.size(1)) {
    const size = `torch.Size([${input.shape.join(', ')}])`
    const text = `Expected more than 1 value per channel when training, got input size ${size}`
    throw new TorchError('TORCH_INVALID_ARGUMENT', text)
  }
  if (!training && (runningMean === null || runningVar === null)) {
    throw expected('running statistics, or training,', 'runningMean and runningVar', null)
  }
  const [mean, variance, scale, shift] = [runningMean, runningVar, weight, bias].map((vector) =>
    vector === null ? null : handleOf(vector),
  )
  return new Tensor(
    native.batchNorm(
      handleOf(input),
      mean ?? null,
      variance ?? null,
      scale ?? null,
      shift ?? null,
      training,
      momentum,
      eps,
    ),
  )
}

const LINEAR = new Signature<LinearFunctionOptions>('linear', ['input', 'weight'], { bias: 'name' })

/** Options of {@link linear}. */
export interface LinearFunctionOptions {
  /** Shape (O). Default: none. */
  readonly bias?: Tensor | null | undefined
}

/**
 * Multiplies the last dimension by a matrix: input (..., I), weight (O, I), bias (O), output (..., O).
 * Follows `torch.nn.functional.linear`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if shapes, dtypes or devices do not fit each other.
 */
export function linear(input: Tensor, weight: Tensor, options?: LinearFunctionOptions): Tensor
export function linear(input: Tensor, weight: Tensor, ...given: readonly unknown[]): Tensor {
  const { bias = null } = LINEAR.read([input, weight], given)
  handleOf(input, 'input')
  checkWeights(input, weight, bias)
  const [outputs, inputs] = weight.shape
  if (weight.ndim !== 2 || outputs === undefined || inputs === undefined)
    throw expected('a tensor (O, I)', 'weight', weight)
  if (bias !== null) checkShapeIs('bias', bias, [outputs])
  if (input.ndim === 0 || input.size(-1) !== inputs) throw expected(`a tensor (..., ${inputs})`, 'input', input)
  return new Tensor(native.linear(handleOf(input), handleOf(weight), bias === null ? null : handleOf(bias)))
}

/** Options of {@link relu}. */
export interface ReluFunctionOptions {
  /** Change `input` itself. Default: `false`. */
  readonly inplace?: boolean | undefined
}

const RELU = new Signature<ReluFunctionOptions>('relu', ['input'], { inplace: 'name' })

/** Sets elements below 0 to 0, with `inplace` in `input` itself. Follows `torch.nn.functional.relu`. */
export function relu<D extends DType>(input: Tensor<D>, options?: ReluFunctionOptions): Tensor<D>
export function relu<D extends DType>(input: Tensor<D>, ...given: readonly unknown[]): Tensor<D> {
  const { inplace = false } = RELU.read([input], given)
  return checkBoolean('inplace', inplace) ? relu_(input) : new Tensor<D>(native.relu(handleOf(input, 'input')))
}

/** Sets elements of `input` below 0 to 0, and gives `input` back. Follows `torch.relu_`. */
export function relu_<T extends Tensor>(input: T): T {
  native.relu_(handleOf(input, 'input'))
  return input
}

/** Options of {@link softmax} and {@link logSoftmax}. */
export interface SoftmaxFunctionOptions {
  /** Convert to this dtype first. Default: the input's own. */
  readonly dtype?: DType | undefined
}

const SOFTMAX = new Signature<SoftmaxFunctionOptions>('softmax', ['input', 'dim'], { dtype: 'keyword' })
const LOG_SOFTMAX = new Signature<SoftmaxFunctionOptions>('logSoftmax', ['input', 'dim'], { dtype: 'keyword' })

/** Scales the exponentials along `dim` to the sum 1, after converting to `dtype`. Follows `torch.nn.functional.softmax`. */
export function softmax(input: Tensor, dim: number, options?: SoftmaxFunctionOptions): Tensor
export function softmax(input: Tensor, dim: number, ...given: readonly unknown[]): Tensor {
  const dtype = softmaxDType(input, SOFTMAX.read([input, dim], given))
  return new Tensor(native.softmax(handleOf(input), checkDim(dim, input), dtype))
}

/** The logarithm of {@link softmax}, without its loss of precision. Follows `torch.nn.functional.log_softmax`. */
export function logSoftmax(input: Tensor, dim: number, options?: SoftmaxFunctionOptions): Tensor
export function logSoftmax(input: Tensor, dim: number, ...given: readonly unknown[]): Tensor {
  const dtype = softmaxDType(input, LOG_SOFTMAX.read([input, dim], given))
  return new Tensor(native.logSoftmax(handleOf(input), checkDim(dim, input), dtype))
}

/** Options of {@link dropout}. */
export interface DropoutFunctionOptions {
  /** Probability of an element to become 0. Default: `0.5`. */
  readonly p?: number | undefined
  /** Without it nothing is changed. Default: `true`. */
  readonly training?: boolean | undefined
  /** Change `input` itself. Default: `false`. */
  readonly inplace?: boolean | undefined
}

const DROPOUT = new Signature<DropoutFunctionOptions>('dropout', ['input'], {
  p: 'position',
  training: 'name',
  inplace: 'name',
})

/**
 * Sets elements to 0 by chance and multiplies the others by 1 / (1 - p); gives `input` back where it changes nothing or
 * works in place. Follows `torch.nn.functional.dropout`.
 */
export function dropout<D extends DType>(input: Tensor<D>, options?: DropoutFunctionOptions): Tensor<D>
export function dropout<D extends DType>(
  input: Tensor<D>,
  p: number,
  options?: Omit<DropoutFunctionOptions, 'p'>,
): Tensor<D>
export function dropout<D extends DType>(input: Tensor<D>, ...given: readonly unknown[]): Tensor<D> {
  const { p = 0.5, training = true, inplace = false } = DROPOUT.read([input], given)
  checkProbability('p', p)
  checkBoolean('training', training)
  checkBoolean('inplace', inplace)
  handleOf(input, 'input')
  if (!training) return input
  checkFloats('input', input)
  if (!inplace) return new Tensor<D>(native.dropout(handleOf(input), p))
  native.dropout_(handleOf(input), p)
  return input
}

/** Options of {@link pad}. */
export interface PadOptions {
  /** Default: `constant`. */
  readonly mode?: PadMode | undefined
  /** What `constant` fills with. Default: `0`. */
  readonly value?: number | undefined
}

const PAD = new Signature<PadOptions>('pad', ['input', 'pad'], { mode: 'name', value: 'name' })

/**
 * Adds elements around a tensor: `pad` holds a number before and one after, for the last dimension first; negative ones
 * take away. Follows `torch.nn.functional.pad`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `pad` names more dimensions than there are; `TORCH_OPERATOR` if the mode
 * cannot pad as much.
 */
export function pad<D extends DType>(input: Tensor<D>, pad: readonly number[], options?: PadOptions): Tensor<D>
export function pad<D extends DType>(
  input: Tensor<D>,
  pad: readonly number[],
  ...given: readonly unknown[]
): Tensor<D> {
  const { mode = 'constant', value } = PAD.read([input, pad], given)
  checkOneOf('mode', mode, PAD_MODES)
  handleOf(input, 'input')
  if (!isIntegerArray(pad) || pad.length % 2 !== 0 || pad.length > 2 * input.ndim) {
    throw expected(`up to ${input.ndim} pairs of integers in one array`, 'pad', pad)
  }
  if (value !== undefined && mode !== 'constant') throw expected(`no value with mode '${mode}'`, 'value', value)
  const filling = mode === 'constant' ? checkNumberOrNaN('value', value ?? 0) : null
  return new Tensor<D>(native.pad(handleOf(input), pad, mode, filling))
}

function checkWeights(input: Tensor, weight: Tensor, bias: Tensor | null): void {
  handleOf(weight, 'weight')
  checkSameDevice('input', input, 'weight', weight)
  checkSameDType('input', input, 'weight', weight)
  if (bias === null) return
  handleOf(bias, 'bias')
  checkSameDevice('bias', bias, 'weight', weight)
  checkSameDType('bias', bias, 'weight', weight)
}

function checkChannelVector(name: string, vector: Tensor, input: Tensor): void {
  handleOf(vector, name)
  if (vector.ndim !== 1) throw expected('a tensor (C,)', name, vector)
  const [channels] = vector.shape
  if (input.ndim < 2 || input.shape[1] !== channels) throw expected(`a tensor (N, ${channels}, ...)`, 'input', input)
  checkSameDevice('input', input, name, vector)
  // Halves may be normalized by float32 statistics, as in mixed precision.
  const { dtype } = vector
  if (dtype !== 'float32' || input.itemSize !== 2) checkSameDType('input', input, name, vector)
}

function checkEps(eps: number, training: boolean): void {
  checkNumber('eps', eps)
  if (training && eps <= 0) throw expected('a positive number', 'eps', eps)
  if (eps < 0) throw expected('a non-negative number', 'eps', eps)
}

function softmaxDType(input: Tensor, { dtype }: SoftmaxFunctionOptions): DType | null {
  handleOf(input, 'input')
  if (dtype !== undefined) return checkDType('dtype', dtype)
  checkFloats('input', input)
  return null
}
