import { native } from '../libtorch/binding.js'
import { checkBoolean, checkNonNegativeInteger, checkPositiveInteger, expected } from '../util/check.js'
import { isFloatingPoint } from '../util/dtype.js'
import { Signature } from '../util/signature.js'
import { handleOf } from './handle.js'
import { generatorHandleOf, type Generator } from './random.js'
import { Tensor } from './tensor.js'

/** Options of {@link randperm}. */
export interface RandpermOptions {
  /** Default: the generator of the process, which `manualSeed` seeds. */
  readonly generator?: Generator | undefined
}

/** Options of {@link multinomial}. */
export interface MultinomialOptions extends RandpermOptions {
  /** Whether an index may be drawn more than once. Default: `false`. */
  readonly replacement?: boolean | undefined
}

const RANDPERM = new Signature<RandpermOptions>('randperm', ['n'], { generator: 'keyword' })
const MULTINOMIAL = new Signature<MultinomialOptions>('multinomial', ['input', 'numSamples'], {
  replacement: 'name',
  generator: 'keyword',
})

/** Most categories of {@link multinomial}: libtorch's limit. */
const MAX_CATEGORIES = 2 ** 24

/** Draws an order of the integers from 0 to below `n`: int64 (n). Follows `torch.randperm`. */
export function randperm(n: number, options?: RandpermOptions): Tensor<'int64'>
export function randperm(n: number, ...given: readonly unknown[]): Tensor<'int64'> {
  const { generator } = RANDPERM.read([n], given)
  return new Tensor<'int64'>(native.randperm(checkNonNegativeInteger('n', n), generatorHandleOf(generator)))
}

/**
 * Draws `numSamples` indices, each with a probability in proportion to its weight: (C) gives int64 (numSamples), (N, C) gives
 * (N, numSamples). Follows `torch.multinomial`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `input` is no 1-D or 2-D tensor of floats, or has fewer weights than are drawn
 * without replacement; `TORCH_OPERATOR` if a weight is negative or not finite.
 */
export function multinomial(input: Tensor, numSamples: number, options?: MultinomialOptions): Tensor<'int64'>
export function multinomial(input: Tensor, numSamples: number, ...given: readonly unknown[]): Tensor<'int64'> {
  const { replacement = false, generator } = MULTINOMIAL.read([input, numSamples], given)
  const handle = handleOf(input, 'input')
  checkPositiveInteger('numSamples', numSamples)
  if (!isFloatingPoint(input.dtype) || (input.ndim !== 1 && input.ndim !== 2)) {
    throw expected('a tensor of floats (C) or (N, C)', 'input', input)
  }
  const categories = input.size(-1)
  if (categories > MAX_CATEGORIES) throw expected(`at most ${MAX_CATEGORIES} weights`, 'input', input)
  if (!checkBoolean('replacement', replacement) && numSamples > categories) {
    throw expected(`at most ${categories}, the number of weights,`, 'numSamples', numSamples)
  }
  return new Tensor<'int64'>(native.multinomial(handle, numSamples, replacement, generatorHandleOf(generator)))
}

/** Draws a seed from 0 to below 2⁶³, as PyTorch's loaders and samplers do: `torch.empty((), dtype=torch.int64).random_()`. */
export function drawSeed(generator?: Generator): bigint {
  const drawn = new Tensor<'int64'>(native.empty([], 'int64', 'cpu'))
  try {
    native.random_(handleOf(drawn), generatorHandleOf(generator))
    return drawn.item()
  } finally {
    drawn.dispose()
  }
}
