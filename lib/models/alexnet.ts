import { checkProbability } from '../util/check.js'
import { ReLU } from '../nn/activation.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pooling.js'
import type { Tensor } from '../tensor/tensor.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'

/** Options of {@link AlexNet}; names and defaults are torchvision's. */
export interface AlexNetOptions extends NetworkOptions {
  /** Probability of an input of the first two linear layers to be dropped in training mode. Default: `0.5`. */
  readonly dropout?: number | undefined
}

/**
 * AlexNet (https://arxiv.org/abs/1404.5997): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `features.0` to `features.10`, `classifier.1`, `classifier.4`, `classifier.6`. Follows `torchvision.models.AlexNet`,
 * its initialization included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class AlexNet extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Module

  constructor(options: AlexNetOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('AlexNet', options, ['dropout'])
    const { dropout = 0.5 } = options
    checkProbability('dropout', dropout)

    this.features = new Sequential(
      new Conv2d(inputChannels, 64, 11, { stride: 4, padding: 2 }),
      new ReLU({ inplace: true }),
      new MaxPool2d(3, { stride: 2 }),
      new Conv2d(64, 192, 5, { padding: 2 }),
      new ReLU({ inplace: true }),
      new MaxPool2d(3, { stride: 2 }),
      new Conv2d(192, 384, 3, { padding: 1 }),
      new ReLU({ inplace: true }),
      new Conv2d(384, 256, 3, { padding: 1 }),
      new ReLU({ inplace: true }),
      new Conv2d(256, 256, 3, { padding: 1 }),
      new ReLU({ inplace: true }),
      new MaxPool2d(3, { stride: 2 }),
    )
    this.avgpool = new AdaptiveAvgPool2d([6, 6])
    this.classifier = new Sequential(
      new Dropout(dropout),
      new Linear(256 * 6 * 6, 4096),
      new ReLU({ inplace: true }),
      new Dropout(dropout),
      new Linear(4096, 4096),
      new ReLU({ inplace: true }),
      new Linear(4096, numClasses),
    )
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.features.forward(x)
    x = this.avgpool.forward(x)
    x = x.flatten(1)
    return this.classifier.forward(x)
  }
}

/** Builds AlexNet, 61.1 million parameters. Follows `torchvision.models.alexnet`. */
export function alexnet(options: AlexNetOptions = {}): AlexNet {
  return new AlexNet(options)
}
