import { checkBoolean, checkInteger, checkNumber, checkProbability, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'
import { apply } from '../tensor/apply.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkFloats } from './checks.js'

/** Options of {@link embedding}. */
export interface EmbeddingFunctionOptions {
  /** The row that is not trained; a negative one counts from the end. Default: none. */
  readonly paddingIdx?: number | null | undefined
}

/** Options of {@link oneHot}. */
export interface OneHotOptions {
  /** Number of classes; -1 takes the largest index plus 1. Default: `-1`. */
  readonly numClasses?: number | undefined
}

/** Options of {@link scaledDotProductAttention}. */
export interface AttentionOptions {
  /** Of booleans, true where a query sees a key, or of floats that are added; broadcasts to (..., L, S). Default: none. */
  readonly attnMask?: Tensor | null | undefined
  /** Probability of a weight to become 0. Default: `0`. */
  readonly dropoutP?: number | undefined
  /** A query sees no key behind it. Default: `false`. */
  readonly isCausal?: boolean | undefined
  /** Factor of the products. Default: `1 / √E`. */
  readonly scale?: number | null | undefined
  /** Let keys and values have fewer heads. Default: `false`. */
  readonly enableGqa?: boolean | undefined
}

const EMBEDDING = new Signature<EmbeddingFunctionOptions>('embedding', ['input', 'weight'], { paddingIdx: 'name' })
const ONE_HOT = new Signature<OneHotOptions>('oneHot', ['input'], { numClasses: 'position' })
const ATTENTION = new Signature<AttentionOptions>('scaledDotProductAttention', ['query', 'key', 'value'], {
  ...{ attnMask: 'name', dropoutP: 'name', isCausal: 'name', scale: 'keyword', enableGqa: 'keyword' },
})

/**
 * Gives the rows of `weight` (V, E) that indices (*), int64, name: (*, E). Follows `torch.nn.functional.embedding`, **without
 * `max_norm`, `scale_grad_by_freq` and `sparse`**.
 */
export function embedding(input: Tensor, weight: Tensor, options?: EmbeddingFunctionOptions): Tensor
export function embedding(input: Tensor, weight: Tensor, ...given: readonly unknown[]): Tensor {
  const { paddingIdx = null } = EMBEDDING.read([input, weight], given)
  handleOf(input, 'input')
  checkFloats('weight', weight)
  if (input.dtype !== 'int64' && input.dtype !== 'int32') throw expected('a tensor of int64', 'input', input)
  if (weight.ndim !== 2) throw expected('a tensor (V, E)', 'weight', weight)
  return paddingIdx === null
    ? apply('aten::embedding', weight, input)
    : apply('aten::embedding', weight, input, paddingRow(paddingIdx, weight.size(0)))
}

/**
 * Gives 1 at the place of each index (*), int64, and else 0: (*, numClasses). Follows `torch.nn.functional.one_hot`.
 *
 * @throws {TorchError} `TORCH_OPERATOR` if an index is negative, or not below `numClasses`.
 */
export function oneHot(input: Tensor, numClasses?: number | OneHotOptions): Tensor<'int64'>
export function oneHot(input: Tensor, ...given: readonly unknown[]): Tensor<'int64'> {
  const { numClasses = -1 } = ONE_HOT.read([input], given)
  handleOf(input, 'input')
  if (input.dtype !== 'int64') throw expected('a tensor of int64', 'input', input)
  return apply<'int64'>('aten::one_hot', input, checkInteger('numClasses', numClasses))
}

/**
 * Weighs values (..., S, V) by how well keys (..., S, E) fit queries (..., L, E): gives (..., L, V). Follows
 * `torch.nn.functional.scaled_dot_product_attention`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if both `attnMask` and `isCausal` are given.
 */
export function scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor, options?: AttentionOptions): Tensor
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  ...given: readonly unknown[]
): Tensor {
  const options = ATTENTION.read([query, key, value], given)
  const { attnMask = null, dropoutP = 0, isCausal = false, scale = null, enableGqa = false } = options
  checkFloats('query', query)
  checkFloats('key', key)
  checkFloats('value', value)
  if (attnMask !== null) handleOf(attnMask, 'attnMask')
  if (checkBoolean('isCausal', isCausal) && attnMask !== null)
    throw expected('no mask with isCausal', 'attnMask', attnMask)
  checkProbability('dropoutP', dropoutP)
  const factor = scale === null ? null : checkNumber('scale', scale)
  return apply(
    'aten::scaled_dot_product_attention',
    ...[query, key, value, attnMask, dropoutP, isCausal, factor, checkBoolean('enableGqa', enableGqa)],
  )
}

function paddingRow(paddingIdx: number, rows: number): number {
  if (checkInteger('paddingIdx', paddingIdx) < -rows || paddingIdx >= rows) {
    throw expected(`a row from ${-rows} to ${rows - 1}`, 'paddingIdx', paddingIdx)
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx
}
