import { checkBoolean, checkNumber, checkPositiveInteger } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { Signature, type Passing } from '../util/signature.js'
import { ones, zeros } from '../tensor/creation.js'
import { ones_, zeros_ } from './init.js'
import { Module } from './module.js'
import { emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'
import { pythonBool, pythonFloat } from './repr.js'

/** Options of `BatchNorm1d`, `BatchNorm2d` and `InstanceNorm2d`; names and defaults are PyTorch's. */
export interface BatchNormOptions extends FactoryOptions {
  /** Added to the variance before the square root. Default: `1e-5`. */
  readonly eps?: number | undefined
  /** Share of the newest batch in the running statistics, 0 to 1; `null` weighs all batches alike. Default: `0.1`. */
  readonly momentum?: number | null | undefined
  /** Learn a scale and a shift per channel. Default: `true`; `false` for `InstanceNorm2d`. */
  readonly affine?: boolean | undefined
  /**
   * Keep running statistics, and normalize by them in evaluation mode. Default: `true`; `false` for
   * `InstanceNorm2d`.
   */
  readonly trackRunningStats?: boolean | undefined
  /** Learn a shift, if `affine`. Default: `true`. */
  readonly bias?: boolean | undefined
}

const OPTIONS: Readonly<Record<keyof BatchNormOptions, Passing>> = {
  eps: 'name',
  momentum: 'name',
  affine: 'name',
  trackRunningStats: 'name',
  device: 'name',
  dtype: 'name',
  bias: 'keyword',
}

/**
 * What the normalizations with running statistics have in common: their parameters and buffers. Follows PyTorch's `_NormBase`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `numFeatures` (C) is not a positive integer.
 */
export abstract class NormBase extends Module {
  /** Since version 2 the state holds `num_batches_tracked`. */
  override readonly stateVersion = 2
  readonly numFeatures: number
  readonly eps: number
  /** May be changed. */
  momentum: number | null
  readonly affine: boolean
  readonly trackRunningStats: boolean
  readonly weight: Parameter | null
  readonly bias: Parameter | null

  /** The arguments of the call, and whether `affine` and `trackRunningStats` are true by default. */
  protected constructor(numFeatures: number, given: readonly unknown[], isOnByDefault: boolean) {
    super()
    const signature = new Signature<BatchNormOptions>(`new ${new.target.name}`, ['numFeatures'], OPTIONS)
    const options = signature.read([numFeatures], given)
    const {
      eps = 1e-5,
      momentum = 0.1,
      affine = isOnByDefault,
      trackRunningStats = isOnByDefault,
      bias = true,
    } = options
    this.numFeatures = checkPositiveInteger('numFeatures', numFeatures)
    this.eps = checkNumber('eps', eps)
    this.momentum = momentum === null ? null : checkNumber('momentum', momentum)
    this.affine = checkBoolean('affine', affine)
    this.trackRunningStats = checkBoolean('trackRunningStats', trackRunningStats)
    const hasBias = checkBoolean('bias', bias) && affine
    this.weight = affine ? emptyParameter([numFeatures], options) : null
    this.bias = hasBias ? emptyParameter([numFeatures], options) : null
    if (trackRunningStats) {
      const { dtype, device } = options
      this.registerBuffer('running_mean', zeros<DType>([numFeatures], { dtype, device }))
      this.registerBuffer('running_var', ones<DType>([numFeatures], { dtype, device }))
      this.registerBuffer('num_batches_tracked', zeros([], { dtype: 'int64', device }))
    }
    this.resetParameters()
  }

  /** Begins the running statistics anew. */
  resetRunningStats(): void {
    if (!this.trackRunningStats) return
    zeros_(this.buffer('running_mean'))
    ones_(this.buffer('running_var'))
    zeros_(this.buffer('num_batches_tracked'))
  }

  /** Sets the scale to 1 and the shift to 0, and begins the running statistics anew. */
  resetParameters(): void {
    this.resetRunningStats()
    if (this.weight !== null) ones_(this.weight)
    if (this.bias !== null) zeros_(this.bias)
  }

  override extraRepr(): string {
    const momentum = this.momentum === null ? 'None' : pythonFloat(this.momentum)
    const flags = `affine=${pythonBool(this.affine)}, bias=${pythonBool(this.bias !== null)}`
    const tracking = `track_running_stats=${pythonBool(this.trackRunningStats)}`
    return `${this.numFeatures}, eps=${pythonFloat(this.eps)}, momentum=${momentum}, ${flags}, ${tracking}`
  }

  protected override forgivesMissing(name: string, version: number | null): boolean {
    return name === 'num_batches_tracked' && (version ?? 0) < 2
  }
}
