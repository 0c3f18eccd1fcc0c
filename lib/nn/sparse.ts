import { inGradModeNow } from '../libtorch/grad_mode.js'
import { checkInteger, checkPositiveInteger, expected } from '../util/check.js'
import { synchronousScope } from '../util/scope.js'
import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { embedding } from './functional.js'
import { normal_ } from './init.js'
import { Module } from './module.js'
import { areParametersPlaceholders, emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'

/** Options of {@link Embedding}; names and defaults are PyTorch's. */
export interface EmbeddingOptions extends FactoryOptions {
  /** The row of zeros at first, which is not trained; a negative one counts from the end. Default: none. */
  readonly paddingIdx?: number | null | undefined
}

const EMBEDDING = new Signature<EmbeddingOptions>('new Embedding', ['numEmbeddings', 'embeddingDim'], {
  ...{ paddingIdx: 'name', device: 'keyword', dtype: 'keyword' },
})

/**
 * Gives the row of a learned table for each index: (*) becomes (*, embeddingDim).
 *
 * State key: `weight` (numEmbeddings, embeddingDim), drawn from the normal distribution at first. Follows
 * `torch.nn.Embedding`, **without `max_norm`, `scale_grad_by_freq` and `sparse`**.
 */
export class Embedding extends Module {
  readonly numEmbeddings: number
  readonly embeddingDim: number
  readonly paddingIdx: number | null
  readonly weight: Parameter

  constructor(numEmbeddings: number, embeddingDim: number, options?: EmbeddingOptions)
  constructor(numEmbeddings: number, embeddingDim: number, ...given: readonly unknown[]) {
    super()
    const options = EMBEDDING.read([numEmbeddings, embeddingDim], given)
    const { paddingIdx = null } = options
    this.numEmbeddings = checkPositiveInteger('numEmbeddings', numEmbeddings)
    this.embeddingDim = checkPositiveInteger('embeddingDim', embeddingDim)
    this.paddingIdx = paddingIdx === null ? null : rowOf(paddingIdx, numEmbeddings)
    this.weight = emptyParameter([numEmbeddings, embeddingDim], options)
    this.resetParameters()
  }

  /** Maps indices (*), int64, to (*, embeddingDim). */
  override forward(input: Tensor): Tensor {
    return embedding(input, this.weight, { paddingIdx: this.paddingIdx })
  }

  /** Draws the table anew. */
  resetParameters(): void {
    normal_(this.weight)
    if (this.paddingIdx === null || areParametersPlaceholders()) return
    const { weight, paddingIdx } = this
    inGradModeNow('disabled', () => synchronousScope(() => weight.select(0, paddingIdx).zero_()))
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? '' : `, padding_idx=${this.paddingIdx}`
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}`
  }
}

function rowOf(index: number, count: number): number {
  if (checkInteger('paddingIdx', index) < -count || index >= count) {
    throw expected(`an index from ${-count} to ${count - 1}`, 'paddingIdx', index)
  }
  return index < 0 ? index + count : index
}
