import { checkOneOf, checkProbability } from '../util/check.js'
import { ReLU } from '../nn/activation.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { kaimingUniform_, normal_ } from '../nn/init.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pooling.js'
import { cat } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { initialize } from './initialize.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'

/** Options of {@link SqueezeNet}; names and defaults are torchvision's. */
export interface SqueezeNetOptions extends NetworkOptions {
  /** Probability of an input of the last convolution to be dropped in training mode. Default: `0.5`. */
  readonly dropout?: number | undefined
}

/** Versions of {@link SqueezeNet}. */
export const SQUEEZENET_VERSIONS = ['1_0', '1_1'] as const

/** One of {@link SQUEEZENET_VERSIONS}. */
export type SqueezeNetVersion = (typeof SQUEEZENET_VERSIONS)[number]

/** A 1×1 convolution that narrows, and a 1×1 and a 3×3 one side by side that widen: `fire2` and on of the paper. */
class Fire extends Module {
  readonly squeeze: Conv2d
  readonly squeeze_activation: ReLU
  readonly expand1x1: Conv2d
  readonly expand1x1_activation: ReLU
  readonly expand3x3: Conv2d
  readonly expand3x3_activation: ReLU

  constructor(inplanes: number, squeezePlanes: number, expandPlanes: number) {
    super()
    this.squeeze = new Conv2d(inplanes, squeezePlanes, 1)
    this.squeeze_activation = new ReLU({ inplace: true })
    this.expand1x1 = new Conv2d(squeezePlanes, expandPlanes, 1)
    this.expand1x1_activation = new ReLU({ inplace: true })
    this.expand3x3 = new Conv2d(squeezePlanes, expandPlanes, 3, { padding: 1 })
    this.expand3x3_activation = new ReLU({ inplace: true })
  }

  override forward(x: Tensor): Tensor {
    x = this.squeeze_activation.forward(this.squeeze.forward(x))
    const one = this.expand1x1_activation.forward(this.expand1x1.forward(x))
    const three = this.expand3x3_activation.forward(this.expand3x3.forward(x))
    return cat([one, three], 1)
  }
}

const pool = (): MaxPool2d => new MaxPool2d(3, { stride: 2, ceilMode: true })

function features(version: SqueezeNetVersion, inputChannels: number): Module[] {
  if (version === '1_0') {
    return [
      new Conv2d(inputChannels, 96, 7, { stride: 2 }),
      new ReLU({ inplace: true }),
      pool(),
      new Fire(96, 16, 64),
      new Fire(128, 16, 64),
      new Fire(128, 32, 128),
      pool(),
      new Fire(256, 32, 128),
      new Fire(256, 48, 192),
      new Fire(384, 48, 192),
      new Fire(384, 64, 256),
      pool(),
      new Fire(512, 64, 256),
    ]
  }
  return [
    new Conv2d(inputChannels, 64, 3, { stride: 2 }),
    new ReLU({ inplace: true }),
    pool(),
    new Fire(64, 16, 64),
    new Fire(128, 16, 64),
    pool(),
    new Fire(128, 32, 128),
    new Fire(256, 32, 128),
    pool(),
    new Fire(256, 48, 192),
    new Fire(384, 48, 192),
    new Fire(384, 64, 256),
    new Fire(512, 64, 256),
  ]
}

/**
 * SqueezeNet (https://arxiv.org/abs/1602.07360): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `features` (`features.3.squeeze.weight`) and `classifier.1`. Follows `torchvision.models.SqueezeNet`, its
 * initialization included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class SqueezeNet extends Module {
  features: Sequential
  classifier: Module

  constructor(version: SqueezeNetVersion, options: SqueezeNetOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('SqueezeNet', options, ['dropout'])
    const { dropout = 0.5 } = options
    checkProbability('dropout', dropout)

    this.features = new Sequential(...features(checkOneOf('version', version, SQUEEZENET_VERSIONS), inputChannels))
    const last = new Conv2d(512, numClasses, 1)
    this.classifier = new Sequential(
      new Dropout(dropout),
      last,
      new ReLU({ inplace: true }),
      new AdaptiveAvgPool2d([1, 1]),
    )

    initialize(this, {
      conv: (weight, conv) => (conv === last ? normal_(weight, 0, 0.01) : kaimingUniform_(weight)),
    })
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.features.forward(x)
    x = this.classifier.forward(x)
    return x.flatten(1)
  }
}

/** Builds SqueezeNet 1.0, 1.2 million parameters. Follows `torchvision.models.squeezenet1_0`, whose name it keeps. */
export function squeezenet1_0(options: SqueezeNetOptions = {}): SqueezeNet {
  return new SqueezeNet('1_0', options)
}

/** Builds SqueezeNet 1.1, 1.2 million parameters. Follows `torchvision.models.squeezenet1_1`, whose name it keeps. */
export function squeezenet1_1(options: SqueezeNetOptions = {}): SqueezeNet {
  return new SqueezeNet('1_1', options)
}
