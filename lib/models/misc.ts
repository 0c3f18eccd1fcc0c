import { AdaptiveAvgPool2d } from '../nn/pooling.js'
import { ReLU, Sigmoid } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import type { NormLayer } from './resnet.js'

/** Makes an activation, as `() => new ReLU()` does. */
export type ActivationLayer = () => Module

/** Options of {@link Conv2dNormActivation}; names and defaults are torchvision's. */
export interface Conv2dNormActivationOptions {
  /** Default: `3`. */
  readonly kernelSize?: number | undefined
  /** Default: `1`. */
  readonly stride?: number | undefined
  /** Default: what keeps the size at a stride of 1. */
  readonly padding?: number | undefined
  /** Default: `1`. */
  readonly groups?: number | undefined
  /** Default: `1`. */
  readonly dilation?: number | undefined
  /** `null` leaves the normalization out. Default: {@link BatchNorm2d}. */
  readonly normLayer?: NormLayer | null | undefined
  /** `null` leaves the activation out. Default: a ReLU in place. */
  readonly activationLayer?: ActivationLayer | null | undefined
  /** Default: `true` without a normalization. */
  readonly bias?: boolean | undefined
}

const batchNorm: NormLayer = (numFeatures) => new BatchNorm2d(numFeatures)
const relu: ActivationLayer = () => new ReLU({ inplace: true })

/** A convolution, its normalization and its activation. State keys: `0`, `1`. Follows `torchvision.ops.Conv2dNormActivation`. */
export class Conv2dNormActivation extends Sequential {
  constructor(inChannels: number, outChannels: number, options: Conv2dNormActivationOptions = {}) {
    const { kernelSize = 3, stride = 1, groups = 1, dilation = 1 } = options
    const { normLayer = batchNorm, activationLayer = relu } = options
    const { padding = Math.floor((kernelSize - 1) / 2) * dilation, bias = normLayer === null } = options
    const layers: Module[] = [
      new Conv2d(inChannels, outChannels, kernelSize, { stride, padding, dilation, groups, bias }),
    ]
    if (normLayer !== null) layers.push(normLayer(outChannels))
    if (activationLayer !== null) layers.push(activationLayer())
    super(...layers)
  }
}

/** Options of {@link SqueezeExcitation}; names and defaults are torchvision's. */
export interface SqueezeExcitationOptions {
  /** Default: a ReLU. */
  readonly activation?: ActivationLayer | undefined
  /** Default: {@link Sigmoid}. */
  readonly scaleActivation?: ActivationLayer | undefined
}

/**
 * Weighs each channel by what all channels are on average: maps (N, C, H, W) to the same shape; https://arxiv.org/abs/1709.01507.
 *
 * State keys: `fc1`, `fc2`. Follows `torchvision.ops.SqueezeExcitation`.
 */
export class SqueezeExcitation extends Module {
  readonly avgpool: AdaptiveAvgPool2d
  readonly fc1: Conv2d
  readonly fc2: Conv2d
  readonly activation: Module
  readonly scale_activation: Module

  constructor(inputChannels: number, squeezeChannels: number, options: SqueezeExcitationOptions = {}) {
    super()
    const { activation = () => new ReLU(), scaleActivation = () => new Sigmoid() } = options
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.fc1 = new Conv2d(inputChannels, squeezeChannels, 1)
    this.fc2 = new Conv2d(squeezeChannels, inputChannels, 1)
    this.activation = activation()
    this.scale_activation = scaleActivation()
  }

  override forward(input: Tensor): Tensor {
    let scale = this.avgpool.forward(input)
    scale = this.fc1.forward(scale)
    scale = this.activation.forward(scale)
    scale = this.fc2.forward(scale)
    scale = this.scale_activation.forward(scale)
    return scale.mul(input)
  }
}

/** Linear layers with an activation between them. State keys: `0`, `3`. Follows `torchvision.ops.MLP` of two layers. */
export class MLP extends Sequential {
  constructor(inChannels: number, hiddenChannels: number, activationLayer: ActivationLayer, dropout = 0) {
    super(
      new Linear(inChannels, hiddenChannels),
      activationLayer(),
      new Dropout(dropout),
      new Linear(hiddenChannels, inChannels),
      new Dropout(dropout),
    )
  }
}

/** Gives a view with its dimensions in another order. Follows `torchvision.ops.Permute`. */
export class Permute extends Module {
  readonly dims: readonly number[]

  constructor(dims: readonly number[]) {
    super()
    this.dims = dims
  }

  override forward(input: Tensor): Tensor {
    return input.permute(this.dims)
  }
}

/** Rounds to a multiple of `divisor`, but by no more than a tenth downwards, as MobileNets do. */
export function makeDivisible(value: number, divisor: number, minValue = divisor): number {
  const rounded = Math.max(minValue, Math.floor(Math.trunc(value + divisor / 2) / divisor) * divisor)
  return rounded < 0.9 * value ? rounded + divisor : rounded
}

/** Rounds to the nearest integer, and halves to the even one, as Python's `round` does. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
