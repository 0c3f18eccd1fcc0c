import { checkBoolean, checkOneOf, checkPositiveInteger } from '../util/check.js'
import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { Dropout } from './dropout.js'
import { gelu, relu } from './functional.js'
import { Linear } from './linear.js'
import { Module } from './module.js'
import { MultiheadAttention } from './multihead_attention.js'
import { LayerNorm } from './normalization.js'
import type { FactoryOptions } from './parameter.js'

/** Options of {@link TransformerEncoderLayer}; names and defaults are PyTorch's. */
export interface TransformerEncoderLayerOptions extends FactoryOptions {
  /** Width of the layer between the two projections. Default: `2048`. */
  readonly dimFeedforward?: number | undefined
  /** Probability of an element to become 0 in training mode. Default: `0.1`. */
  readonly dropout?: number | undefined
  /** Default: `relu`. */
  readonly activation?: 'relu' | 'gelu' | undefined
  /** Added to variances before the square root. Default: `1e-5`. */
  readonly layerNormEps?: number | undefined
  /** Inputs are (N, L, E) instead of (L, N, E). Default: `false`. */
  readonly batchFirst?: boolean | undefined
  /** Normalize before attention and projections instead of behind them. Default: `false`. */
  readonly normFirst?: boolean | undefined
  /** Learn shifts. Default: `true`. */
  readonly bias?: boolean | undefined
}

const SIGNATURE = new Signature<TransformerEncoderLayerOptions>('new TransformerEncoderLayer', ['dModel', 'nhead'], {
  ...{ dimFeedforward: 'name', dropout: 'name', activation: 'name', layerNormEps: 'name', batchFirst: 'name' },
  ...{ normFirst: 'name', bias: 'name', device: 'name', dtype: 'name' },
})

/**
 * Attends to its own input, then projects each element: one layer of a transformer's encoder.
 *
 * State keys: those of the modules below `self_attn.`, `linear1.`, `linear2.`, `norm1.` and `norm2.`. Follows
 * `torch.nn.TransformerEncoderLayer`.
 */
export class TransformerEncoderLayer extends Module {
  readonly activation: 'relu' | 'gelu'
  readonly normFirst: boolean
  // Under PyTorch's key, and in its order.
  readonly self_attn: MultiheadAttention
  readonly linear1: Linear
  readonly dropout: Dropout
  readonly linear2: Linear
  readonly norm1: LayerNorm
  readonly norm2: LayerNorm
  readonly dropout1: Dropout
  readonly dropout2: Dropout

  constructor(dModel: number, nhead: number, options?: TransformerEncoderLayerOptions)
  constructor(dModel: number, nhead: number, ...given: readonly unknown[]) {
    super()
    const options = SIGNATURE.read([dModel, nhead], given)
    const { dimFeedforward = 2048, dropout = 0.1, activation = 'relu', layerNormEps: eps = 1e-5 } = options
    const { batchFirst = false, normFirst = false, bias = true, dtype, device } = options
    checkPositiveInteger('dimFeedforward', dimFeedforward)
    this.activation = checkOneOf('activation', activation, ['relu', 'gelu'])
    this.normFirst = checkBoolean('normFirst', normFirst)
    this.self_attn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst, dtype, device })
    this.linear1 = new Linear(dModel, dimFeedforward, { bias, dtype, device })
    this.dropout = new Dropout(dropout)
    this.linear2 = new Linear(dimFeedforward, dModel, { bias, dtype, device })
    this.norm1 = new LayerNorm(dModel, { eps, bias, dtype, device })
    this.norm2 = new LayerNorm(dModel, { eps, bias, dtype, device })
    this.dropout1 = new Dropout(dropout)
    this.dropout2 = new Dropout(dropout)
  }

  /** Maps (L, N, E) to the same; with `batchFirst` N comes first. Masks are those of {@link MultiheadAttention}. */
  override forward(src: Tensor, srcMask: Tensor | null = null, srcKeyPaddingMask: Tensor | null = null): Tensor {
    const attended = (x: Tensor): Tensor => {
      const masks = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask }
      const { output } = this.self_attn.attend(x, x, x, { ...masks, needWeights: false })
      return this.dropout1.forward(output)
    }
    const projected = (x: Tensor): Tensor => {
      const activate = this.activation === 'relu' ? relu : gelu
      const wide = this.dropout.forward(activate(this.linear1.forward(x)))
      return this.dropout2.forward(this.linear2.forward(wide))
    }
    if (this.normFirst) {
      const x = src.add(attended(this.norm1.forward(src)))
      return x.add(projected(this.norm2.forward(x)))
    }
    const x = this.norm1.forward(src.add(attended(src)))
    return this.norm2.forward(x.add(projected(x)))
  }
}
