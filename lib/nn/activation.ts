import { checkBoolean, checkInteger, checkOptions } from '../util/check.js'
import type { Tensor } from '../tensor/tensor.js'
import { relu, softmax } from './functional.js'
import { Module } from './module.js'

/** Options of {@link ReLU}; names and defaults are PyTorch's. */
export interface ReLUOptions {
  /** Change the input itself. Default: `false`. */
  readonly inplace?: boolean | undefined
}

/** Sets elements below 0 to 0. Follows `torch.nn.ReLU`. */
export class ReLU extends Module {
  readonly inplace: boolean

  constructor(options: ReLUOptions = {}) {
    super()
    checkOptions('ReLU', options, ['inplace'])
    const { inplace = false } = options
    this.inplace = checkBoolean('inplace', inplace)
  }

  override forward(input: Tensor): Tensor {
    return relu(input, { inplace: this.inplace })
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : ''
  }
}

/**
 * Scales the exponentials along a dimension to the sum 1. Follows `torch.nn.Softmax`, **whose `dim` may be left out, which
 * is deprecated there**.
 */
export class Softmax extends Module {
  readonly dim: number

  constructor(dim: number) {
    super()
    this.dim = checkInteger('dim', dim)
  }

  override forward(input: Tensor): Tensor {
    return softmax(input, this.dim)
  }

  override extraRepr(): string {
    return `dim=${this.dim}`
  }
}
