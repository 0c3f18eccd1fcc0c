import { checkProbability, expected } from '../util/check.js'
import { SiLU } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Dropout, StochasticDepth } from '../nn/dropout.js'
import { kaimingNormal_, uniform_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d } from '../nn/pooling.js'
import type { Tensor } from '../tensor/tensor.js'
import { initialize } from './initialize.js'
import { Conv2dNormActivation, makeDivisible, SqueezeExcitation } from './misc.js'
import { checkFormOptions, readNetworkOptions, type NetworkOptions } from './options.js'
import type { NormLayer } from './resnet.js'

/** Options of {@link EfficientNet} and its factories; names and defaults are torchvision's. */
export interface EfficientNetOptions extends NetworkOptions {
  /** Probability of the head's input to be dropped in training mode. Default: that of the model, 0.2 to 0.5. */
  readonly dropout?: number | undefined
  /** Probability of the last block to be left out in training mode. Default: `0.2`. */
  readonly stochasticDepthProb?: number | undefined
  /** Default: {@link BatchNorm2d}, from `efficientnet_b5` on with `eps` 0.001. */
  readonly normLayer?: NormLayer | undefined
}

/** A stage: blocks of one kind, of which the first one changes stride and channels. */
export interface EfficientNetStage {
  /** `MBConv` convolves each channel by itself; `FusedMBConv` does so with the widening. */
  readonly block: 'MBConv' | 'FusedMBConv'
  readonly expandRatio: number
  readonly kernel: number
  readonly stride: number
  readonly inputChannels: number
  readonly outChannels: number
  readonly numLayers: number
}

const OPTIONS = ['dropout', 'stochasticDepthProb', 'normLayer']

const silu = (): SiLU => new SiLU({ inplace: true })

/** What both kinds of blocks have in common: layers beside a shortcut where the shape stays. */
abstract class Block extends Module {
  readonly block: Sequential
  readonly stochastic_depth: StochasticDepth
  readonly #hasShortcut: boolean

  constructor(layers: readonly Module[], { stride, inputChannels, outChannels }: EfficientNetStage, prob: number) {
    super()
    this.block = new Sequential(...layers)
    this.stochastic_depth = new StochasticDepth(prob, 'row')
    this.#hasShortcut = stride === 1 && inputChannels === outChannels
  }

  override forward(x: Tensor): Tensor {
    const result = this.block.forward(x)
    return this.#hasShortcut ? this.stochastic_depth.forward(result).add_(x) : result
  }
}

/** Widens, convolves each channel by itself, weighs the channels, and narrows. */
class MBConv extends Block {
  constructor(stage: EfficientNetStage, prob: number, normLayer: NormLayer) {
    const { expandRatio, kernel: kernelSize, stride, inputChannels, outChannels } = stage
    const expanded = makeDivisible(inputChannels * expandRatio, 8)
    const layers: Module[] = []
    if (expanded !== inputChannels) {
      layers.push(
        new Conv2dNormActivation(inputChannels, expanded, { kernelSize: 1, normLayer, activationLayer: silu }),
      )
    }
    layers.push(
      new Conv2dNormActivation(expanded, expanded, {
        kernelSize,
        stride,
        groups: expanded,
        normLayer,
        activationLayer: silu,
      }),
      new SqueezeExcitation(expanded, Math.max(1, Math.floor(inputChannels / 4)), { activation: silu }),
      new Conv2dNormActivation(expanded, outChannels, { kernelSize: 1, normLayer, activationLayer: null }),
    )
    super(layers, stage, prob)
  }
}

/** Widens with the convolution itself, and narrows. */
class FusedMBConv extends Block {
  constructor(stage: EfficientNetStage, prob: number, normLayer: NormLayer) {
    const { expandRatio, kernel: kernelSize, stride, inputChannels, outChannels } = stage
    const expanded = makeDivisible(inputChannels * expandRatio, 8)
    const spatial = { kernelSize, stride, normLayer, activationLayer: silu }
    const layers =
      expanded === inputChannels
        ? [new Conv2dNormActivation(inputChannels, outChannels, spatial)]
        : [
            new Conv2dNormActivation(inputChannels, expanded, spatial),
            new Conv2dNormActivation(expanded, outChannels, { kernelSize: 1, normLayer, activationLayer: null }),
          ]
    super(layers, stage, prob)
  }
}

/**
 * EfficientNet (https://arxiv.org/abs/1905.11946) and EfficientNetV2 (https://arxiv.org/abs/2104.00298): maps (N, 3, H, W) to
 * logits (N, numClasses).
 *
 * State keys: `features` (`features.1.0.block.0.0.weight`) and `classifier.1`. Follows `torchvision.models.EfficientNet`, its
 * initialization included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class EfficientNet extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Module

  constructor(
    stages: readonly EfficientNetStage[],
    options: EfficientNetOptions & {
      /** Channels of the last convolution. Default: four times those of the last stage. */
      readonly lastChannel?: number | undefined
    } = {},
  ) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('EfficientNet', options, [...OPTIONS, 'lastChannel'])
    const { dropout = 0.2, stochasticDepthProb = 0.2, normLayer = (channels) => new BatchNorm2d(channels) } = options
    checkProbability('dropout', dropout)
    checkProbability('stochasticDepthProb', stochasticDepthProb)
    const [first] = stages
    const last = stages.at(-1)
    if (first === undefined || last === undefined) throw expected('stages', 'stages', stages)

    const layers: Module[] = [
      new Conv2dNormActivation(inputChannels, first.inputChannels, { stride: 2, normLayer, activationLayer: silu }),
    ]
    const total = stages.reduce((sum, { numLayers }) => sum + numLayers, 0)
    let blocks = 0
    for (const stage of stages) {
      const made = Array.from({ length: stage.numLayers }, (_, index) => {
        const own = index === 0 ? stage : { ...stage, inputChannels: stage.outChannels, stride: 1 }
        const prob = (stochasticDepthProb * blocks++) / total
        return stage.block === 'MBConv' ? new MBConv(own, prob, normLayer) : new FusedMBConv(own, prob, normLayer)
      })
      layers.push(new Sequential(...made))
    }
    const { lastChannel = 4 * last.outChannels } = options
    layers.push(
      new Conv2dNormActivation(last.outChannels, lastChannel, { kernelSize: 1, normLayer, activationLayer: silu }),
    )
    this.features = new Sequential(...layers)
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.classifier = new Sequential(new Dropout(dropout, { inplace: true }), new Linear(lastChannel, numClasses))

    initialize(this, {
      conv: (weight) => kaimingNormal_(weight, { mode: 'fan_out' }),
      linear: (weight, { outFeatures }) => {
        uniform_(weight, -1 / Math.sqrt(outFeatures), 1 / Math.sqrt(outFeatures))
      },
    })
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.features.forward(x)
    x = this.avgpool.forward(x)
    x = x.flatten(1)
    return this.classifier.forward(x)
  }
}

type Row = readonly [expandRatio: number, kernel: number, stride: number, input: number, out: number, layers: number]

// Table 1 of https://arxiv.org/abs/1905.11946: the stages of B0, of which the others are multiples.
const B0: readonly Row[] = [
  [1, 3, 1, 32, 16, 1],
  [6, 3, 2, 16, 24, 2],
  [6, 5, 2, 24, 40, 2],
  [6, 3, 2, 40, 80, 3],
  [6, 5, 1, 80, 112, 3],
  [6, 5, 2, 112, 192, 4],
  [6, 3, 1, 192, 320, 1],
]

// Table 4 of https://arxiv.org/abs/2104.00298 and the code published with it; the first three stages are fused.
const V2_S: readonly Row[] = [
  [1, 3, 1, 24, 24, 2],
  [4, 3, 2, 24, 48, 4],
  [4, 3, 2, 48, 64, 4],
  [4, 3, 2, 64, 128, 6],
  [6, 3, 1, 128, 160, 9],
  [6, 3, 2, 160, 256, 15],
]
const V2_M: readonly Row[] = [
  [1, 3, 1, 24, 24, 3],
  [4, 3, 2, 24, 48, 5],
  [4, 3, 2, 48, 80, 5],
  [4, 3, 2, 80, 160, 7],
  [6, 3, 1, 160, 176, 14],
  [6, 3, 2, 176, 304, 18],
  [6, 3, 1, 304, 512, 5],
]
const V2_L: readonly Row[] = [
  [1, 3, 1, 32, 32, 4],
  [4, 3, 2, 32, 64, 7],
  [4, 3, 2, 64, 96, 7],
  [4, 3, 2, 96, 192, 10],
  [6, 3, 1, 192, 224, 19],
  [6, 3, 2, 224, 384, 25],
  [6, 3, 1, 384, 640, 7],
]
const FUSED_STAGES = 3
const V2_LAST_CHANNEL = 1280

/** Both as published: TensorFlow's models, from which these were ported, have them. */
const TF_NORM = { eps: 0.001, momentum: 0.01 }

/** A model of the first paper: B0, wider and deeper. */
function scaled(widthMult: number, depthMult: number, dropout: number, options: EfficientNetOptions): EfficientNet {
  checkFormOptions('EfficientNet', options)
  const widthOf = (channels: number): number => makeDivisible(channels * widthMult, 8)
  const stages = B0.map(([expandRatio, kernel, stride, input, out, layers]) => ({
    block: 'MBConv' as const,
    expandRatio,
    kernel,
    stride,
    inputChannels: widthOf(input),
    outChannels: widthOf(out),
    numLayers: Math.ceil(layers * depthMult),
  }))
  return new EfficientNet(stages, { ...options, dropout: options.dropout ?? dropout })
}

function second(rows: readonly Row[], dropout: number, options: EfficientNetOptions): EfficientNet {
  checkFormOptions('EfficientNetV2', options, ['lastChannel'])
  const stages = rows.map(([expandRatio, kernel, stride, inputChannels, outChannels, numLayers], index) => ({
    block: index < FUSED_STAGES ? ('FusedMBConv' as const) : ('MBConv' as const),
    ...{ expandRatio, kernel, stride, inputChannels, outChannels, numLayers },
  }))
  const { normLayer = (channels) => new BatchNorm2d(channels, { eps: 0.001 }) } = options
  return new EfficientNet(stages, {
    ...options,
    dropout: options.dropout ?? dropout,
    normLayer,
    lastChannel: V2_LAST_CHANNEL,
  })
}

function withTfNorm(options: EfficientNetOptions): EfficientNetOptions {
  checkFormOptions('EfficientNet', options)
  const { normLayer = (channels) => new BatchNorm2d(channels, TF_NORM) } = options
  return { ...options, normLayer }
}

/** Builds EfficientNet-B0, 5.3 million parameters. Follows `torchvision.models.efficientnet_b0`, whose name it keeps. */
export function efficientnet_b0(options: EfficientNetOptions = {}): EfficientNet {
  return scaled(1, 1, 0.2, options)
}

/** Builds EfficientNet-B1, 7.8 million parameters. Follows `torchvision.models.efficientnet_b1`, whose name it keeps. */
export function efficientnet_b1(options: EfficientNetOptions = {}): EfficientNet {
  return scaled(1, 1.1, 0.2, options)
}

/** Builds EfficientNet-B2, 9.1 million parameters. Follows `torchvision.models.efficientnet_b2`, whose name it keeps. */
export function efficientnet_b2(options: EfficientNetOptions = {}): EfficientNet {
  return scaled(1.1, 1.2, 0.3, options)
}

/** Builds EfficientNet-B3, 12.2 million parameters. Follows `torchvision.models.efficientnet_b3`, whose name it keeps. */
export function efficientnet_b3(options: EfficientNetOptions = {}): EfficientNet {
  return scaled(1.2, 1.4, 0.3, options)
}

/** Builds EfficientNet-B4, 19.3 million parameters. Follows `torchvision.models.efficientnet_b4`, whose name it keeps. */
export function efficientnet_b4(options: EfficientNetOptions = {}): EfficientNet {
  return scaled(1.4, 1.8, 0.4, options)
}

/** Builds EfficientNet-B5, 30.4 million parameters. Follows `torchvision.models.efficientnet_b5`, whose name it keeps. */
export function efficientnet_b5(options: EfficientNetOptions = {}): EfficientNet {
  return scaled(1.6, 2.2, 0.4, withTfNorm(options))
}

/** Builds EfficientNet-B6, 43.0 million parameters. Follows `torchvision.models.efficientnet_b6`, whose name it keeps. */
export function efficientnet_b6(options: EfficientNetOptions = {}): EfficientNet {
  return scaled(1.8, 2.6, 0.5, withTfNorm(options))
}

/** Builds EfficientNet-B7, 66.3 million parameters. Follows `torchvision.models.efficientnet_b7`, whose name it keeps. */
export function efficientnet_b7(options: EfficientNetOptions = {}): EfficientNet {
  return scaled(2, 3.1, 0.5, withTfNorm(options))
}

/** Builds EfficientNetV2-S, 21.5 million parameters. Follows `torchvision.models.efficientnet_v2_s`, whose name it keeps. */
export function efficientnet_v2_s(options: EfficientNetOptions = {}): EfficientNet {
  return second(V2_S, 0.2, options)
}

/** Builds EfficientNetV2-M, 54.1 million parameters. Follows `torchvision.models.efficientnet_v2_m`, whose name it keeps. */
export function efficientnet_v2_m(options: EfficientNetOptions = {}): EfficientNet {
  return second(V2_M, 0.3, options)
}

/** Builds EfficientNetV2-L, 118.5 million parameters. Follows `torchvision.models.efficientnet_v2_l`, whose name it keeps. */
export function efficientnet_v2_l(options: EfficientNetOptions = {}): EfficientNet {
  return second(V2_L, 0.4, options)
}
