import { checkNumber, checkPositiveInteger, expected } from '../util/check.js'
import { ReLU } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { normal_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d } from '../nn/pooling.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawHead, initialize } from './initialize.js'
import { Conv2dNormActivation, makeDivisible, roundHalfEven, SqueezeExcitation } from './misc.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'
import type { NormLayer } from './resnet.js'

/** Options of {@link RegNet} and its factories; names and defaults are torchvision's. */
export interface RegNetOptions extends NetworkOptions {
  /** Channels of the stem. Default: `32`. */
  readonly stemWidth?: number | undefined
  /** Default: {@link BatchNorm2d}. */
  readonly normLayer?: NormLayer | undefined
}

/** The numbers of the paper's design space that say how wide and deep a {@link RegNet}'s stages are. */
export interface RegNetParams {
  /** Blocks of all stages. */
  readonly depth: number
  /** Channels of the first block, a multiple of 8. */
  readonly w0: number
  /** Channels that each block adds, before rounding. */
  readonly wa: number
  /** Factor of the channels from stage to stage, above 1. */
  readonly wm: number
  /** Channels of each group of a 3×3 convolution. */
  readonly groupWidth: number
  /** Share of a block's input channels between the layers of squeeze-and-excitation (RegNetY). Default: none (RegNetX). */
  readonly seRatio?: number | undefined
}

interface Stage {
  readonly width: number
  readonly depth: number
  readonly groupWidth: number
}

const OPTIONS = ['stemWidth', 'normLayer']
const QUANTUM = 8
const STRIDE = 2

const relu = (): ReLU => new ReLU({ inplace: true })

/** 1×1, grouped 3×3 and 1×1 convolutions, with squeeze-and-excitation before the last in a RegNetY. */
class BottleneckTransform extends Sequential {
  constructor(input: number, width: number, { stride, groupWidth, seRatio, normLayer }: BlockOptions) {
    const squeezed = seRatio === undefined ? null : roundHalfEven(seRatio * input)
    super([
      ['a', new Conv2dNormActivation(input, width, { kernelSize: 1, normLayer, activationLayer: relu })],
      [
        'b',
        new Conv2dNormActivation(width, width, {
          stride,
          groups: Math.floor(width / groupWidth),
          normLayer,
          activationLayer: relu,
        }),
      ],
      ...(squeezed === null
        ? []
        : [['se', new SqueezeExcitation(width, squeezed, { activation: relu })] as [string, Module]]),
      ['c', new Conv2dNormActivation(width, width, { kernelSize: 1, normLayer, activationLayer: null })],
    ])
  }
}

interface BlockOptions {
  readonly stride: number
  readonly groupWidth: number
  readonly seRatio: number | undefined
  readonly normLayer: NormLayer
}

/** The residual block of Fig. 3 of the paper. */
class ResBottleneckBlock extends Module {
  readonly proj: Conv2dNormActivation | null
  readonly f: BottleneckTransform
  readonly activation: ReLU

  constructor(input: number, width: number, options: BlockOptions) {
    super()
    const { stride, normLayer } = options
    this.proj =
      input === width && stride === 1
        ? null
        : new Conv2dNormActivation(input, width, { kernelSize: 1, stride, normLayer, activationLayer: null })
    this.f = new BottleneckTransform(input, width, options)
    this.activation = relu()
  }

  override forward(x: Tensor): Tensor {
    const identity = this.proj === null ? x : this.proj.forward(x)
    return this.activation.forward(identity.add(this.f.forward(x)))
  }
}

/**
 * RegNetX and RegNetY (https://arxiv.org/abs/2003.13678): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `stem`, `trunk_output` (`trunk_output.block1.block1-0.f.a.0.weight`), `fc`. Follows `torchvision.models.RegNet`,
 * its initialization included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class RegNet extends Module {
  stem: Conv2dNormActivation
  trunk_output: Sequential
  avgpool: AdaptiveAvgPool2d
  fc: Module

  constructor(params: RegNetParams, options: RegNetOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('RegNet', options, OPTIONS)
    const { stemWidth = 32, normLayer = (channels) => new BatchNorm2d(channels) } = options
    checkPositiveInteger('stemWidth', stemWidth)
    const { seRatio } = params

    this.stem = new Conv2dNormActivation(inputChannels, stemWidth, { stride: 2, normLayer, activationLayer: relu })
    let channels = stemWidth
    this.trunk_output = new Sequential(
      stagesOf(params).map(({ width, depth, groupWidth }, stage): [string, Module] => {
        const blocks = Array.from({ length: depth }, (_, block): [string, Module] => {
          const stride = block === 0 ? STRIDE : 1
          const input = block === 0 ? channels : width
          const options = { stride, groupWidth, seRatio, normLayer }
          return [`block${stage + 1}-${block}`, new ResBottleneckBlock(input, width, options)]
        })
        channels = width
        return [`block${stage + 1}`, new Sequential(blocks)]
      }),
    )
    this.avgpool = new AdaptiveAvgPool2d([1, 1])
    this.fc = new Linear(channels, numClasses)

    initialize(this, {
      conv(weight, { kernelSize: [height, width], outChannels }) {
        normal_(weight, 0, Math.sqrt(2 / (height * width * outChannels)))
      },
      // The convolutions of squeeze-and-excitation alone have one.
      keepConvBias: true,
      linear: drawHead,
    })
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.stem.forward(x)
    x = this.trunk_output.forward(x)
    x = this.avgpool.forward(x)
    x = x.flatten(1)
    return this.fc.forward(x)
  }
}

/** Equations 2 to 4 of the paper: widths grow evenly, are rounded to powers of `wm`, and equal ones make a stage. */
function stagesOf({ depth, w0, wa, wm, groupWidth, seRatio }: RegNetParams): Stage[] {
  checkPositiveInteger('depth', depth)
  checkPositiveInteger('groupWidth', groupWidth)
  for (const [name, value] of Object.entries({ w0, wa, wm, seRatio: seRatio ?? 0 })) checkNumber(name, value)
  if (wa < 0) throw expected('a number >= 0', 'wa', wa)
  if (w0 <= 0 || w0 % QUANTUM !== 0) throw expected(`a positive multiple of ${QUANTUM}`, 'w0', w0)
  if (wm <= 1) throw expected('a number above 1', 'wm', wm)

  const widths = Array.from({ length: depth }, (_, block) => {
    const power = roundHalfEven(Math.log((block * wa + w0) / w0) / Math.log(wm))
    return roundHalfEven((w0 * wm ** power) / QUANTUM) * QUANTUM
  })
  return [...new Set(widths)].map((width) => {
    const fitted = Math.min(groupWidth, width)
    return {
      width: makeDivisible(width, fitted),
      depth: widths.filter((each) => each === width).length,
      groupWidth: fitted,
    }
  })
}

/** Builds RegNetY-400MF, 4.3 million parameters. Follows `torchvision.models.regnet_y_400mf`, whose name it keeps. */
export function regnet_y_400mf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 16, w0: 48, wa: 27.89, wm: 2.09, groupWidth: 8, seRatio: 0.25 }, options)
}

/** Builds RegNetY-800MF, 6.4 million parameters. Follows `torchvision.models.regnet_y_800mf`, whose name it keeps. */
export function regnet_y_800mf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 14, w0: 56, wa: 38.84, wm: 2.4, groupWidth: 16, seRatio: 0.25 }, options)
}

/** Builds RegNetY-1.6GF, 11.2 million parameters. Follows `torchvision.models.regnet_y_1_6gf`, whose name it keeps. */
export function regnet_y_1_6gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 27, w0: 48, wa: 20.71, wm: 2.65, groupWidth: 24, seRatio: 0.25 }, options)
}

/** Builds RegNetY-3.2GF, 19.4 million parameters. Follows `torchvision.models.regnet_y_3_2gf`, whose name it keeps. */
export function regnet_y_3_2gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 21, w0: 80, wa: 42.63, wm: 2.66, groupWidth: 24, seRatio: 0.25 }, options)
}

/** Builds RegNetY-8GF, 39.4 million parameters. Follows `torchvision.models.regnet_y_8gf`, whose name it keeps. */
export function regnet_y_8gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 17, w0: 192, wa: 76.82, wm: 2.19, groupWidth: 56, seRatio: 0.25 }, options)
}

/** Builds RegNetY-16GF, 83.6 million parameters. Follows `torchvision.models.regnet_y_16gf`, whose name it keeps. */
export function regnet_y_16gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 18, w0: 200, wa: 106.23, wm: 2.48, groupWidth: 112, seRatio: 0.25 }, options)
}

/** Builds RegNetY-32GF, 145.0 million parameters. Follows `torchvision.models.regnet_y_32gf`, whose name it keeps. */
export function regnet_y_32gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 20, w0: 232, wa: 115.89, wm: 2.53, groupWidth: 232, seRatio: 0.25 }, options)
}

/** Builds RegNetY-128GF, 644.8 million parameters. Follows `torchvision.models.regnet_y_128gf`, whose name it keeps. */
export function regnet_y_128gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 27, w0: 456, wa: 160.83, wm: 2.52, groupWidth: 264, seRatio: 0.25 }, options)
}

/** Builds RegNetX-400MF, 5.5 million parameters. Follows `torchvision.models.regnet_x_400mf`, whose name it keeps. */
export function regnet_x_400mf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 22, w0: 24, wa: 24.48, wm: 2.54, groupWidth: 16 }, options)
}

/** Builds RegNetX-800MF, 7.3 million parameters. Follows `torchvision.models.regnet_x_800mf`, whose name it keeps. */
export function regnet_x_800mf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 16, w0: 56, wa: 35.73, wm: 2.28, groupWidth: 16 }, options)
}

/** Builds RegNetX-1.6GF, 9.2 million parameters. Follows `torchvision.models.regnet_x_1_6gf`, whose name it keeps. */
export function regnet_x_1_6gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 18, w0: 80, wa: 34.01, wm: 2.25, groupWidth: 24 }, options)
}

/** Builds RegNetX-3.2GF, 15.3 million parameters. Follows `torchvision.models.regnet_x_3_2gf`, whose name it keeps. */
export function regnet_x_3_2gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 25, w0: 88, wa: 26.31, wm: 2.25, groupWidth: 48 }, options)
}

/** Builds RegNetX-8GF, 39.6 million parameters. Follows `torchvision.models.regnet_x_8gf`, whose name it keeps. */
export function regnet_x_8gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 23, w0: 80, wa: 49.56, wm: 2.88, groupWidth: 120 }, options)
}

/** Builds RegNetX-16GF, 54.3 million parameters. Follows `torchvision.models.regnet_x_16gf`, whose name it keeps. */
export function regnet_x_16gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 22, w0: 216, wa: 55.59, wm: 2.1, groupWidth: 128 }, options)
}

/** Builds RegNetX-32GF, 107.8 million parameters. Follows `torchvision.models.regnet_x_32gf`, whose name it keeps. */
export function regnet_x_32gf(options: RegNetOptions = {}): RegNet {
  return new RegNet({ depth: 23, w0: 320, wa: 69.86, wm: 2, groupWidth: 168 }, options)
}
