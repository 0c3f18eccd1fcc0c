import { checkBoolean, checkOneOf, checkProbability } from '../util/check.js'
import { Signature, type NoOptions } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { dropout, dropout2d, dropPath, stochasticDepth } from './functional.js'
import { STOCHASTIC_DEPTH_MODES, type DropPathOptions, type StochasticDepthMode } from './functional_dropout.js'
import { Module } from './module.js'
import { pythonBool, pythonFloat } from './repr.js'

/** Options of {@link Dropout}; names and defaults are PyTorch's. */
export interface DropoutOptions {
  /** Probability of an element to become 0. Default: `0.5`. */
  readonly p?: number | undefined
  /** Change the input itself. Default: `false`. */
  readonly inplace?: boolean | undefined
}

/** Options of {@link DropPath}; names and defaults are those of timm. */
export type DropPathModuleOptions = Omit<DropPathOptions, 'training'>

const STOCHASTIC_DEPTH = new Signature<NoOptions>('new StochasticDepth', ['p', 'mode'], {})
const DROP_PATH = new Signature<DropPathModuleOptions>('new DropPath', [], {
  ...{ dropProb: 'position', scaleByKeep: 'name' },
})

/** What the dropouts have in common. */
abstract class DropoutNd extends Module {
  readonly p: number
  readonly inplace: boolean

  constructor(options?: DropoutOptions)
  constructor(p: number, options?: Omit<DropoutOptions, 'p'>)
  constructor(...given: readonly unknown[]) {
    super()
    const signature = new Signature<DropoutOptions>(`new ${new.target.name}`, [], { p: 'position', inplace: 'name' })
    const { p = 0.5, inplace = false } = signature.read([], given)
    this.p = checkProbability('p', p)
    this.inplace = checkBoolean('inplace', inplace)
  }

  override extraRepr(): string {
    return `p=${pythonFloat(this.p)}, inplace=${pythonBool(this.inplace)}`
  }
}

/**
 * In training mode sets elements to 0 by chance and multiplies the others by 1 / (1 - p); in evaluation mode gives its
 * input back. Follows `torch.nn.Dropout`.
 */
export class Dropout extends DropoutNd {
  override forward(input: Tensor): Tensor {
    const { p, training, inplace } = this
    return dropout(input, { p, training, inplace })
  }
}

/**
 * In training mode sets whole channels to 0 by chance and multiplies the others by 1 / (1 - p); in evaluation mode gives
 * its input back. Follows `torch.nn.Dropout2d`.
 */
export class Dropout2d extends DropoutNd {
  override forward(input: Tensor): Tensor {
    const { p, training, inplace } = this
    return dropout2d(input, { p, training, inplace })
  }
}

/**
 * In training mode sets the batch, or with mode `row` each sample, to 0 by chance and divides the others by 1 - p. Follows
 * `torchvision.ops.StochasticDepth`.
 */
export class StochasticDepth extends Module {
  readonly p: number
  readonly mode: StochasticDepthMode

  constructor(p: number, mode: StochasticDepthMode) {
    super()
    STOCHASTIC_DEPTH.read([p, mode], [])
    this.p = checkProbability('p', p)
    this.mode = checkOneOf('mode', mode, STOCHASTIC_DEPTH_MODES)
  }

  override forward(input: Tensor): Tensor {
    return stochasticDepth(input, this.p, this.mode, { training: this.training })
  }

  /** Prints what torchvision prints, which has no name of the mode in quotes. */
  override extraRepr(): string {
    return `p=${pythonFloat(this.p)}, mode=${this.mode}`
  }
}

/** In training mode sets samples to 0 by chance and divides the others by 1 - dropProb. Follows `timm.layers.DropPath`. */
export class DropPath extends Module {
  readonly dropProb: number
  readonly scaleByKeep: boolean

  constructor(options?: DropPathModuleOptions)
  constructor(dropProb: number, options?: Omit<DropPathModuleOptions, 'dropProb'>)
  constructor(...given: readonly unknown[]) {
    super()
    const { dropProb = 0, scaleByKeep = true } = DROP_PATH.read([], given)
    this.dropProb = checkProbability('dropProb', dropProb)
    this.scaleByKeep = checkBoolean('scaleByKeep', scaleByKeep)
  }

  override forward(input: Tensor): Tensor {
    const { dropProb, training, scaleByKeep } = this
    return dropPath(input, { dropProb, training, scaleByKeep })
  }

  override extraRepr(): string {
    return `drop_prob=${this.dropProb.toFixed(3)}`
  }
}
