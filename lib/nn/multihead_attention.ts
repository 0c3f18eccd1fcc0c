import { checkBoolean, checkOptions, checkPositiveInteger, checkProbability, expected } from '../util/check.js'
import type { Device } from '../util/device.js'
import type { DType } from '../util/dtype.js'
import { Signature } from '../util/signature.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { zeros } from '../tensor/creation.js'
import { dropout, linear, scaledDotProductAttention, softmax } from './functional.js'
import { constant_, xavierUniform_ } from './init.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import { emptyParameter, type FactoryOptions } from './parameter.js'

/** Options of {@link MultiheadAttention}; names and defaults are PyTorch's. */
export interface MultiheadAttentionOptions extends FactoryOptions {
  /** Probability of a weight to become 0 in training mode. Default: `0`. */
  readonly dropout?: number | undefined
  /** Learn a shift of the projections. Default: `true`. */
  readonly bias?: boolean | undefined
  /** Inputs are (N, L, E) instead of (L, N, E). Default: `false`. */
  readonly batchFirst?: boolean | undefined
}

/** Options of {@link MultiheadAttention.attend}. */
export interface AttendOptions {
  /** (N, S): true, or negative infinity, for keys that are left out. Default: none. */
  readonly keyPaddingMask?: Tensor | null | undefined
  /** (L, S) or (N · heads, L, S): true where a query does not see a key, or floats that are added. Default: none. */
  readonly attnMask?: Tensor | null | undefined
  /** Give the weights too. Default: `true`. */
  readonly needWeights?: boolean | undefined
  /** Average the weights over the heads: (N, L, S) instead of (N, heads, L, S). Default: `true`. */
  readonly averageAttnWeights?: boolean | undefined
}

const SIGNATURE = new Signature<MultiheadAttentionOptions>('new MultiheadAttention', ['embedDim', 'numHeads'], {
  ...{ dropout: 'name', bias: 'name', batchFirst: 'keyword', device: 'keyword', dtype: 'keyword' },
})
const ATTEND = ['keyPaddingMask', 'attnMask', 'needWeights', 'averageAttnWeights'] as const

/** The last projection, which PyTorch prints under this name. */
class NonDynamicallyQuantizableLinear extends Linear {}

/**
 * Weighs values by how well keys fit queries, in several heads side by side.
 *
 * State keys: `in_proj_weight` (3 · E, E), `in_proj_bias` (3 · E), `out_proj.weight` (E, E), `out_proj.bias` (E). Follows
 * `torch.nn.MultiheadAttention`, **without `add_bias_kv`, `add_zero_attn`, `kdim` and `vdim`**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `embedDim` is not a multiple of `numHeads`.
 */
export class MultiheadAttention extends Module<[output: Tensor, weights: Tensor]> {
  readonly embedDim: number
  readonly numHeads: number
  readonly dropout: number
  readonly batchFirst: boolean
  readonly #out: Linear

  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions)
  constructor(embedDim: number, numHeads: number, ...given: readonly unknown[]) {
    super()
    const options = SIGNATURE.read([embedDim, numHeads], given)
    const { dropout: p = 0, bias = true, batchFirst = false, dtype, device } = options
    this.embedDim = checkPositiveInteger('embedDim', embedDim)
    this.numHeads = checkPositiveInteger('numHeads', numHeads)
    if (embedDim % numHeads !== 0) throw expected(`a multiple of numHeads (${numHeads})`, 'embedDim', embedDim)
    this.dropout = checkProbability('dropout', p)
    this.batchFirst = checkBoolean('batchFirst', batchFirst)
    checkBoolean('bias', bias)
    this.registerParameter('in_proj_weight', emptyParameter([3 * embedDim, embedDim], options))
    this.registerParameter('in_proj_bias', bias ? emptyParameter([3 * embedDim], options) : null)
    this.#out = new NonDynamicallyQuantizableLinear(embedDim, embedDim, { bias, dtype, device })
    this.registerModule('out_proj', this.#out)
    xavierUniform_(this.parameter('in_proj_weight'))
    if (!bias) return
    constant_(this.parameter('in_proj_bias'), 0)
    if (this.#out.bias !== null) constant_(this.#out.bias, 0)
  }

  /**
   * Maps queries (L, N, E), keys and values (S, N, E) to the output (L, N, E) and the weights (N, L, S); with `batchFirst` N
   * comes first; without N the sizes are (L, E) and (S, E).
   */
  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    keyPaddingMask: Tensor | null = null,
    attnMask: Tensor | null = null,
  ): [output: Tensor, weights: Tensor] {
    const { output, weights } = this.attend(query, key, value, { keyPaddingMask, attnMask })
    return [output, weights ?? output]
  }

  /** Does what {@link forward} does, with options; `weights` is null if they are not needed. Hooks are not run. */
  attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: AttendOptions = {},
  ): { output: Tensor; weights: Tensor | null } {
    checkOptions('attend()', options, ATTEND)
    const { keyPaddingMask = null, attnMask = null, needWeights = true, averageAttnWeights = true } = options
    checkBoolean('needWeights', needWeights)
    checkBoolean('averageAttnWeights', averageAttnWeights)
    const isBatch = query.ndim === 3
    const [q, k, v] = this.#projected({ query, key, value })
    const mask = this.#mask(keyPaddingMask, attnMask, q)
    const p = this.training ? this.dropout : 0

    let heads: Tensor
    let weights: Tensor | null = null
    if (needWeights) {
      const scores = q.mul(Math.sqrt(1 / q.size(-1))).matmul(k.transpose(-2, -1))
      const masked = mask === null ? scores : scores.add(mask)
      weights = dropout(softmax(masked, -1), { p, training: p > 0 })
      heads = weights.matmul(v)
      if (averageAttnWeights) weights = weights.mean(1)
      if (!isBatch) weights = weights.squeeze(0)
    } else {
      heads = scaledDotProductAttention(q, k, v, { attnMask: mask, dropoutP: p })
    }

    const joined = this.#out.forward(heads.transpose(1, 2).flatten(2, 3))
    if (!isBatch) return { output: joined.squeeze(0), weights }
    return { output: this.batchFirst ? joined : joined.transpose(0, 1), weights }
  }

  /** Queries, keys and values as (N, heads, L, E / heads). */
  #projected(inputs: {
    readonly query: Tensor
    readonly key: Tensor
    readonly value: Tensor
  }): [Tensor, Tensor, Tensor] {
    const { query } = inputs
    for (const [name, input] of Object.entries(inputs)) {
      handleOf(input, name)
      const fits = (input.ndim === 2 || input.ndim === 3) && input.ndim === query.ndim
      if (!fits || input.size(-1) !== this.embedDim) {
        throw expected(`a tensor (L, N, ${this.embedDim}) or (L, ${this.embedDim})`, name, input)
      }
    }
    const batch = (input: Tensor): Tensor => {
      if (input.ndim === 2) return input.unsqueeze(0)
      return this.batchFirst ? input : input.transpose(0, 1)
    }
    const heads = (input: Tensor): Tensor => {
      const [samples = 0, length = 0] = input.shape
      return input.reshape(samples, length, this.numHeads, this.embedDim / this.numHeads).transpose(1, 2)
    }
    const weight = this.parameter('in_proj_weight')
    const bias = this.#out.bias === null ? null : this.parameter('in_proj_bias')
    const { key, value } = inputs
    if (query === key && key === value) {
      const [q = query, k = key, v = value] = linear(batch(query), weight, { bias }).chunk(3, -1)
      return [heads(q), heads(k), heads(v)]
    }
    const each = (input: Tensor, at: number): Tensor => {
      const rows = weight.narrow(0, at * this.embedDim, this.embedDim)
      const shift = bias === null ? null : bias.narrow(0, at * this.embedDim, this.embedDim)
      return heads(linear(batch(input), rows, { bias: shift }))
    }
    return [each(query, 0), each(key, 1), each(value, 2)]
  }

  /** Both masks as floats to add, which broadcast to (N, heads, L, S). */
  #mask(keyPaddingMask: Tensor | null, attnMask: Tensor | null, queries: Tensor): Tensor | null {
    const added = (name: string, mask: Tensor): Tensor => {
      handleOf(mask, name)
      if (mask.dtype === 'bool')
        return zeros<DType>(mask.shape, { dtype: queries.dtype, device: queries.device as Device }).maskedFill_(
          mask,
          -Infinity,
        )
      return mask.to(queries.dtype)
    }
    const [samples = 0] = queries.shape
    let result: Tensor | null = null
    if (attnMask !== null) {
      const mask = added('attnMask', attnMask)
      const [rows, columns] = mask.shape.slice(-2)
      result = mask.ndim === 3 ? mask.reshape(samples, this.numHeads, rows ?? 0, columns ?? 0) : mask
    }
    if (keyPaddingMask === null) return result
    const keys = added('keyPaddingMask', keyPaddingMask)
    const padding = (keys.ndim === 1 ? keys.unsqueeze(0) : keys).unsqueeze(1).unsqueeze(1)
    return result === null ? padding : result.add(padding)
  }
}
