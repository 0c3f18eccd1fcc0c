import { checkBoolean, checkInteger } from '../util/check.js'
import { Signature, type NoOptions } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { relu, softmax } from './functional.js'
import { Module } from './module.js'

/** Options of {@link ReLU}; names and defaults are PyTorch's. */
export interface ReLUOptions {
  /** Change the input itself. Default: `false`. */
  readonly inplace?: boolean | undefined
}

const RELU = new Signature<ReLUOptions>('new ReLU', [], { inplace: 'name' })
const SOFTMAX = new Signature<NoOptions>('new Softmax', ['dim'], {})

/** Sets elements below 0 to 0. Follows `torch.nn.ReLU`. */
export class ReLU extends Module {
  readonly inplace: boolean

  constructor(options?: ReLUOptions)
  constructor(...given: readonly unknown[]) {
    super()
    const { inplace = false } = RELU.read([], given)
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
    SOFTMAX.read([dim], [])
    this.dim = checkInteger('dim', dim)
  }

  override forward(input: Tensor): Tensor {
    return softmax(input, this.dim)
  }

  override extraRepr(): string {
    return `dim=${this.dim}`
  }
}
