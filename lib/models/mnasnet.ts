import { checkNumber, checkProbability, expected } from '../util/check.js'
import { ReLU } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { kaimingNormal_, kaimingUniform_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { initialize } from './initialize.js'
import { makeDivisible } from './misc.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'

/** Options of {@link MNASNet}; names and defaults are torchvision's. */
export interface MNASNetOptions extends NetworkOptions {
  /** Probability of the head's input to be dropped in training mode. Default: `0.2`. */
  readonly dropout?: number | undefined
}

// The paper gives 0.9997 as TensorFlow counts it.
const MOMENTUM = 1 - 0.9997
const LAST_CHANNEL = 1280

// Channels, kernel, stride, expansion and blocks of the stages: Fig. 7 (a) of https://arxiv.org/abs/1807.11626.
const STAGES = [
  [24, 3, 2, 3, 3],
  [40, 5, 2, 3, 3],
  [80, 5, 2, 6, 3],
  [96, 3, 1, 6, 2],
  [192, 5, 2, 6, 4],
  [320, 3, 1, 6, 1],
] as const

const batchNorm = (channels: number): BatchNorm2d => new BatchNorm2d(channels, { momentum: MOMENTUM })
const relu = (): ReLU => new ReLU({ inplace: true })

/** Widens, convolves each channel by itself, and narrows, beside a shortcut where the shape stays. */
class _InvertedResidual extends Module {
  readonly layers: Sequential
  readonly #hasShortcut: boolean

  constructor(input: number, out: number, kernel: number, stride: number, expansion: number) {
    super()
    const mid = input * expansion
    const padding = Math.floor(kernel / 2)
    this.layers = new Sequential(
      new Conv2d(input, mid, 1, { bias: false }),
      batchNorm(mid),
      relu(),
      new Conv2d(mid, mid, kernel, { padding, stride, groups: mid, bias: false }),
      batchNorm(mid),
      relu(),
      new Conv2d(mid, out, 1, { bias: false }),
      batchNorm(out),
    )
    this.#hasShortcut = stride === 1 && input === out
  }

  override forward(x: Tensor): Tensor {
    return this.#hasShortcut ? this.layers.forward(x).add_(x) : this.layers.forward(x)
  }
}

/**
 * MnasNet-B1 (https://arxiv.org/abs/1807.11626): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * `alpha` is the factor of the channels. State keys: `layers` (`layers.8.0.layers.0.weight`) and `classifier.1`. Follows
 * `torchvision.models.MNASNet`, its initialization included, **without its version 1**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class MNASNet extends Module {
  override readonly stateVersion = 2
  layers: Sequential
  classifier: Module

  constructor(alpha: number, options: MNASNetOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('MNASNet', options, ['dropout'])
    const { dropout = 0.2 } = options
    if (checkNumber('alpha', alpha) <= 0) throw expected('a number above 0', 'alpha', alpha)
    checkProbability('dropout', dropout)

    const widthOf = (channels: number): number => makeDivisible(channels * alpha, 8)
    const stem = widthOf(32)
    let channels = widthOf(16)
    const layers: Module[] = [
      new Conv2d(inputChannels, stem, 3, { padding: 1, stride: 2, bias: false }),
      batchNorm(stem),
      relu(),
      new Conv2d(stem, stem, 3, { padding: 1, groups: stem, bias: false }),
      batchNorm(stem),
      relu(),
      new Conv2d(stem, channels, 1, { bias: false }),
      batchNorm(channels),
    ]
    for (const [width, kernel, firstStride, expansion, blocks] of STAGES) {
      const out = widthOf(width)
      const input = channels
      const stage = Array.from({ length: blocks }, (_, block) => {
        return new _InvertedResidual(block === 0 ? input : out, out, kernel, block === 0 ? firstStride : 1, expansion)
      })
      layers.push(new Sequential(...stage))
      channels = out
    }
    layers.push(new Conv2d(channels, LAST_CHANNEL, 1, { bias: false }), batchNorm(LAST_CHANNEL), relu())
    this.layers = new Sequential(...layers)
    this.classifier = new Sequential(new Dropout(dropout, { inplace: true }), new Linear(LAST_CHANNEL, numClasses))

    initialize(this, {
      conv: (weight) => kaimingNormal_(weight, { mode: 'fan_out', nonlinearity: 'relu' }),
      linear: (weight) => kaimingUniform_(weight, { mode: 'fan_out', nonlinearity: 'sigmoid' }),
    })
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.layers.forward(x)
    x = x.mean([2, 3])
    return this.classifier.forward(x)
  }
}

/** Builds MnasNet 0.5, 2.2 million parameters. Follows `torchvision.models.mnasnet0_5`, whose name it keeps. */
export function mnasnet0_5(options: MNASNetOptions = {}): MNASNet {
  return new MNASNet(0.5, options)
}

/** Builds MnasNet 0.75, 3.2 million parameters. Follows `torchvision.models.mnasnet0_75`, whose name it keeps. */
export function mnasnet0_75(options: MNASNetOptions = {}): MNASNet {
  return new MNASNet(0.75, options)
}

/** Builds MnasNet 1.0, 4.4 million parameters. Follows `torchvision.models.mnasnet1_0`, whose name it keeps. */
export function mnasnet1_0(options: MNASNetOptions = {}): MNASNet {
  return new MNASNet(1, options)
}

/** Builds MnasNet 1.3, 6.3 million parameters. Follows `torchvision.models.mnasnet1_3`, whose name it keeps. */
export function mnasnet1_3(options: MNASNetOptions = {}): MNASNet {
  return new MNASNet(1.3, options)
}
