import { checkInteger, describeShape, expected, isIntegerArray } from '../util/check.js'
import { Signature, type NoOptions } from '../util/signature.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkDim } from './checks.js'
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

const UNFLATTEN = new Signature<NoOptions>('new Unflatten', ['dim', 'unflattenedSize'], {})

/** Splits a dimension into several, the inverse of {@link Flatten}; one size may be -1. Follows `torch.nn.Unflatten`. */
export class Unflatten extends Module {
  readonly dim: number
  readonly unflattenedSize: readonly number[]

  constructor(dim: number, unflattenedSize: readonly number[]) {
    super()
    UNFLATTEN.read([dim, unflattenedSize], [])
    this.dim = checkInteger('dim', dim)
    if (!isIntegerArray(unflattenedSize)) throw expected('an array of sizes', 'unflattenedSize', unflattenedSize)
    this.unflattenedSize = [...unflattenedSize]
  }

  override forward(input: Tensor): Tensor {
    handleOf(input, 'input')
    const { dim, unflattenedSize } = this
    const at = checkDim(dim, input)
    const start = at < 0 ? at + input.ndim : at
    const known = unflattenedSize.filter((size) => size !== -1).reduce((product, size) => product * size, 1)
    const sizes = unflattenedSize.map((size) => (size === -1 ? input.size(dim) / known : size))
    if (sizes.reduce((product, size) => product * size, 1) !== input.size(dim)) {
      throw expected(`sizes that multiply up to ${input.size(dim)}`, 'unflattenedSize', unflattenedSize)
    }
    return input.reshape([...input.shape.slice(0, start), ...sizes, ...input.shape.slice(start + 1)])
  }

  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=${describeShape(this.unflattenedSize)}`
  }
}
