import { checkBoolean, checkNumber, checkPositiveInteger, expected } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { Signature } from '../util/signature.js'
import { ones, zeros } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import type { BatchNormOptions } from './batchnorm.js'
import { checkImages } from './checks.js'
import { instanceNorm } from './functional.js'
import { ones_, zeros_ } from './init.js'
import { Module } from './module.js'
import { emptyParameter, type Parameter } from './parameter.js'
import { pythonBool, pythonFloat } from './repr.js'

const SIGNATURE = new Signature<BatchNormOptions>('new InstanceNorm2d', ['numFeatures'], {
  ...{ eps: 'name', momentum: 'name', affine: 'name', trackRunningStats: 'name', device: 'name', dtype: 'name' },
  bias: 'keyword',
})

/**
 * Normalizes each channel of each image (N, C, H, W), or of one image (C, H, W), to mean 0 and variance 1. `affine` and
 * `trackRunningStats` are false by default.
 *
 * State keys: `weight` and `bias` if `affine`, each (C); `running_mean`, `running_var`, each (C), and `num_batches_tracked`, () int64,
 * if `trackRunningStats`. Follows `torch.nn.InstanceNorm2d`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `numFeatures` (C) is not a positive integer.
 */
export class InstanceNorm2d extends Module {
  /** Since version 2 the state holds `num_batches_tracked`. */
  override readonly stateVersion = 2
  readonly numFeatures: number
  readonly eps: number
  readonly momentum: number
  readonly affine: boolean
  readonly trackRunningStats: boolean
  readonly weight: Parameter | null
  readonly bias: Parameter | null

  constructor(numFeatures: number, options?: BatchNormOptions)
  constructor(numFeatures: number, ...given: readonly unknown[]) {
    super()
    const options = SIGNATURE.read([numFeatures], given)
    const { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false, bias = true } = options
    this.numFeatures = checkPositiveInteger('numFeatures', numFeatures)
    this.eps = checkNumber('eps', eps)
    this.momentum = checkNumber('momentum', momentum)
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

  /** Gives a tensor of the input's shape; updates the running statistics in training mode. */
  override forward(input: Tensor): Tensor {
    checkImages(input)
    if (input.size(-3) !== this.numFeatures) throw expected(`images of ${this.numFeatures} channels`, 'input', input)
    const { weight, bias, eps, momentum, trackRunningStats, training } = this
    const runningMean = trackRunningStats ? this.buffer('running_mean') : null
    const runningVar = trackRunningStats ? this.buffer('running_var') : null
    const useInputStats = training || !trackRunningStats
    const batch = input.ndim === 3 ? input.unsqueeze(0) : input
    const output = instanceNorm(batch, { runningMean, runningVar, weight, bias, useInputStats, momentum, eps })
    return input.ndim === 3 ? output.squeeze(0) : output
  }

  /** Sets the scale to 1 and the shift to 0, and begins the running statistics anew. */
  resetParameters(): void {
    if (this.trackRunningStats) {
      zeros_(this.buffer('running_mean'))
      ones_(this.buffer('running_var'))
      zeros_(this.buffer('num_batches_tracked'))
    }
    if (this.weight !== null) ones_(this.weight)
    if (this.bias !== null) zeros_(this.bias)
  }

  override extraRepr(): string {
    const flags = `affine=${pythonBool(this.affine)}, bias=${pythonBool(this.bias !== null)}`
    const tracking = `track_running_stats=${pythonBool(this.trackRunningStats)}`
    const numbers = `eps=${pythonFloat(this.eps)}, momentum=${pythonFloat(this.momentum)}`
    return `${this.numFeatures}, ${numbers}, ${flags}, ${tracking}`
  }

  protected override forgivesMissing(name: string, version: number | null): boolean {
    return name === 'num_batches_tracked' && (version ?? 0) < 2
  }
}
