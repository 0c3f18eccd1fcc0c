import { checkInteger } from '../util/check.js'
import { Signature } from '../util/signature.js'
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

const SIGNATURE = new Signature<FlattenOptions>('new Flatten', [], { startDim: 'position', endDim: 'position' })

/** Joins dimensions into one: by default (N, C, H, W) becomes (N, C · H · W). Follows `torch.nn.Flatten`. */
export class Flatten extends Module {
  readonly startDim: number
  readonly endDim: number

  constructor(options?: FlattenOptions)
  constructor(startDim: number, endDim?: number | Omit<FlattenOptions, 'startDim'>)
  constructor(...given: readonly unknown[]) {
    super()
    const { startDim = 1, endDim = -1 } = SIGNATURE.read([], given)
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
