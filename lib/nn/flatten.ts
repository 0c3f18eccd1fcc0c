import { checkInteger, checkOptions } from '../util/check.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { Module } from './module.js'

/** Options of {@link Flatten}; names and defaults are PyTorch's. */
export interface FlattenOptions {
  /** First dimension to join. Default: `1`. */
  readonly startDim?: number | undefined
  /** Last dimension to join; a negative one counts from the end. Default: `-1`. */
  readonly endDim?: number | undefined
}

/** Joins dimensions into one: by default (N, C, H, W) becomes (N, C · H · W). Follows `torch.nn.Flatten`. */
export class Flatten extends Module {
  readonly startDim: number
  readonly endDim: number

  constructor(options: FlattenOptions = {}) {
    super()
    checkOptions('Flatten', options, ['startDim', 'endDim'])
    const { startDim = 1, endDim = -1 } = options
    this.startDim = checkInteger('startDim', startDim)
    this.endDim = checkInteger('endDim', endDim)
  }

  override forward(input: Tensor): Tensor {
    handleOf(input, 'input')
    return input.flatten(this.startDim, this.endDim)
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`
  }
}
