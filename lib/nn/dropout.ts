import { checkBoolean, checkProbability } from '../util/check.js'
import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { dropout } from './functional.js'
import { Module } from './module.js'
import { pythonBool, pythonFloat } from './repr.js'

/** Options of {@link Dropout}; names and defaults are PyTorch's. */
export interface DropoutOptions {
  /** Probability of an element to become 0. Default: `0.5`. */
  readonly p?: number | undefined
  /** Change the input itself. Default: `false`. */
  readonly inplace?: boolean | undefined
}

const SIGNATURE = new Signature<DropoutOptions>('new Dropout', [], { p: 'position', inplace: 'name' })

/**
 * In training mode sets elements to 0 by chance and multiplies the others by 1 / (1 - p); in evaluation mode gives its
 * input back. Follows `torch.nn.Dropout`.
 */
export class Dropout extends Module {
  readonly p: number
  readonly inplace: boolean

  constructor(options?: DropoutOptions)
  constructor(p: number, options?: Omit<DropoutOptions, 'p'>)
  constructor(...given: readonly unknown[]) {
    super()
    const { p = 0.5, inplace = false } = SIGNATURE.read([], given)
    this.p = checkProbability('p', p)
    this.inplace = checkBoolean('inplace', inplace)
  }

  override forward(input: Tensor): Tensor {
    const { p, training, inplace } = this
    return dropout(input, { p, training, inplace })
  }

  override extraRepr(): string {
    return `p=${pythonFloat(this.p)}, inplace=${pythonBool(this.inplace)}`
  }
}
