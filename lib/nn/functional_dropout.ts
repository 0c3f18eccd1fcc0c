import { checkBoolean, checkOneOf, checkProbability, expected } from '../util/check.js'
import type { Device } from '../util/device.js'
import type { DType } from '../util/dtype.js'
import { Signature } from '../util/signature.js'
import { apply, applyInPlace } from '../tensor/apply.js'
import { empty } from '../tensor/creation.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkFloats } from './checks.js'
import type { DropoutFunctionOptions } from './functional.js'

/** What {@link stochasticDepth} drops: the whole batch, or each sample by itself. */
export const STOCHASTIC_DEPTH_MODES = ['batch', 'row'] as const

/** A mode of {@link STOCHASTIC_DEPTH_MODES}. */
export type StochasticDepthMode = (typeof STOCHASTIC_DEPTH_MODES)[number]

/** Options of {@link stochasticDepth}. */
export interface StochasticDepthOptions {
  /** Without it nothing is changed. Default: `true`. */
  readonly training?: boolean | undefined
}

/** Options of {@link dropPath}. */
export interface DropPathOptions {
  /** Probability of a sample to become 0. Default: `0`. */
  readonly dropProb?: number | undefined
  /** Without it nothing is changed. Default: `false`. */
  readonly training?: boolean | undefined
  /** Divide what is kept by its probability. Default: `true`. */
  readonly scaleByKeep?: boolean | undefined
}

const DROPOUT2D = new Signature<DropoutFunctionOptions>('dropout2d', ['input'], {
  ...{ p: 'position', training: 'name', inplace: 'name' },
})
const STOCHASTIC_DEPTH = new Signature<StochasticDepthOptions>('stochasticDepth', ['input', 'p', 'mode'], {
  training: 'name',
})
const DROP_PATH = new Signature<DropPathOptions>('dropPath', ['input'], {
  ...{ dropProb: 'position', training: 'name', scaleByKeep: 'name' },
})

/**
 * Sets whole channels of (N, C, H, W) or (N, C, L) to 0 by chance and multiplies the others by 1 / (1 - p). Follows
 * `torch.nn.functional.dropout2d`.
 */
export function dropout2d(input: Tensor, options?: DropoutFunctionOptions): Tensor
export function dropout2d(input: Tensor, p: number, options?: Omit<DropoutFunctionOptions, 'p'>): Tensor
export function dropout2d(input: Tensor, ...given: readonly unknown[]): Tensor {
  const { p = 0.5, training = true, inplace = false } = DROPOUT2D.read([input], given)
  checkProbability('p', p)
  checkFloats('input', input)
  if (input.ndim !== 3 && input.ndim !== 4) throw expected('a tensor (N, C, H, W) or (N, C, L)', 'input', input)
  if (!checkBoolean('training', training)) return input
  if (checkBoolean('inplace', inplace)) return applyInPlace('aten::feature_dropout_', input, p, true)
  return apply('aten::feature_dropout', input, p, true)
}

/**
 * Sets a batch, or with mode `row` each sample, to 0 by chance and divides the others by 1 - p. Follows
 * `torchvision.ops.stochastic_depth`.
 */
export function stochasticDepth(
  input: Tensor,
  p: number,
  mode: StochasticDepthMode,
  options?: StochasticDepthOptions,
): Tensor
export function stochasticDepth(
  input: Tensor,
  p: number,
  mode: StochasticDepthMode,
  ...given: readonly unknown[]
): Tensor {
  const { training = true } = STOCHASTIC_DEPTH.read([input, p, mode], given)
  checkProbability('p', p)
  checkOneOf('mode', mode, STOCHASTIC_DEPTH_MODES)
  handleOf(input, 'input')
  if (!checkBoolean('training', training) || p === 0) return input
  return masked(input, mode === 'row' ? input.size(0) : 1, 1 - p, true)
}

/** Sets samples to 0 by chance and divides the others by 1 - dropProb. Follows `timm.layers.drop_path`. */
export function dropPath(input: Tensor, options?: DropPathOptions): Tensor
export function dropPath(input: Tensor, dropProb: number, options?: Omit<DropPathOptions, 'dropProb'>): Tensor
export function dropPath(input: Tensor, ...given: readonly unknown[]): Tensor {
  const { dropProb = 0, training = false, scaleByKeep = true } = DROP_PATH.read([input], given)
  checkProbability('dropProb', dropProb)
  checkBoolean('scaleByKeep', scaleByKeep)
  handleOf(input, 'input')
  if (!checkBoolean('training', training) || dropProb === 0) return input
  return masked(input, input.size(0), 1 - dropProb, scaleByKeep)
}

function masked(input: Tensor, rows: number, keep: number, isScaled: boolean): Tensor {
  checkFloats('input', input)
  const shape = [rows, ...Array<number>(Math.max(input.ndim - 1, 0)).fill(1)]
  const noise = empty<DType>(shape, { dtype: input.dtype, device: input.device as Device })
  try {
    applyInPlace('aten::bernoulli_.float', noise, keep)
    if (isScaled && keep > 0) noise.div_(keep)
    return input.mul(noise)
  } finally {
    noise.dispose()
  }
}
