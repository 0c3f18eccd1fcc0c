import { checkNumber, checkPositiveInteger, checkProbability, expected } from '../util/check.js'
import { ReLU6 } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { adaptiveAvgPool2d } from '../nn/functional.js'
import { kaimingNormal_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawHead, initialize } from './initialize.js'
import { Conv2dNormActivation, makeDivisible, roundHalfEven } from './misc.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'
import type { NormLayer } from './resnet.js'

/** Options of {@link MobileNetV2}; names and defaults are torchvision's. */
export interface MobileNetV2Options extends NetworkOptions {
  /** Factor of the channels of each layer. Default: `1`. */
  readonly widthMult?: number | undefined
  /** Channels are multiples of it. Default: `8`. */
  readonly roundNearest?: number | undefined
  /** Rows of (expansion, channels, blocks, stride). Default: table 2 of the paper. */
  readonly invertedResidualSetting?: readonly (readonly [number, number, number, number])[] | undefined
  /** Default: {@link BatchNorm2d}. */
  readonly normLayer?: NormLayer | undefined
  /** Probability of the head's input to be dropped in training mode. Default: `0.2`. */
  readonly dropout?: number | undefined
}

const OPTIONS = ['widthMult', 'roundNearest', 'invertedResidualSetting', 'normLayer', 'dropout']

// Expansion, channels, blocks and stride: table 2 of https://arxiv.org/abs/1801.04381.
const SETTING = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const

const relu6 = (): ReLU6 => new ReLU6({ inplace: true })

/** Widens, convolves each channel by itself, and narrows, beside a shortcut where the shape stays. */
class InvertedResidual extends Module {
  readonly conv: Sequential
  readonly #hasShortcut: boolean

  constructor(inp: number, oup: number, stride: number, expandRatio: number, normLayer: NormLayer) {
    super()
    const hidden = roundHalfEven(inp * expandRatio)
    const layers: Module[] = []
    if (expandRatio !== 1) {
      layers.push(new Conv2dNormActivation(inp, hidden, { kernelSize: 1, normLayer, activationLayer: relu6 }))
    }
    layers.push(
      new Conv2dNormActivation(hidden, hidden, { stride, groups: hidden, normLayer, activationLayer: relu6 }),
      new Conv2d(hidden, oup, 1, { bias: false }),
      normLayer(oup),
    )
    this.conv = new Sequential(...layers)
    this.#hasShortcut = stride === 1 && inp === oup
  }

  override forward(x: Tensor): Tensor {
    return this.#hasShortcut ? x.add(this.conv.forward(x)) : this.conv.forward(x)
  }
}

/**
 * MobileNetV2 (https://arxiv.org/abs/1801.04381): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `features` (`features.1.conv.0.0.weight`) and `classifier.1`. Follows `torchvision.models.MobileNetV2`, its
 * initialization included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class MobileNetV2 extends Module {
  features: Sequential
  classifier: Module

  constructor(options: MobileNetV2Options = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('MobileNetV2', options, OPTIONS)
    const { widthMult = 1, roundNearest = 8, invertedResidualSetting = SETTING, dropout = 0.2 } = options
    const { normLayer = (channels) => new BatchNorm2d(channels) } = options
    checkSetting(invertedResidualSetting)
    if (checkNumber('widthMult', widthMult) <= 0) throw expected('a number above 0', 'widthMult', widthMult)
    checkPositiveInteger('roundNearest', roundNearest)
    checkProbability('dropout', dropout)

    const widthOf = (channels: number): number => makeDivisible(channels * widthMult, roundNearest)
    const lastChannel = makeDivisible(1280 * Math.max(1, widthMult), roundNearest)
    let channels = widthOf(32)
    const layers: Module[] = [
      new Conv2dNormActivation(inputChannels, channels, { stride: 2, normLayer, activationLayer: relu6 }),
    ]
    for (const [expandRatio, out, blocks, firstStride] of invertedResidualSetting) {
      for (let block = 0; block < blocks; block++) {
        const stride = block === 0 ? firstStride : 1
        layers.push(new InvertedResidual(channels, widthOf(out), stride, expandRatio, normLayer))
        channels = widthOf(out)
      }
    }
    layers.push(new Conv2dNormActivation(channels, lastChannel, { kernelSize: 1, normLayer, activationLayer: relu6 }))
    this.features = new Sequential(...layers)
    this.classifier = new Sequential(new Dropout(dropout), new Linear(lastChannel, numClasses))

    initialize(this, { conv: (weight) => kaimingNormal_(weight, { mode: 'fan_out' }), linear: drawHead })
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.features.forward(x)
    x = adaptiveAvgPool2d(x, [1, 1])
    x = x.flatten(1)
    return this.classifier.forward(x)
  }
}

/** Builds MobileNetV2, 3.5 million parameters. Follows `torchvision.models.mobilenet_v2`, whose name it keeps. */
export function mobilenet_v2(options: MobileNetV2Options = {}): MobileNetV2 {
  return new MobileNetV2(options)
}

function checkSetting(setting: unknown): void {
  const isRow = (row: unknown): boolean =>
    Array.isArray(row) && row.length === 4 && row.every((n) => Number.isSafeInteger(n) && Number(n) > 0)
  if (!Array.isArray(setting) || setting.length === 0 || !setting.every(isRow)) {
    throw expected('rows of four positive integers', 'invertedResidualSetting', setting)
  }
}
