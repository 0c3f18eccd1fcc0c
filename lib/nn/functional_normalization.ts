import { checkBoolean, checkInteger, checkNumber, checkPositiveInteger, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'
import { apply } from '../tensor/apply.js'
import { handleOf } from '../tensor/handle.js'
import { integers } from '../tensor/sizes.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkFloats, checkShapeIs } from './checks.js'

/** Options of {@link layerNorm} and {@link groupNorm}. */
export interface ScaleOptions {
  /** Scale: of `layerNorm` of the normalized shape, else (C). Default: none. */
  readonly weight?: Tensor | null | undefined
  /** Shift, of the shape of `weight`. Default: none. */
  readonly bias?: Tensor | null | undefined
  /** Added to the variance before the square root. Default: `1e-5`. */
  readonly eps?: number | undefined
}

/** Options of {@link instanceNorm}. */
export interface InstanceNormFunctionOptions extends ScaleOptions {
  /** Shape (C). Default: none. */
  readonly runningMean?: Tensor | null | undefined
  /** Shape (C). Default: none. */
  readonly runningVar?: Tensor | null | undefined
  /** Normalize by the input itself, and update the running statistics. Default: `true`. */
  readonly useInputStats?: boolean | undefined
  /** Share of the input in the running statistics, 0 to 1. Default: `0.1`. */
  readonly momentum?: number | undefined
}

/** Options of {@link normalize}. */
export interface NormalizeOptions {
  /** Exponent of the norm. Default: `2`. */
  readonly p?: number | undefined
  /** One dimension or several. Default: `1`. */
  readonly dim?: number | readonly number[] | undefined
  /** What is divided by at least. Default: `1e-12`. */
  readonly eps?: number | undefined
}

const LAYER_NORM = new Signature<ScaleOptions>('layerNorm', ['input', 'normalizedShape'], {
  ...{ weight: 'name', bias: 'name', eps: 'name' },
})
const GROUP_NORM = new Signature<ScaleOptions>('groupNorm', ['input', 'numGroups'], {
  ...{ weight: 'name', bias: 'name', eps: 'name' },
})
const INSTANCE_NORM = new Signature<InstanceNormFunctionOptions>('instanceNorm', ['input'], {
  ...{ runningMean: 'name', runningVar: 'name', weight: 'name', bias: 'name' },
  ...{ useInputStats: 'name', momentum: 'name', eps: 'name' },
})
const NORMALIZE = new Signature<NormalizeOptions>('normalize', ['input'], { p: 'name', dim: 'name', eps: 'name' })

/**
 * Normalizes the last dimensions, of the sizes `normalizedShape`, to mean 0 and variance 1, then scales and shifts them. Follows
 * `torch.nn.functional.layer_norm`.
 */
export function layerNorm(input: Tensor, normalizedShape: readonly number[], options?: ScaleOptions): Tensor
export function layerNorm(input: Tensor, normalizedShape: readonly number[], ...given: readonly unknown[]): Tensor {
  const { weight = null, bias = null, eps = 1e-5 } = LAYER_NORM.read([input, normalizedShape], given)
  checkFloats('input', input)
  const shape = integers('normalizedShape', normalizedShape)
  const fits = shape.length > 0 && shape.every((size, index) => size === input.shape.at(index - shape.length))
  if (!fits) throw expected(`a tensor (*, ${shape.join(', ')})`, 'input', input)
  for (const [name, scale] of Object.entries({ weight, bias })) if (scale !== null) checkShapeIs(name, scale, shape)
  return apply('aten::layer_norm', input, shape, weight, bias, checkNumber('eps', eps))
}

/**
 * Normalizes groups of channels of (N, C, ...) to mean 0 and variance 1, then scales and shifts each channel. Follows
 * `torch.nn.functional.group_norm`.
 */
export function groupNorm(input: Tensor, numGroups: number, options?: ScaleOptions): Tensor
export function groupNorm(input: Tensor, numGroups: number, ...given: readonly unknown[]): Tensor {
  const { weight = null, bias = null, eps = 1e-5 } = GROUP_NORM.read([input, numGroups], given)
  checkFloats('input', input)
  const channels = channelsOf(input)
  if (channels % checkPositiveInteger('numGroups', numGroups) !== 0) {
    throw expected(`a divisor of the number of channels (${channels})`, 'numGroups', numGroups)
  }
  for (const [name, scale] of Object.entries({ weight, bias })) {
    if (scale !== null) checkShapeIs(name, scale, [channels])
  }
  return apply('aten::group_norm', input, numGroups, weight, bias, checkNumber('eps', eps))
}

/**
 * Normalizes each channel of each sample of (N, C, ...) to mean 0 and variance 1. Follows
 * `torch.nn.functional.instance_norm`.
 */
export function instanceNorm(input: Tensor, options?: InstanceNormFunctionOptions): Tensor
export function instanceNorm(input: Tensor, ...given: readonly unknown[]): Tensor {
  const options = INSTANCE_NORM.read([input], given)
  const { runningMean = null, runningVar = null, weight = null, bias = null } = options
  const { useInputStats = true, momentum = 0.1, eps = 1e-5 } = options
  checkFloats('input', input)
  const channels = channelsOf(input)
  for (const [name, vector] of Object.entries({ runningMean, runningVar, weight, bias })) {
    if (vector !== null) checkShapeIs(name, vector, [channels])
  }
  if (!checkBoolean('useInputStats', useInputStats) && (runningMean === null || runningVar === null)) {
    throw expected('running statistics, or useInputStats,', 'runningMean and runningVar', null)
  }
  if (useInputStats && input.numel === input.size(0) * channels) {
    throw expected('more than one spatial element', 'input', input)
  }
  const numbers = [checkNumber('momentum', momentum), checkNumber('eps', eps)]
  return apply(
    'aten::instance_norm',
    ...[input, weight, bias, runningMean, runningVar, useInputStats, ...numbers, true],
  )
}

/** Divides by the norm along a dimension. Follows `torch.nn.functional.normalize`. */
export function normalize(input: Tensor, options?: NormalizeOptions): Tensor
export function normalize(input: Tensor, ...given: readonly unknown[]): Tensor {
  const { p = 2, dim = 1, eps = 1e-12 } = NORMALIZE.read([input], given)
  checkFloats('input', input)
  checkNumber('eps', eps)
  if (typeof dim === 'number') checkInteger('dim', dim)
  const norm = input.norm(p, { dim, keepdim: true })
  const divisor = norm.clamp({ min: eps })
  const result = input.div(divisor)
  norm.dispose()
  divisor.dispose()
  return result
}

function channelsOf(input: Tensor): number {
  handleOf(input, 'input')
  if (input.ndim < 2) throw expected('a tensor (N, C, ...)', 'input', input)
  return input.size(1)
}
