import { inGradModeNow } from '../libtorch/grad_mode.js'
import { checkNumber, checkNumberOrNaN, checkOneOf, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'
import type { Generator } from '../tensor/random.js'
import { handleOf } from '../tensor/handle.js'
import { drawTruncated } from './trunc_normal.js'
import type { Tensor } from '../tensor/tensor.js'

/** The functions that {@link calculateGain} knows, by PyTorch's names. */
export const NONLINEARITIES = [
  'linear',
  'conv1d',
  'conv2d',
  'conv3d',
  'conv_transpose1d',
  'conv_transpose2d',
  'conv_transpose3d',
  'sigmoid',
  'tanh',
  'relu',
  'leaky_relu',
  'selu',
] as const

/** A function of {@link NONLINEARITIES}. */
export type Nonlinearity = (typeof NONLINEARITIES)[number]

/** Whose variance stays the same: the outputs' in the forward pass (`fan_in`) or the gradients' (`fan_out`). */
export type FanMode = 'fan_in' | 'fan_out'

/** Where random numbers come from. */
export interface InitOptions {
  /** Default: the generator of the process, which `manualSeed` seeds. */
  readonly generator?: Generator | undefined
}

/** Options of {@link kaimingUniform_} and {@link kaimingNormal_}. */
export interface KaimingOptions extends InitOptions {
  /** Negative slope of the rectifier that follows; for `leaky_relu` only. Default: `0`. */
  readonly a?: number | undefined
  /** Default: `fan_in`. */
  readonly mode?: FanMode | undefined
  /** Default: `leaky_relu`. */
  readonly nonlinearity?: Nonlinearity | undefined
}

/** Options of {@link xavierUniform_} and {@link xavierNormal_}. */
export interface XavierOptions extends InitOptions {
  /** Factor of the deviation. Default: `1`. */
  readonly gain?: number | undefined
}

const UNIFORM = new Signature<InitOptions>('uniform_', ['tensor', 'a', 'b'], { generator: 'name' })
const NORMAL = new Signature<InitOptions>('normal_', ['tensor', 'mean', 'std'], { generator: 'name' })
const TRUNC_NORMAL = new Signature<InitOptions>('truncNormal_', ['tensor', 'mean', 'std', 'a', 'b'], {
  generator: 'name',
})
const KAIMING_UNIFORM = kaiming('kaimingUniform_')
const KAIMING_NORMAL = kaiming('kaimingNormal_')
const XAVIER_UNIFORM = xavier('xavierUniform_')
const XAVIER_NORMAL = xavier('xavierNormal_')

/** Calls of {@link skipInit} that are under way: modules are built synchronously, so that none sees another's. */
let skips = 0

/**
 * Builds modules without setting their parameters, for those that a state dict will fill: of ResNet-18's 11.7 million
 * numbers none is drawn. **What is not loaded afterwards holds whatever the memory held.**
 *
 * Meanwhile all functions of this file check their arguments and leave the tensor as it is. Follows
 * `torch.nn.utils.skip_init`, **which takes a class and its arguments**.
 *
 * @param make Builds the modules, synchronously, as `() => resnet18()` does. Its result is given back.
 */
export function skipInit<T>(make: () => T): T {
  if (typeof make !== 'function') throw expected('a function that builds modules', 'make', make)
  skips++
  try {
    return make()
  } finally {
    skips--
  }
}

/** Draws each element evenly from `a` to `b`, and gives `tensor` back. Follows `torch.nn.init.uniform_`. */
export function uniform_<T extends Tensor>(tensor: T, a?: number, b?: number, options?: InitOptions): T
export function uniform_<T extends Tensor>(tensor: T, a = 0, b = 1, ...given: readonly unknown[]): T {
  const options = UNIFORM.read([tensor, a, b], given)
  handleOf(tensor)
  return fill(tensor, () => tensor.uniform_(a, b, options))
}

/** Draws each element from the normal distribution, and gives `tensor` back. Follows `torch.nn.init.normal_`. */
export function normal_<T extends Tensor>(tensor: T, mean?: number, std?: number, options?: InitOptions): T
export function normal_<T extends Tensor>(tensor: T, mean = 0, std = 1, ...given: readonly unknown[]): T {
  const options = NORMAL.read([tensor, mean, std], given)
  handleOf(tensor)
  return fill(tensor, () => tensor.normal_(mean, std, options))
}

/**
 * Draws each element from the normal distribution between `a` and `b`, and gives `tensor` back. Follows
 * `torch.nn.init.trunc_normal_`, its order of draws included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `std` is above 0 and `a` below `b`.
 */
export function truncNormal_<T extends Tensor>(
  tensor: T,
  mean?: number,
  std?: number,
  a?: number,
  b?: number,
  options?: InitOptions,
): T
export function truncNormal_<T extends Tensor>(
  tensor: T,
  mean = 0,
  std = 1,
  a = -2,
  b = 2,
  ...given: readonly unknown[]
): T {
  const options = TRUNC_NORMAL.read([tensor, mean, std, a, b], given)
  handleOf(tensor)
  for (const [name, value] of Object.entries({ mean, std, a, b })) checkNumber(name, value)
  if (std <= 0) throw expected('a number above 0', 'std', std)
  if (b <= a) throw expected(`a number above a (${a})`, 'b', b)
  return fill(tensor, () => drawTruncated(tensor, { mean, std, a, b, generator: options.generator }))
}

/** Sets each element to `val`, and gives `tensor` back. Follows `torch.nn.init.constant_`. */
export function constant_<T extends Tensor>(tensor: T, val: number): T {
  handleOf(tensor)
  checkNumberOrNaN('val', val)
  return fill(tensor, () => tensor.fill_(val))
}

/** Sets each element to 1, and gives `tensor` back. Follows `torch.nn.init.ones_`. */
export function ones_<T extends Tensor>(tensor: T): T {
  return constant_(tensor, 1)
}

/** Sets each element to 0, and gives `tensor` back. Follows `torch.nn.init.zeros_`. */
export function zeros_<T extends Tensor>(tensor: T): T {
  return constant_(tensor, 0)
}

/**
 * Draws evenly from -b to b, where b = gain · √(3 / fan), and gives `tensor` back; He et al. 2015, arXiv:1502.01852.
 * Follows `torch.nn.init.kaiming_uniform_`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `tensor` has fewer than two dimensions.
 */
export function kaimingUniform_<T extends Tensor>(tensor: T, options?: KaimingOptions): T
export function kaimingUniform_<T extends Tensor>(tensor: T, ...given: readonly unknown[]): T {
  const options = KAIMING_UNIFORM.read([tensor], given)
  const std = kaimingStd(tensor, options)
  const bound = Math.sqrt(3) * std
  return std === 0 ? tensor : uniform_(tensor, -bound, bound, generatorOf(options))
}

/**
 * Draws from the normal distribution of deviation gain / √fan, and gives `tensor` back; He et al. 2015, arXiv:1502.01852.
 * Follows `torch.nn.init.kaiming_normal_`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `tensor` has fewer than two dimensions.
 */
export function kaimingNormal_<T extends Tensor>(tensor: T, options?: KaimingOptions): T
export function kaimingNormal_<T extends Tensor>(tensor: T, ...given: readonly unknown[]): T {
  const options = KAIMING_NORMAL.read([tensor], given)
  const std = kaimingStd(tensor, options)
  return std === 0 ? tensor : normal_(tensor, 0, std, generatorOf(options))
}

/**
 * Draws evenly from -a to a, where a = gain · √(6 / (fanIn + fanOut)), and gives `tensor` back; Glorot and Bengio 2010.
 * Follows `torch.nn.init.xavier_uniform_`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `tensor` has fewer than two dimensions.
 */
export function xavierUniform_<T extends Tensor>(tensor: T, options?: XavierOptions): T
export function xavierUniform_<T extends Tensor>(tensor: T, ...given: readonly unknown[]): T {
  const options = XAVIER_UNIFORM.read([tensor], given)
  const bound = Math.sqrt(3) * xavierStd(tensor, options)
  return uniform_(tensor, -bound, bound, generatorOf(options))
}

/**
 * Draws from the normal distribution of deviation gain · √(2 / (fanIn + fanOut)), and gives `tensor` back; Glorot and
 * Bengio 2010. Follows `torch.nn.init.xavier_normal_`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `tensor` has fewer than two dimensions.
 */
export function xavierNormal_<T extends Tensor>(tensor: T, options?: XavierOptions): T
export function xavierNormal_<T extends Tensor>(tensor: T, ...given: readonly unknown[]): T {
  const options = XAVIER_NORMAL.read([tensor], given)
  return normal_(tensor, 0, xavierStd(tensor, options), generatorOf(options))
}

/**
 * Gives the factor by which weights before a nonlinearity grow so that variances stay. Follows
 * `torch.nn.init.calculate_gain`.
 *
 * @param param Negative slope of `leaky_relu`. Default: `0.01`.
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  checkNumber('param', param)
  switch (checkOneOf('nonlinearity', nonlinearity, NONLINEARITIES)) {
    case 'tanh':
      return 5 / 3
    case 'relu':
      return Math.sqrt(2)
    case 'leaky_relu':
      return Math.sqrt(2 / (1 + param * param))
    case 'selu':
      return 3 / 4
    default:
      return 1
  }
}

/** Gives the inputs that meet in one output element of a weight (O, I, ...), and the outputs that one input reaches. */
export function calculateFanInAndFanOut(tensor: Tensor): { fanIn: number; fanOut: number } {
  handleOf(tensor)
  const [outputs, inputs, ...kernel] = tensor.shape
  if (outputs === undefined || inputs === undefined)
    throw expected('a tensor of two or more dimensions', 'tensor', tensor)
  const receptiveField = kernel.reduce((product, size) => product * size, 1)
  return { fanIn: inputs * receptiveField, fanOut: outputs * receptiveField }
}

/** Sets elements unless that is to be skipped, and records nothing, as parameters are set by these functions. */
function fill<T extends Tensor>(tensor: T, set: () => unknown): T {
  if (skips === 0) inGradModeNow('disabled', set)
  return tensor
}

/** The deviation, or 0 where there is nothing to draw. */
function kaimingStd(tensor: Tensor, options: KaimingOptions): number {
  const { a = 0, mode = 'fan_in', nonlinearity = 'leaky_relu' } = options
  checkOneOf('mode', mode, ['fan_in', 'fan_out'])
  const gain = calculateGain(nonlinearity, a)
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor)
  return tensor.numel === 0 ? 0 : gain / Math.sqrt(mode === 'fan_in' ? fanIn : fanOut)
}

function xavierStd(tensor: Tensor, { gain = 1 }: XavierOptions): number {
  const { fanIn, fanOut } = calculateFanInAndFanOut(tensor)
  return checkNumber('gain', gain) * Math.sqrt(2 / (fanIn + fanOut))
}

function kaiming(name: string): Signature<KaimingOptions> {
  const optional = { a: 'name', mode: 'name', nonlinearity: 'name', generator: 'name' } as const
  return new Signature<KaimingOptions>(name, ['tensor'], optional)
}

function xavier(name: string): Signature<XavierOptions> {
  return new Signature<XavierOptions>(name, ['tensor'], { gain: 'name', generator: 'name' })
}

function generatorOf({ generator }: InitOptions): InitOptions {
  return { generator }
}
