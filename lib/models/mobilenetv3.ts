import { checkBoolean, checkNumber, checkProbability, expected } from '../util/check.js'
import { Hardsigmoid, Hardswish, ReLU } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Dropout } from '../nn/dropout.js'
import { kaimingNormal_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d } from '../nn/pooling.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawHead, initialize } from './initialize.js'
import { Conv2dNormActivation, makeDivisible, SqueezeExcitation } from './misc.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'
import type { NormLayer } from './resnet.js'

/** Options of {@link MobileNetV3} and its factories; names and defaults are torchvision's. */
export interface MobileNetV3Options extends NetworkOptions {
  /** Factor of the channels of each layer. Default: `1`. */
  readonly widthMult?: number | undefined
  /** Halve the channels of the last stage. Default: `false`. */
  readonly reducedTail?: boolean | undefined
  /** Dilate the last stage instead of halving the feature map. Default: `false`. */
  readonly dilated?: boolean | undefined
  /** Default: {@link BatchNorm2d} with `eps` 0.001 and `momentum` 0.01. */
  readonly normLayer?: NormLayer | undefined
  /** Probability of the head's input to be dropped in training mode. Default: `0.2`. */
  readonly dropout?: number | undefined
}

/** Sizes of a MobileNetV3, as in tables 1 and 2 of the paper. */
export type MobileNetV3Size = 'large' | 'small'

const OPTIONS = ['widthMult', 'reducedTail', 'dilated', 'normLayer', 'dropout']

/** Kernel, expanded and output channels, squeeze-and-excitation, activation, stride. */
type Row = readonly [
  kernel: number,
  expanded: number,
  out: number,
  se: boolean,
  activation: 'RE' | 'HS',
  stride: number,
]

// Tables 1 and 2 of https://arxiv.org/abs/1905.02244; the last three rows are the tail.
const LARGE: readonly Row[] = [
  [3, 16, 16, false, 'RE', 1],
  [3, 64, 24, false, 'RE', 2],
  [3, 72, 24, false, 'RE', 1],
  [5, 72, 40, true, 'RE', 2],
  [5, 120, 40, true, 'RE', 1],
  [5, 120, 40, true, 'RE', 1],
  [3, 240, 80, false, 'HS', 2],
  [3, 200, 80, false, 'HS', 1],
  [3, 184, 80, false, 'HS', 1],
  [3, 184, 80, false, 'HS', 1],
  [3, 480, 112, true, 'HS', 1],
  [3, 672, 112, true, 'HS', 1],
  [5, 672, 160, true, 'HS', 2],
  [5, 960, 160, true, 'HS', 1],
  [5, 960, 160, true, 'HS', 1],
]
const SMALL: readonly Row[] = [
  [3, 16, 16, true, 'RE', 2],
  [3, 72, 24, false, 'RE', 2],
  [3, 88, 24, false, 'RE', 1],
  [5, 96, 40, true, 'HS', 2],
  [5, 240, 40, true, 'HS', 1],
  [5, 240, 40, true, 'HS', 1],
  [5, 120, 48, true, 'HS', 1],
  [5, 144, 48, true, 'HS', 1],
  [5, 288, 96, true, 'HS', 2],
  [5, 576, 96, true, 'HS', 1],
  [5, 576, 96, true, 'HS', 1],
]
const SIZES = { large: { rows: LARGE, last: 1280 }, small: { rows: SMALL, last: 1024 } } as const
const TAIL = 3

const hardswish = (): Hardswish => new Hardswish({ inplace: true })
const relu = (): ReLU => new ReLU({ inplace: true })

interface Block {
  readonly kernel: number
  readonly input: number
  readonly expanded: number
  readonly out: number
  readonly se: boolean
  readonly activation: 'RE' | 'HS'
  readonly stride: number
  readonly dilation: number
}

/** Widens, convolves each channel by itself, weighs the channels, and narrows, beside a shortcut where the shape stays. */
class InvertedResidual extends Module {
  readonly block: Sequential
  readonly #hasShortcut: boolean

  constructor({ kernel, input, expanded, out, se, activation, stride, dilation }: Block, normLayer: NormLayer) {
    super()
    const activationLayer = activation === 'HS' ? hardswish : relu
    const layers: Module[] = []
    if (expanded !== input) {
      layers.push(new Conv2dNormActivation(input, expanded, { kernelSize: 1, normLayer, activationLayer }))
    }
    layers.push(
      new Conv2dNormActivation(expanded, expanded, {
        kernelSize: kernel,
        stride: dilation > 1 ? 1 : stride,
        dilation,
        groups: expanded,
        normLayer,
        activationLayer,
      }),
    )
    if (se) {
      const squeezed = makeDivisible(Math.floor(expanded / 4), 8)
      layers.push(new SqueezeExcitation(expanded, squeezed, { scaleActivation: () => new Hardsigmoid() }))
    }
    layers.push(new Conv2dNormActivation(expanded, out, { kernelSize: 1, normLayer, activationLayer: null }))
    this.block = new Sequential(...layers)
    this.#hasShortcut = stride === 1 && input === out
  }

  override forward(x: Tensor): Tensor {
    const result = this.block.forward(x)
    return this.#hasShortcut ? result.add_(x) : result
  }
}

/**
 * MobileNetV3 (https://arxiv.org/abs/1905.02244): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `features` (`features.1.block.0.0.weight`), `classifier.0` and `classifier.3`. Follows
 * `torchvision.models.MobileNetV3`, its initialization included, **with a size instead of a list of blocks**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class MobileNetV3 extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Module

  constructor(size: MobileNetV3Size, options: MobileNetV3Options = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('MobileNetV3', options, OPTIONS)
    if (!Object.hasOwn(SIZES, size)) throw expected("'large' or 'small'", 'size', size)
    const { widthMult = 1, reducedTail = false, dilated = false, dropout = 0.2 } = options
    const { normLayer = (channels) => new BatchNorm2d(channels, { eps: 0.001, momentum: 0.01 }) } = options
    if (checkNumber('widthMult', widthMult) <= 0) throw expected('a number above 0', 'widthMult', widthMult)
    const divider = checkBoolean('reducedTail', reducedTail) ? 2 : 1
    const tailDilation = checkBoolean('dilated', dilated) ? 2 : 1
    checkProbability('dropout', dropout)

    const { rows, last } = SIZES[size]
    const widthOf = (channels: number): number => makeDivisible(channels * widthMult, 8)
    let input = widthOf(16)
    const layers: Module[] = [
      new Conv2dNormActivation(inputChannels, input, { stride: 2, normLayer, activationLayer: hardswish }),
    ]
    for (const [index, [kernel, expanded, channels, se, activation, stride]] of rows.entries()) {
      const isTail = index >= rows.length - TAIL
      const out = widthOf(isTail ? channels / divider : channels)
      // The first block of the tail is as wide inside as the stage before it.
      const wide = widthOf(index > rows.length - TAIL ? expanded / divider : expanded)
      const dilation = isTail ? tailDilation : 1
      layers.push(
        new InvertedResidual({ kernel, input, expanded: wide, out, se, activation, stride, dilation }, normLayer),
      )
      input = out
    }
    layers.push(new Conv2dNormActivation(input, 6 * input, { kernelSize: 1, normLayer, activationLayer: hardswish }))
    const lastChannel = widthOf(last / divider)
    this.features = new Sequential(...layers)
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.classifier = new Sequential(
      new Linear(6 * input, lastChannel),
      hardswish(),
      new Dropout(dropout, { inplace: true }),
      new Linear(lastChannel, numClasses),
    )

    initialize(this, { conv: (weight) => kaimingNormal_(weight, { mode: 'fan_out' }), linear: drawHead })
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.features.forward(x)
    x = this.avgpool.forward(x)
    x = x.flatten(1)
    return this.classifier.forward(x)
  }
}

/** Builds MobileNetV3-Large, 5.5 million parameters. Follows `torchvision.models.mobilenet_v3_large`, whose name it keeps. */
export function mobilenet_v3_large(options: MobileNetV3Options = {}): MobileNetV3 {
  return new MobileNetV3('large', options)
}

/** Builds MobileNetV3-Small, 2.5 million parameters. Follows `torchvision.models.mobilenet_v3_small`, whose name it keeps. */
export function mobilenet_v3_small(options: MobileNetV3Options = {}): MobileNetV3 {
  return new MobileNetV3('small', options)
}
