import { checkPositiveInteger, checkProbability, expected, isIntegerArray } from '../util/check.js'
import { ReLU } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { adaptiveAvgPool2d, dropout, relu } from '../nn/functional.js'
import { kaimingNormal_, zeros_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AvgPool2d, MaxPool2d } from '../nn/pooling.js'
import { cat } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { initialize } from './initialize.js'
import { checkFormOptions, readNetworkOptions, type NetworkOptions } from './options.js'

/** Options of {@link DenseNet}'s factories; names and defaults are torchvision's. */
export interface DenseNetOptions extends NetworkOptions {
  /** Channels between the convolutions of a layer, for each that it adds. Default: `4`. */
  readonly bnSize?: number | undefined
  /** Probability of an added channel's element to be dropped in training mode. Default: `0`. */
  readonly dropRate?: number | undefined
}

/** Options of the constructor of {@link DenseNet}. */
export interface DenseNetConstructorOptions extends DenseNetOptions {
  /** Channels that each layer adds. Default: `32`. */
  readonly growthRate?: number | undefined
  /** Layers of each block. Default: `[6, 12, 24, 16]`. */
  readonly blockConfig?: readonly number[] | undefined
  /** Channels of the first convolution. Default: `64`. */
  readonly numInitFeatures?: number | undefined
}

const OPTIONS = ['bnSize', 'dropRate', 'growthRate', 'blockConfig', 'numInitFeatures']

/** Makes new channels from all that the block has made so far. */
class _DenseLayer extends Module {
  readonly norm1: BatchNorm2d
  readonly relu1: ReLU
  readonly conv1: Conv2d
  readonly norm2: BatchNorm2d
  readonly relu2: ReLU
  readonly conv2: Conv2d
  readonly #dropRate: number

  constructor(inputs: number, growthRate: number, bnSize: number, dropRate: number) {
    super()
    this.norm1 = new BatchNorm2d(inputs)
    this.relu1 = new ReLU({ inplace: true })
    this.conv1 = new Conv2d(inputs, bnSize * growthRate, 1, { bias: false })
    this.norm2 = new BatchNorm2d(bnSize * growthRate)
    this.relu2 = new ReLU({ inplace: true })
    this.conv2 = new Conv2d(bnSize * growthRate, growthRate, 3, { padding: 1, bias: false })
    this.#dropRate = dropRate
  }

  override forward(...features: Tensor[]): Tensor {
    const joined = cat(features, 1)
    const bottleneck = this.conv1.forward(this.relu1.forward(this.norm1.forward(joined)))
    const added = this.conv2.forward(this.relu2.forward(this.norm2.forward(bottleneck)))
    return this.#dropRate > 0 ? dropout(added, { p: this.#dropRate, training: this.training }) : added
  }
}

/** Layers each of which reads the outputs of all before it. */
class _DenseBlock extends Module {
  readonly #layers: readonly _DenseLayer[]

  constructor(layers: readonly _DenseLayer[]) {
    super()
    this.#layers = layers
    for (const [index, layer] of layers.entries()) this.registerModule(`denselayer${index + 1}`, layer)
  }

  override forward(x: Tensor): Tensor {
    const features = [x]
    for (const layer of this.#layers) features.push(layer.forward(...features))
    return cat(features, 1)
  }
}

/** Halves channels and feature map between two blocks. */
class _Transition extends Sequential {
  constructor(inputs: number, outputs: number) {
    super([
      ['norm', new BatchNorm2d(inputs)],
      ['relu', new ReLU({ inplace: true })],
      ['conv', new Conv2d(inputs, outputs, 1, { bias: false })],
      ['pool', new AvgPool2d(2, { stride: 2 })],
    ])
  }
}

/**
 * DenseNet (https://arxiv.org/abs/1608.06993): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `features` (`features.denseblock1.denselayer1.norm1.weight`) and `classifier`. Follows
 * `torchvision.models.DenseNet`, its initialization included, **without `memory_efficient`**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class DenseNet extends Module {
  features: Sequential
  classifier: Module

  constructor(options: DenseNetConstructorOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('DenseNet', options, OPTIONS)
    const { growthRate = 32, blockConfig = [6, 12, 24, 16], numInitFeatures = 64, bnSize = 4, dropRate = 0 } = options
    for (const [name, value] of Object.entries({ growthRate, numInitFeatures, bnSize }))
      checkPositiveInteger(name, value)
    checkProbability('dropRate', dropRate)
    if (!isIntegerArray(blockConfig) || blockConfig.length === 0 || blockConfig.some((depth) => depth < 1)) {
      throw expected('positive integers', 'blockConfig', blockConfig)
    }

    const features: [string, Module][] = [
      ['conv0', new Conv2d(inputChannels, numInitFeatures, 7, { stride: 2, padding: 3, bias: false })],
      ['norm0', new BatchNorm2d(numInitFeatures)],
      ['relu0', new ReLU({ inplace: true })],
      ['pool0', new MaxPool2d(3, { stride: 2, padding: 1 })],
    ]
    let channels = numInitFeatures
    for (const [index, depth] of blockConfig.entries()) {
      const layers = Array.from({ length: depth }, (_, layer) => {
        return new _DenseLayer(channels + layer * growthRate, growthRate, bnSize, dropRate)
      })
      features.push([`denseblock${index + 1}`, new _DenseBlock(layers)])
      channels += depth * growthRate
      if (index === blockConfig.length - 1) continue
      const halved = Math.floor(channels / 2)
      features.push([`transition${index + 1}`, new _Transition(channels, halved)])
      channels = halved
    }
    features.push(['norm5', new BatchNorm2d(channels)])
    this.features = new Sequential(features)
    const head = new Linear(channels, numClasses)
    this.classifier = head

    initialize(this, { conv: (weight) => kaimingNormal_(weight) })
    // Its weight stays as a linear layer draws it.
    if (head.bias !== null) zeros_(head.bias)
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.features.forward(x)
    x = relu(x, { inplace: true })
    x = adaptiveAvgPool2d(x, [1, 1])
    x = x.flatten(1)
    return this.classifier.forward(x)
  }
}

/** Builds DenseNet-121, 8.0 million parameters. Follows `torchvision.models.densenet121`. */
export function densenet121(options: DenseNetOptions = {}): DenseNet {
  return new DenseNet(options)
}

/** Builds DenseNet-161, 28.7 million parameters. Follows `torchvision.models.densenet161`. */
export function densenet161(options: DenseNetOptions = {}): DenseNet {
  checkFormOptions('densenet161', options, ['growthRate', 'blockConfig', 'numInitFeatures'])
  return new DenseNet({ ...options, growthRate: 48, blockConfig: [6, 12, 36, 24], numInitFeatures: 96 })
}

/** Builds DenseNet-169, 14.1 million parameters. Follows `torchvision.models.densenet169`. */
export function densenet169(options: DenseNetOptions = {}): DenseNet {
  checkFormOptions('densenet169', options, ['blockConfig'])
  return new DenseNet({ ...options, blockConfig: [6, 12, 32, 32] })
}

/** Builds DenseNet-201, 20.0 million parameters. Follows `torchvision.models.densenet201`. */
export function densenet201(options: DenseNetOptions = {}): DenseNet {
  checkFormOptions('densenet201', options, ['blockConfig'])
  return new DenseNet({ ...options, blockConfig: [6, 12, 48, 32] })
}
