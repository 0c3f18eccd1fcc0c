import { expected } from '../util/check.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkImages } from './checks.js'
import { instanceNorm } from './functional.js'
import { NormBase, type BatchNormOptions } from './norm_base.js'

/**
 * Normalizes each channel of each image (N, C, H, W), or of one image (C, H, W), to mean 0 and variance 1. `affine` and
 * `trackRunningStats` are false by default.
 *
 * State keys: `weight` and `bias` if `affine`, each (C); `running_mean`, `running_var`, each (C), and `num_batches_tracked`, () int64,
 * if `trackRunningStats`. Follows `torch.nn.InstanceNorm2d`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `numFeatures` (C) is not a positive integer.
 */
export class InstanceNorm2d extends NormBase {
  constructor(numFeatures: number, options?: BatchNormOptions)
  constructor(numFeatures: number, ...given: readonly unknown[]) {
    super(numFeatures, given, false)
  }

  /** Gives a tensor of the input's shape; updates the running statistics in training mode. */
  override forward(input: Tensor): Tensor {
    checkImages(input)
    if (input.size(-3) !== this.numFeatures) throw expected(`images of ${this.numFeatures} channels`, 'input', input)
    const { weight, bias, eps, trackRunningStats, training } = this
    // Without a momentum PyTorch leaves the statistics as they are.
    const momentum = this.momentum ?? 0
    const runningMean = trackRunningStats ? this.buffer('running_mean') : null
    const runningVar = trackRunningStats ? this.buffer('running_var') : null
    const useInputStats = training || !trackRunningStats
    const batch = input.ndim === 3 ? input.unsqueeze(0) : input
    const output = instanceNorm(batch, { runningMean, runningVar, weight, bias, useInputStats, momentum, eps })
    return input.ndim === 3 ? output.squeeze(0) : output
  }
}
