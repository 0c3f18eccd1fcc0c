import { checkBoolean, checkNumber, checkPositiveInteger, expected } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { Signature, type Passing } from '../util/signature.js'
import { handleOf } from '../tensor/handle.js'
import { ones, zeros } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { batchNorm } from './functional.js'
import { ones_, zeros_ } from './init.js'
import { Module } from './module.js'
import { emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'
import { pythonBool, pythonFloat } from './repr.js'

/** Options of {@link BatchNorm1d} and {@link BatchNorm2d}; names and defaults are PyTorch's. */
export interface BatchNormOptions extends FactoryOptions {
  /** Added to the variance before the square root. Default: `1e-5`. */
  readonly eps?: number | undefined
  /** Share of the newest batch in the running statistics, 0 to 1; `null` weighs all batches alike. Default: `0.1`. */
  readonly momentum?: number | null | undefined
  /** Learn a scale and a shift per channel. Default: `true`. */
  readonly affine?: boolean | undefined
  /** Keep running statistics, and normalize by them in evaluation mode. Default: `true`. */
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
 * Normalizes each channel of a batch to mean 0 and variance 1, then scales and shifts it: what the batch normalizations have in
 * common.
 *
 * State keys: `weight`, `bias`, `running_mean`, `running_var`, each (C), and `num_batches_tracked`, () int64.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `numFeatures` (C) is not a positive integer.
 */
abstract class BatchNorm extends Module {
  /** Since version 2 the state holds `num_batches_tracked`. */
  override readonly stateVersion = 2
  readonly numFeatures: number
  readonly eps: number
  readonly momentum: number | null
  readonly affine: boolean
  readonly trackRunningStats: boolean
  readonly weight: Parameter | null
  readonly bias: Parameter | null

  constructor(numFeatures: number, options?: BatchNormOptions)
  constructor(numFeatures: number, ...given: readonly unknown[]) {
    super()
    const signature = new Signature<BatchNormOptions>(`new ${new.target.name}`, ['numFeatures'], OPTIONS)
    const options = signature.read([numFeatures], given)
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, bias = true } = options
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

  /** Gives a tensor of the input's shape; updates the running statistics in training mode. */
  override forward(input: Tensor): Tensor {
    handleOf(input, 'input')
    this.checkInput(input)

    const { weight, bias, eps, trackRunningStats } = this
    if (!trackRunningStats) return batchNorm(input, null, null, { weight, bias, training: true, eps })
    const { training } = this
    const mean = this.buffer('running_mean')
    const variance = this.buffer('running_var')
    const momentum = training ? this.#momentumOfNextBatch() : 0
    const output = batchNorm(input, mean, variance, { weight, bias, training, momentum, eps })
    if (training) this.buffer('num_batches_tracked').add_(1)
    return output
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

  /** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless the input has the shape that this class normalizes. */
  protected abstract checkInput(input: Tensor): void

  /** Without a momentum the n-th batch weighs 1/n, which makes the plain average of all batches. */
  #momentumOfNextBatch(): number {
    return this.momentum ?? 1 / (Number(this.buffer('num_batches_tracked').item()) + 1)
  }
}

/** Normalizes vectors (N, C) or sequences (N, C, L), otherwise as {@link BatchNorm2d} does. Follows `torch.nn.BatchNorm1d`. */
export class BatchNorm1d extends BatchNorm {
  protected override checkInput(input: Tensor): void {
    if (input.ndim !== 2 && input.ndim !== 3) throw expected('a tensor (N, C) or (N, C, L)', 'input', input)
  }
}

/**
 * Normalizes each channel of images (N, C, H, W) to mean 0 and variance 1 over the batch, or by its running statistics in
 * evaluation mode, then scales and shifts it. Follows `torch.nn.BatchNorm2d`.
 *
 * State keys: `weight`, `bias`, `running_mean`, `running_var`, each (C), and `num_batches_tracked`, () int64.
 */
export class BatchNorm2d extends BatchNorm {
  protected override checkInput(input: Tensor): void {
    if (input.ndim !== 4) throw expected('a tensor (N, C, H, W)', 'input', input)
  }
}
