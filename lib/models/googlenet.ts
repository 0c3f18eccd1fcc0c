import { checkBoolean, checkProbability, expected } from '../util/check.js'
import { scope } from '../util/scope.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d, type Conv2dOptions } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { adaptiveAvgPool2d, relu } from '../nn/functional.js'
import { truncNormal_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pooling.js'
import type { Size2d } from '../nn/checks.js'
import { cat } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'

/** Options that GoogLeNet and Inception v3 have in common; names and defaults are torchvision's. */
export interface InceptionOptions extends NetworkOptions {
  /** Have heads in the middle of the network, which help to train it and take no part in evaluation. Default: `true`. */
  readonly auxLogits?: boolean | undefined
  /**
   * Take images that are normalized by ImageNet's means and deviations, and bring them to those of 0.5 that torchvision's published
   * weights were trained with. Default: `false`.
   */
  readonly transformInput?: boolean | undefined
  /** Probability of the head's input to be dropped in training mode. Default: `0.2`, in Inception v3 `0.5`. */
  readonly dropout?: number | undefined
}

/** Options of {@link GoogLeNet}; names and defaults are torchvision's. */
export interface GoogLeNetOptions extends InceptionOptions {
  /** Probability of an element within the heads in the middle to be dropped in training mode. Default: `0.7`. */
  readonly dropoutAux?: number | undefined
}

/** What all heads of a {@link GoogLeNet} give: logits (N, numClasses). */
export interface GoogLeNetOutputs {
  readonly logits: Tensor
  /** Null without heads in the middle. */
  readonly auxLogits2: Tensor | null
  /** Null without heads in the middle. */
  readonly auxLogits1: Tensor | null
}

/** A convolution without bias, its normalization and a ReLU. State keys: `conv`, `bn`. */
export class BasicConv2d extends Module {
  readonly conv: Conv2d
  readonly bn: BatchNorm2d

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options: Conv2dOptions = {}) {
    super()
    this.conv = new Conv2d(inChannels, outChannels, kernelSize, { ...options, bias: false })
    this.bn = new BatchNorm2d(outChannels, { eps: 0.001 })
  }

  override forward(x: Tensor): Tensor {
    x = this.conv.forward(x)
    x = this.bn.forward(x)
    return relu(x, { inplace: true })
  }
}

/** Output channels of an {@link Inception}, as a row of table 1 of the paper. */
type Row = readonly [ch1x1: number, ch3x3red: number, ch3x3: number, ch5x5red: number, ch5x5: number, poolProj: number]

/** Looks at a feature map in four ways, side by side: Fig. 2 (b) of the paper. */
class Inception extends Module {
  readonly branch1: BasicConv2d
  readonly branch2: Sequential
  readonly branch3: Sequential
  readonly branch4: Sequential

  constructor(inChannels: number, [ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5, poolProj]: Row) {
    super()
    this.branch1 = new BasicConv2d(inChannels, ch1x1, 1)
    this.branch2 = new Sequential(
      new BasicConv2d(inChannels, ch3x3red, 1),
      new BasicConv2d(ch3x3red, ch3x3, 3, { padding: 1 }),
    )
    // 3×3 where the paper has 5×5: a fault of the weights that everyone has, https://github.com/pytorch/vision/issues/906.
    this.branch3 = new Sequential(
      new BasicConv2d(inChannels, ch5x5red, 1),
      new BasicConv2d(ch5x5red, ch5x5, 3, { padding: 1 }),
    )
    this.branch4 = new Sequential(
      new MaxPool2d(3, { stride: 1, padding: 1, ceilMode: true }),
      new BasicConv2d(inChannels, poolProj, 1),
    )
  }

  override forward(x: Tensor): Tensor {
    return cat(
      [this.branch1, this.branch2, this.branch3, this.branch4].map((branch) => branch.forward(x)),
      1,
    )
  }
}

/** A head in the middle of the network. */
class InceptionAux extends Module {
  readonly conv: BasicConv2d
  readonly fc1: Linear
  readonly fc2: Linear
  readonly dropout: Dropout

  constructor(inChannels: number, numClasses: number, dropout: number) {
    super()
    this.conv = new BasicConv2d(inChannels, 128, 1)
    this.fc1 = new Linear(2048, 1024)
    this.fc2 = new Linear(1024, numClasses)
    this.dropout = new Dropout(dropout)
  }

  override forward(x: Tensor): Tensor {
    x = adaptiveAvgPool2d(x, [4, 4])
    x = this.conv.forward(x)
    x = x.flatten(1)
    x = relu(this.fc1.forward(x), { inplace: true })
    x = this.dropout.forward(x)
    return this.fc2.forward(x)
  }
}

/**
 * GoogLeNet, the first Inception (https://arxiv.org/abs/1409.4842): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `conv1` to `conv3`, `inception3a` (`inception3a.branch2.0.conv.weight`) to `inception5b`, `aux1` and `aux2`, `fc`.
 * Follows `torchvision.models.GoogLeNet`, its initialization included, **but `forward` gives the logits alone in training mode as
 * well: {@link outputs} gives those of all heads**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class GoogLeNet extends Module {
  conv1: BasicConv2d
  maxpool1: MaxPool2d
  conv2: BasicConv2d
  conv3: BasicConv2d
  maxpool2: MaxPool2d
  inception3a: Inception
  inception3b: Inception
  maxpool3: MaxPool2d
  inception4a: Inception
  inception4b: Inception
  inception4c: Inception
  inception4d: Inception
  inception4e: Inception
  maxpool4: MaxPool2d
  inception5a: Inception
  inception5b: Inception
  aux1: Module | null
  aux2: Module | null
  avgpool: AdaptiveAvgPool2d
  dropout: Dropout
  fc: Module
  readonly transformInput: boolean

  constructor(options: GoogLeNetOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('GoogLeNet', options, [...INCEPTION_OPTIONS, 'dropoutAux'])
    const { auxLogits, transformInput, dropout } = readInceptionOptions(options, inputChannels, 0.2)
    const { dropoutAux = 0.7 } = options
    checkProbability('dropoutAux', dropoutAux)

    const half = { stride: 2, ceilMode: true }
    this.conv1 = new BasicConv2d(inputChannels, 64, 7, { stride: 2, padding: 3 })
    this.maxpool1 = new MaxPool2d(3, half)
    this.conv2 = new BasicConv2d(64, 64, 1)
    this.conv3 = new BasicConv2d(64, 192, 3, { padding: 1 })
    this.maxpool2 = new MaxPool2d(3, half)

    this.inception3a = new Inception(192, [64, 96, 128, 16, 32, 32])
    this.inception3b = new Inception(256, [128, 128, 192, 32, 96, 64])
    this.maxpool3 = new MaxPool2d(3, half)

    this.inception4a = new Inception(480, [192, 96, 208, 16, 48, 64])
    this.inception4b = new Inception(512, [160, 112, 224, 24, 64, 64])
    this.inception4c = new Inception(512, [128, 128, 256, 24, 64, 64])
    this.inception4d = new Inception(512, [112, 144, 288, 32, 64, 64])
    this.inception4e = new Inception(528, [256, 160, 320, 32, 128, 128])
    this.maxpool4 = new MaxPool2d(2, half)

    this.inception5a = new Inception(832, [256, 160, 320, 32, 128, 128])
    this.inception5b = new Inception(832, [384, 192, 384, 48, 128, 128])

    this.aux1 = auxLogits ? new InceptionAux(512, numClasses, dropoutAux) : null
    this.aux2 = auxLogits ? new InceptionAux(528, numClasses, dropoutAux) : null

    this.avgpool = new AdaptiveAvgPool2d([1, 1])
    this.dropout = new Dropout(dropout)
    this.fc = new Linear(1024, numClasses)
    this.transformInput = transformInput

    drawTruncated(this, () => 0.01)
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    return this.#compute(x, { withAux: false }).logits
  }

  /** Maps (N, inputChannels, H, W) to the logits of all heads, for a loss that counts those in the middle as well. */
  outputs(x: Tensor): GoogLeNetOutputs {
    return scope(() => this.#compute(x, { withAux: true }))
  }

  #compute(x: Tensor, { withAux }: { readonly withAux: boolean }): GoogLeNetOutputs {
    if (this.transformInput) x = transformInput(x)
    x = this.conv1.forward(x)
    x = this.maxpool1.forward(x)
    x = this.conv2.forward(x)
    x = this.conv3.forward(x)
    x = this.maxpool2.forward(x)

    x = this.inception3a.forward(x)
    x = this.inception3b.forward(x)
    x = this.maxpool3.forward(x)
    x = this.inception4a.forward(x)
    const auxLogits1 = withAux && this.aux1 !== null ? this.aux1.forward(x) : null

    x = this.inception4b.forward(x)
    x = this.inception4c.forward(x)
    x = this.inception4d.forward(x)
    const auxLogits2 = withAux && this.aux2 !== null ? this.aux2.forward(x) : null

    x = this.inception4e.forward(x)
    x = this.maxpool4.forward(x)
    x = this.inception5a.forward(x)
    x = this.inception5b.forward(x)

    x = this.avgpool.forward(x)
    x = x.flatten(1)
    x = this.dropout.forward(x)
    return { logits: this.fc.forward(x), auxLogits2, auxLogits1 }
  }
}

/** The names of {@link InceptionOptions} beside those of all networks. */
export const INCEPTION_OPTIONS = ['auxLogits', 'transformInput', 'dropout'] as const

/** Checks {@link InceptionOptions}, and gives them with their defaults. */
export function readInceptionOptions(
  { auxLogits = true, transformInput = false, dropout }: InceptionOptions,
  inputChannels: number,
  usualDropout: number,
): { readonly auxLogits: boolean; readonly transformInput: boolean; readonly dropout: number } {
  checkBoolean('auxLogits', auxLogits)
  if (checkBoolean('transformInput', transformInput) && inputChannels !== 3) {
    throw expected('3 with transformInput', 'inputChannels', inputChannels)
  }
  return { auxLogits, transformInput, dropout: checkProbability('dropout', dropout ?? usualDropout) }
}

// ImageNet's deviation and mean of each channel, torchvision.
const CHANNELS = [
  [0.229, 0.485],
  [0.224, 0.456],
  [0.225, 0.406],
] as const

/** Brings images (N, 3, H, W) that are normalized by ImageNet's means and deviations to those of 0.5. */
export function transformInput(x: Tensor): Tensor {
  const channels = CHANNELS.map(([std, mean], index) => {
    return x
      .narrow(1, index, 1)
      .mul(std / 0.5)
      .add((mean - 0.5) / 0.5)
  })
  return cat(channels, 1)
}

/** Draws the weights of convolutions and linear layers anew, in torchvision's order; biases stay. */
export function drawTruncated(model: Module, deviationOf: (layer: Module<unknown>) => number): void {
  for (const module of model.modules()) {
    if (!(module instanceof Conv2d || module instanceof Linear)) continue
    truncNormal_(module.weight, 0, deviationOf(module), -2, 2)
  }
}

/** Builds GoogLeNet, 13.0 million parameters with its heads in the middle. Follows `torchvision.models.googlenet`. */
export function googlenet(options: GoogLeNetOptions = {}): GoogLeNet {
  return new GoogLeNet(options)
}
