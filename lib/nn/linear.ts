import { checkBoolean, checkPositiveInteger } from '../util/check.js'
import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { linear } from './functional.js'
import { kaimingUniform_, uniform_ } from './init.js'
import { Module } from './module.js'
import { emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'
import { pythonBool } from './repr.js'

/** Options of {@link Linear}; names and defaults are PyTorch's. */
export interface LinearOptions extends FactoryOptions {
  /** Learn a shift per output. Default: `true`. */
  readonly bias?: boolean | undefined
}

const SIGNATURE = new Signature<LinearOptions>('new Linear', ['inFeatures', 'outFeatures'], {
  bias: 'name',
  device: 'name',
  dtype: 'name',
})

/**
 * Multiplies the last dimension of (..., inFeatures) by a learned matrix and shifts it: (..., outFeatures).
 *
 * State keys: `weight` (outFeatures, inFeatures) and `bias` (outFeatures), both drawn evenly from -b to b at first, where
 * b = 1 / √inFeatures. Follows `torch.nn.Linear`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `inFeatures` or `outFeatures` is not a positive integer.
 */
export class Linear extends Module {
  readonly inFeatures: number
  readonly outFeatures: number
  readonly weight: Parameter
  readonly bias: Parameter | null

  constructor(inFeatures: number, outFeatures: number, options?: LinearOptions)
  constructor(inFeatures: number, outFeatures: number, ...given: readonly unknown[]) {
    super()
    const options = SIGNATURE.read([inFeatures, outFeatures], given)
    const { bias = true } = options
    this.inFeatures = checkPositiveInteger('inFeatures', inFeatures)
    this.outFeatures = checkPositiveInteger('outFeatures', outFeatures)
    checkBoolean('bias', bias)
    this.weight = emptyParameter([outFeatures, inFeatures], options)
    this.bias = bias ? emptyParameter([outFeatures], options) : null
    this.resetParameters()
  }

  /** Maps (..., inFeatures) to (..., outFeatures). */
  override forward(input: Tensor): Tensor {
    return linear(input, this.weight, { bias: this.bias })
  }

  /** Draws the parameters anew. */
  resetParameters(): void {
    // The slope √5 makes the bound of the weight 1 / √inFeatures, that of the bias.
    kaimingUniform_(this.weight, { a: Math.sqrt(5) })
    const bound = 1 / Math.sqrt(this.inFeatures)
    if (this.bias !== null) uniform_(this.bias, -bound, bound)
  }

  override extraRepr(): string {
    const { inFeatures, outFeatures, bias } = this
    return `in_features=${inFeatures}, out_features=${outFeatures}, bias=${pythonBool(bias !== null)}`
  }
}

/** Gives its input back: it stands where a layer was taken out. Follows `torch.nn.Identity`. */
export class Identity extends Module {
  override forward(input: Tensor): Tensor {
    return input
  }
}
