import { checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import { isFloatingPoint } from '../util/dtype.js'
import { scope, synchronousScope } from '../util/scope.js'
import { tensor } from '../tensor/creation.js'
import { aten } from '../tensor/ops.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawInteger } from './chance.js'

/** Options of {@link MixUp} and {@link CutMix}. */
export interface MixOptions {
  /** Of the Beta distribution from which the share is drawn. Default: `1`. */
  readonly alpha?: number | undefined
  /** Number of classes; needed for labels that are indices. Default: none. */
  readonly numClasses?: number | null | undefined
}

/** A batch whose images are mixed. */
export interface MixedBatch {
  /** (N, C, H, W). */
  readonly images: Tensor
  /** (N, classes): the share of each class. */
  readonly labels: Tensor
}

/** Mixes each image of a batch with the one before it; the batch is taken to be shuffled. */
abstract class Mix {
  readonly alpha: number
  readonly numClasses: number | null

  constructor(name: string, options: MixOptions) {
    checkOptions(name, options, ['alpha', 'numClasses'], 'alpha')
    const { alpha = 1, numClasses = null } = options
    if (!(Number.isFinite(alpha) && alpha > 0)) throw expected('a positive number', 'alpha', alpha)
    this.alpha = alpha
    this.numClasses = numClasses === null ? null : checkPositiveInteger('numClasses', numClasses)
  }

  /**
   * Draws a share, and mixes images (N, C, H, W) of floats and their labels: int64 (N) indices, or (N, classes) shares. Gives new
   * tensors.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if images and labels differ in number, or the number of classes is missing.
   */
  apply(images: Tensor, labels: Tensor): MixedBatch {
    handleOf(images, 'images')
    handleOf(labels, 'labels')
    if (images.ndim !== 4 || !isFloatingPoint(images.dtype))
      throw expected('a tensor of floats (N, C, H, W)', 'images', images)
    if (labels.ndim !== 1 && labels.ndim !== 2) throw expected('a tensor (N) or (N, classes)', 'labels', labels)
    if (labels.ndim === 1 && this.numClasses === null) {
      throw expected('the number of classes, as labels are indices,', 'numClasses', null)
    }
    if (labels.ndim === 2 && this.numClasses !== null && labels.size(1) !== this.numClasses) {
      throw expected(`labels (N, ${this.numClasses})`, 'labels', labels)
    }
    if (labels.size(0) !== images.size(0)) throw expected(`${images.size(0)} labels, as images`, 'labels', labels)
    return scope(() => {
      const [mixed, share] = this.mix(images)
      const oneHot = labels.ndim === 1 ? aten('aten::one_hot', labels, this.numClasses) : labels
      return { images: mixed, labels: blended(isFloatingPoint(oneHot.dtype) ? oneHot : oneHot.float(), share) }
    })
  }

  toString(): string {
    return `${this.constructor.name}(alpha=${this.alpha}, num_classes=${this.numClasses ?? 'None'})`
  }

  /** Gives the mixed images, and the share of each image's own label. */
  protected abstract mix(images: Tensor): readonly [mixed: Tensor, share: number]

  /** Draws from Beta(alpha, alpha), as `torch.distributions.Beta` does. */
  protected drawShare(): number {
    return synchronousScope(
      () => aten('aten::_sample_dirichlet', tensor([[this.alpha, this.alpha]])).toFloat32Array()[0] ?? 0,
    )
  }
}

/**
 * Blends each image of a batch and its label with those before it, by a share by chance. Follows `torchvision.transforms.v2.MixUp`.
 *
 * @example
 * const mixed = new MixUp({ numClasses: 10 }).apply(images, labels)
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an option is not positive.
 */
export class MixUp extends Mix {
  constructor(options: MixOptions = {}) {
    super('MixUp', options)
  }

  protected override mix(images: Tensor): readonly [Tensor, number] {
    const share = this.drawShare()
    return [blended(images, share), share]
  }
}

/**
 * Puts a part of the image before it into each image of a batch, and mixes the labels by its area. Follows
 * `torchvision.transforms.v2.CutMix`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an option is not positive.
 */
export class CutMix extends Mix {
  constructor(options: MixOptions = {}) {
    super('CutMix', options)
  }

  protected override mix(images: Tensor): readonly [Tensor, number] {
    const [height, width] = [images.size(2), images.size(3)]
    const side = 0.5 * Math.sqrt(1 - this.drawShare())
    const [left, right] = spanOf(drawInteger(0, width), Math.trunc(side * width), width)
    const [top, bottom] = spanOf(drawInteger(0, height), Math.trunc(side * height), height)
    const part = (batch: Tensor): Tensor => batch.narrow(2, top, bottom - top).narrow(3, left, right - left)
    const mixed = images.clone()
    part(mixed).copy_(part(images.roll(1, 0)))
    return [mixed, 1 - ((right - left) * (bottom - top)) / (width * height)]
  }
}

function blended(values: Tensor, share: number): Tensor {
  return values
    .roll(1, 0)
    .mul_(1 - share)
    .add_(values.mul(share))
}

function spanOf(middle: number, half: number, size: number): readonly [start: number, end: number] {
  return [Math.max(middle - half, 0), Math.min(middle + half, size)]
}
