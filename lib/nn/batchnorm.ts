import { expected } from '../util/check.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { batchNorm } from './functional.js'
import { NormBase, type BatchNormOptions } from './norm_base.js'

/**
 * Normalizes each channel of a batch to mean 0 and variance 1, then scales and shifts it: what the batch normalizations have in
 * common.
 *
 * State keys: `weight`, `bias`, `running_mean`, `running_var`, each (C), and `num_batches_tracked`, () int64.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `numFeatures` (C) is not a positive integer.
 */
abstract class BatchNorm extends NormBase {
  constructor(numFeatures: number, options?: BatchNormOptions)
  constructor(numFeatures: number, ...given: readonly unknown[]) {
    super(numFeatures, given, true)
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
