import { checkOneOf, checkPositiveInteger, expected, isIntegerArray } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { apply } from '../tensor/apply.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkImages, checkPair, checkSameDevice, checkSameDType, checkShapeIs, type Size2d } from './checks.js'

/** A length, alone or in an array, as PyTorch takes both. */
export type Size1d = number | readonly [length: number]

/** Options of {@link conv1d}. */
export interface Conv1dFunctionOptions {
  /** Shape (O). Default: none. */
  readonly bias?: Tensor | null | undefined
  /** Default: `1`. */
  readonly stride?: Size1d | undefined
  /** Zeros on both sides, `'same'` (stride 1 only) or `'valid'`. Default: `0`. */
  readonly padding?: Size1d | 'same' | 'valid' | undefined
  /** Steps between the points of the kernel. Default: `1`. */
  readonly dilation?: Size1d | undefined
  /** Groups of channels that do not see each other. Default: `1`. */
  readonly groups?: number | undefined
}

/** Options of {@link convTranspose2d}. */
export interface ConvTranspose2dFunctionOptions {
  /** Shape (O). Default: none. */
  readonly bias?: Tensor | null | undefined
  /** Default: `1`. */
  readonly stride?: Size2d | undefined
  /** Rows and columns taken away on every side. Default: `0`. */
  readonly padding?: Size2d | undefined
  /** Rows and columns added below and on the right. Default: `0`. */
  readonly outputPadding?: Size2d | undefined
  /** Groups of channels that do not see each other. Default: `1`. */
  readonly groups?: number | undefined
  /** Steps between the points of the kernel. Default: `1`. */
  readonly dilation?: Size2d | undefined
}

const CONV1D = new Signature<Conv1dFunctionOptions>('conv1d', ['input', 'weight'], {
  ...{ bias: 'name', stride: 'name', padding: 'name', dilation: 'name', groups: 'name' },
})
const CONV_TRANSPOSE2D = new Signature<ConvTranspose2dFunctionOptions>('convTranspose2d', ['input', 'weight'], {
  ...{ bias: 'name', stride: 'name', padding: 'name', outputPadding: 'name', groups: 'name', dilation: 'name' },
})

/**
 * Convolves sequences with kernels: input (N, C, L) or (C, L), weight (O, C / groups, k). Follows
 * `torch.nn.functional.conv1d`.
 */
export function conv1d(input: Tensor, weight: Tensor, options?: Conv1dFunctionOptions): Tensor
export function conv1d(input: Tensor, weight: Tensor, ...given: readonly unknown[]): Tensor {
  const { bias = null, stride = 1, padding = 0, dilation = 1, groups = 1 } = CONV1D.read([input, weight], given)
  const step = checkLength('stride', stride, 1)
  const sides = checkConv1dPadding(padding, step)
  const gap = checkLength('dilation', dilation, 1)
  checkPositiveInteger('groups', groups)
  handleOf(input, 'input')
  if (input.ndim !== 2 && input.ndim !== 3) throw expected('a tensor (N, C, L) or (C, L)', 'input', input)
  checkWeight(input, weight, 3, bias)
  const [outputs = 0, inputs = 0] = weight.shape
  if (bias !== null) checkShapeIs('bias', bias, [outputs])
  checkChannels(input, weight, groups, inputs * groups, input.size(-2))
  const schema = typeof sides === 'string' ? 'aten::conv1d.padding' : 'aten::conv1d'
  return apply(schema, input, weight, bias, [step], typeof sides === 'string' ? sides : [sides], [gap], groups)
}

/**
 * Spreads each pixel over a kernel, the gradient of `conv2d`: input (N, C, H, W) or (C, H, W), weight (C, O / groups, kH, kW).
 * Follows `torch.nn.functional.conv_transpose2d`.
 */
export function convTranspose2d(input: Tensor, weight: Tensor, options?: ConvTranspose2dFunctionOptions): Tensor
export function convTranspose2d(input: Tensor, weight: Tensor, ...given: readonly unknown[]): Tensor {
  const options = CONV_TRANSPOSE2D.read([input, weight], given)
  const { bias = null, stride = 1, padding = 0, outputPadding = 0, groups = 1, dilation = 1 } = options
  const strides = checkPair('stride', stride, 1)
  const pads = checkPair('padding', padding, 0)
  const added = checkPair('outputPadding', outputPadding, 0)
  const dilations = checkPair('dilation', dilation, 1)
  checkPositiveInteger('groups', groups)
  checkImages(input)
  checkWeight(input, weight, 4, bias)
  const [inputs = 0, outputs = 0] = weight.shape
  if (bias !== null) checkShapeIs('bias', bias, [outputs * groups])
  checkChannels(input, weight, groups, inputs, input.size(-3))
  return apply('aten::conv_transpose2d.input', input, weight, bias, strides, pads, added, groups, dilations)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `size` is an integer of at least `least`, alone or in an array. */
export function checkLength(name: string, size: unknown, least: 0 | 1): number {
  const list: unknown = typeof size === 'number' ? [size] : size
  const [length = -1] = isIntegerArray(list) && list.length === 1 ? list : []
  if (length < least) throw expected(`a ${least === 1 ? 'positive' : 'non-negative'} integer`, name, size)
  return length
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `padding` is one for `conv1d` with this stride. */
export function checkConv1dPadding(padding: unknown, stride: number): number | 'same' | 'valid' {
  if (typeof padding !== 'string') return checkLength('padding', padding, 0)
  const rule = checkOneOf('padding', padding, ['same', 'valid'])
  if (rule === 'same' && stride !== 1) {
    throw new TorchError('TORCH_INVALID_ARGUMENT', "padding='same' is not supported for strided convolutions")
  }
  return rule
}

function checkWeight(input: Tensor, weight: Tensor, rank: 3 | 4, bias: Tensor | null): void {
  for (const [name, tensor] of Object.entries({ weight, bias })) {
    if (tensor === null) continue
    handleOf(tensor, name)
    checkSameDevice(name, tensor, 'input', input)
    checkSameDType(name, tensor, 'input', input)
  }
  const shape = rank === 3 ? '(O, C / groups, k)' : '(C, O / groups, kH, kW)'
  if (weight.ndim !== rank) throw expected(`a tensor ${shape}`, 'weight', weight)
}

function checkChannels(input: Tensor, weight: Tensor, groups: number, wanted: number, channels: number): void {
  if (channels === wanted) return
  throw new TorchError(
    'TORCH_INVALID_ARGUMENT',
    `Given groups=${groups}, weight of size [${weight.shape.join(', ')}], expected input[${input.shape.join(', ')}] ` +
      `to have ${wanted} channels, but got ${channels} channels instead`,
  )
}
