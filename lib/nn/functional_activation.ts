import { checkBoolean, checkNumber, checkOneOf, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'
import { apply, applyInPlace } from '../tensor/apply.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkFloats } from './checks.js'

/** The two forms of GELU: by the error function, or by the hyperbolic tangent. */
export const GELU_FORMS = ['none', 'tanh'] as const

/** A form of {@link GELU_FORMS}. */
export type GeluForm = (typeof GELU_FORMS)[number]

/** The option of activations that can change their input. */
export interface InplaceOptions {
  /** Change `input` itself. Default: `false`. */
  readonly inplace?: boolean | undefined
}

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** Default: `none`, the error function. */
  readonly approximate?: GeluForm | undefined
}

/** Options of {@link leakyRelu}. */
export interface LeakyReluFunctionOptions extends InplaceOptions {
  /** Factor of elements below 0. Default: `0.01`. */
  readonly negativeSlope?: number | undefined
}

/** Options of {@link elu}. */
export interface EluFunctionOptions extends InplaceOptions {
  /** Minus the limit towards negative infinity. Default: `1`. */
  readonly alpha?: number | undefined
}

/** Options of {@link hardtanh}. */
export interface HardtanhFunctionOptions extends InplaceOptions {
  /** Default: `-1`. */
  readonly minVal?: number | undefined
  /** Default: `1`. */
  readonly maxVal?: number | undefined
}

/** Options of {@link softplus}. */
export interface SoftplusFunctionOptions {
  /** How sharp the bend is. Default: `1`. */
  readonly beta?: number | undefined
  /** Where `beta * x` is above it the function is linear. Default: `20`. */
  readonly threshold?: number | undefined
}

const inplaceOnly = (name: string): Signature<InplaceOptions> =>
  new Signature<InplaceOptions>(name, ['input'], { inplace: 'name' })
const RELU6 = inplaceOnly('relu6')
const SILU = inplaceOnly('silu')
const MISH = inplaceOnly('mish')
const HARDSWISH = inplaceOnly('hardswish')
const HARDSIGMOID = inplaceOnly('hardsigmoid')
const GELU = new Signature<GeluOptions>('gelu', ['input'], { approximate: 'keyword' })
const LEAKY_RELU = new Signature<LeakyReluFunctionOptions>('leakyRelu', ['input'], {
  ...{ negativeSlope: 'position', inplace: 'name' },
})
const ELU = new Signature<EluFunctionOptions>('elu', ['input'], { alpha: 'position', inplace: 'name' })
const HARDTANH = new Signature<HardtanhFunctionOptions>('hardtanh', ['input'], {
  ...{ minVal: 'name', maxVal: 'name', inplace: 'name' },
})
const SOFTPLUS = new Signature<SoftplusFunctionOptions>('softplus', ['input'], { beta: 'name', threshold: 'name' })

/** Elements below 0 become 0, those above 6 become 6. Follows `torch.nn.functional.relu6`. */
export function relu6(input: Tensor, options?: InplaceOptions): Tensor
export function relu6(input: Tensor, ...given: readonly unknown[]): Tensor {
  return activated('relu6', input, RELU6.read([input], given))
}

/** `x * sigmoid(x)`. Follows `torch.nn.functional.silu`. */
export function silu(input: Tensor, options?: InplaceOptions): Tensor
export function silu(input: Tensor, ...given: readonly unknown[]): Tensor {
  return activated('silu', input, SILU.read([input], given))
}

/** `x * tanh(softplus(x))`. Follows `torch.nn.functional.mish`. */
export function mish(input: Tensor, options?: InplaceOptions): Tensor
export function mish(input: Tensor, ...given: readonly unknown[]): Tensor {
  return activated('mish', input, MISH.read([input], given))
}

/** `x * relu6(x + 3) / 6`. Follows `torch.nn.functional.hardswish`. */
export function hardswish(input: Tensor, options?: InplaceOptions): Tensor
export function hardswish(input: Tensor, ...given: readonly unknown[]): Tensor {
  return activated('hardswish', input, HARDSWISH.read([input], given))
}

/** `relu6(x + 3) / 6`. Follows `torch.nn.functional.hardsigmoid`. */
export function hardsigmoid(input: Tensor, options?: InplaceOptions): Tensor
export function hardsigmoid(input: Tensor, ...given: readonly unknown[]): Tensor {
  return activated('hardsigmoid', input, HARDSIGMOID.read([input], given))
}

/** The logistic function. Follows `torch.nn.functional.sigmoid`. */
export function sigmoid(input: Tensor): Tensor {
  handleOf(input, 'input')
  return input.sigmoid()
}

/** The hyperbolic tangent. Follows `torch.nn.functional.tanh`. */
export function tanh(input: Tensor): Tensor {
  handleOf(input, 'input')
  return input.tanh()
}

/** `x` times the share of the normal distribution below `x`. Follows `torch.nn.functional.gelu`. */
export function gelu(input: Tensor, options?: GeluOptions): Tensor
export function gelu(input: Tensor, ...given: readonly unknown[]): Tensor {
  const { approximate = 'none' } = GELU.read([input], given)
  checkFloats('input', input)
  return apply('aten::gelu', input, checkOneOf('approximate', approximate, GELU_FORMS))
}

/** Elements below 0 are multiplied by `negativeSlope`. Follows `torch.nn.functional.leaky_relu`. */
export function leakyRelu(input: Tensor, options?: LeakyReluFunctionOptions): Tensor
export function leakyRelu(
  input: Tensor,
  negativeSlope: number,
  options?: Omit<LeakyReluFunctionOptions, 'negativeSlope'>,
): Tensor
export function leakyRelu(input: Tensor, ...given: readonly unknown[]): Tensor {
  const { negativeSlope = 0.01, inplace } = LEAKY_RELU.read([input], given)
  return activated('leaky_relu', input, { inplace }, checkNumber('negativeSlope', negativeSlope))
}

/** Elements below 0 become `alpha * (exp(x) - 1)`. Follows `torch.nn.functional.elu`. */
export function elu(input: Tensor, options?: EluFunctionOptions): Tensor
export function elu(input: Tensor, alpha: number, options?: Omit<EluFunctionOptions, 'alpha'>): Tensor
export function elu(input: Tensor, ...given: readonly unknown[]): Tensor {
  const { alpha = 1, inplace } = ELU.read([input], given)
  return activated('elu', input, { inplace }, checkNumber('alpha', alpha))
}

/** Elements outside `minVal` to `maxVal` become the nearer bound. Follows `torch.nn.functional.hardtanh`. */
export function hardtanh(input: Tensor, options?: HardtanhFunctionOptions): Tensor
export function hardtanh(input: Tensor, ...given: readonly unknown[]): Tensor {
  const { minVal = -1, maxVal = 1, inplace } = HARDTANH.read([input], given)
  if (checkNumber('minVal', minVal) > checkNumber('maxVal', maxVal)) {
    throw expected(`a number of at most maxVal (${maxVal})`, 'minVal', minVal)
  }
  return activated('hardtanh', input, { inplace }, minVal, maxVal)
}

/**
 * Elements below 0 are multiplied by `weight`: one number, or one for each channel of (N, C, ...). Follows
 * `torch.nn.functional.prelu`.
 */
export function prelu(input: Tensor, weight: Tensor): Tensor {
  checkFloats('input', input)
  checkFloats('weight', weight)
  return apply('aten::prelu', input, weight)
}

/** A smooth form of relu: `log(1 + exp(beta * x)) / beta`. Follows `torch.nn.functional.softplus`. */
export function softplus(input: Tensor, options?: SoftplusFunctionOptions): Tensor
export function softplus(input: Tensor, ...given: readonly unknown[]): Tensor {
  const { beta = 1, threshold = 20 } = SOFTPLUS.read([input], given)
  checkFloats('input', input)
  return apply('aten::softplus', input, checkNumber('beta', beta), checkNumber('threshold', threshold))
}

function activated(
  name: string,
  input: Tensor,
  { inplace = false }: InplaceOptions,
  ...args: readonly number[]
): Tensor {
  handleOf(input, 'input')
  if (checkBoolean('inplace', inplace)) return applyInPlace(`aten::${name}_`, input, ...args)
  return apply(`aten::${name}`, input, ...args)
}
