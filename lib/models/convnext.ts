import { checkNumber, checkProbability, expected } from '../util/check.js'
import { GELU } from '../nn/activation.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { StochasticDepth } from '../nn/dropout.js'
import { Flatten } from '../nn/flatten.js'
import { layerNorm } from '../nn/functional.js'
import { truncNormal_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { LayerNorm } from '../nn/normalization.js'
import { Parameter } from '../nn/parameter.js'
import { AdaptiveAvgPool2d } from '../nn/pooling.js'
import { full } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { initialize } from './initialize.js'
import { Conv2dNormActivation, Permute } from './misc.js'
import { checkFormOptions, readNetworkOptions, type NetworkOptions } from './options.js'

/** Options of {@link ConvNeXt} and its factories; names and defaults are torchvision's. */
export interface ConvNeXtOptions extends NetworkOptions {
  /** Probability of the last block to be left out in training mode. Default: that of the model, 0.1 to 0.5. */
  readonly stochasticDepthProb?: number | undefined
  /** Factor of each branch at first. Default: `1e-6`. */
  readonly layerScale?: number | undefined
}

const OPTIONS = ['stochasticDepthProb', 'layerScale']
const EPS = 1e-6

/** Normalizes the channels of each pixel of (N, C, H, W). */
class LayerNorm2d extends LayerNorm {
  override forward(x: Tensor): Tensor {
    const { normalizedShape, weight, bias, eps } = this
    return layerNorm(x.permute([0, 2, 3, 1]), normalizedShape, { weight, bias, eps }).permute([0, 3, 1, 2])
  }
}

/** Convolves each channel by itself, and mixes the channels of each pixel, beside a shortcut: Fig. 4 of the paper. */
class CNBlock extends Module {
  readonly block: Sequential
  readonly layer_scale: Parameter
  readonly stochastic_depth: StochasticDepth

  constructor(dim: number, layerScale: number, prob: number) {
    super()
    this.block = new Sequential(
      new Conv2d(dim, dim, 7, { padding: 3, groups: dim }),
      new Permute([0, 2, 3, 1]),
      new LayerNorm(dim, { eps: EPS }),
      new Linear(dim, 4 * dim),
      new GELU(),
      new Linear(4 * dim, dim),
      new Permute([0, 3, 1, 2]),
    )
    this.layer_scale = new Parameter(full([dim, 1, 1], layerScale))
    this.stochastic_depth = new StochasticDepth(prob, 'row')
  }

  override forward(x: Tensor): Tensor {
    const result = this.layer_scale.mul(this.block.forward(x))
    return this.stochastic_depth.forward(result).add_(x)
  }
}

/**
 * ConvNeXt (https://arxiv.org/abs/2201.03545): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * `widths` and `depths` are the channels and blocks of the stages. State keys: `features`
 * (`features.1.0.layer_scale`), `classifier.0` and `classifier.2`. Follows `torchvision.models.ConvNeXt`, its initialization
 * included.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class ConvNeXt extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Module

  constructor(widths: readonly number[], depths: readonly number[], options: ConvNeXtOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('ConvNeXt', options, OPTIONS)
    const { stochasticDepthProb = 0, layerScale = 1e-6 } = options
    checkProbability('stochasticDepthProb', stochasticDepthProb)
    checkNumber('layerScale', layerScale)
    const [first] = widths
    const last = widths.at(-1)
    if (first === undefined || last === undefined || widths.length !== depths.length) {
      throw expected(`${widths.length} positive integers`, 'depths', depths)
    }

    const normLayer = (channels: number): LayerNorm2d => new LayerNorm2d(channels, { eps: EPS })
    const layers: Module[] = [
      new Conv2dNormActivation(inputChannels, first, {
        ...{ kernelSize: 4, stride: 4, padding: 0, normLayer, activationLayer: null, bias: true },
      }),
    ]
    const total = depths.reduce((sum, depth) => sum + depth, 0)
    let blocks = 0
    for (const [stage, width] of widths.entries()) {
      const made = Array.from({ length: depths[stage] ?? 0 }, () => {
        return new CNBlock(width, layerScale, (stochasticDepthProb * blocks++) / (total - 1))
      })
      layers.push(new Sequential(...made))
      const next = widths[stage + 1]
      if (next !== undefined) layers.push(new Sequential(normLayer(width), new Conv2d(width, next, 2, { stride: 2 })))
    }
    this.features = new Sequential(...layers)
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.classifier = new Sequential(normLayer(last), new Flatten(1), new Linear(last, numClasses))

    const draw = (weight: Parameter): Parameter => truncNormal_(weight, 0, 0.02)
    initialize(this, { conv: draw, linear: draw })
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.features.forward(x)
    x = this.avgpool.forward(x)
    return this.classifier.forward(x)
  }
}

function convnext(width: number, third: number, prob: number, options: ConvNeXtOptions): ConvNeXt {
  checkFormOptions('ConvNeXt', options)
  const { stochasticDepthProb = prob } = options
  return new ConvNeXt([width, 2 * width, 4 * width, 8 * width], [3, 3, third, 3], { ...options, stochasticDepthProb })
}

/** Builds ConvNeXt-T, 28.6 million parameters. Follows `torchvision.models.convnext_tiny`, whose name it keeps. */
export function convnext_tiny(options: ConvNeXtOptions = {}): ConvNeXt {
  return convnext(96, 9, 0.1, options)
}

/** Builds ConvNeXt-S, 50.2 million parameters. Follows `torchvision.models.convnext_small`, whose name it keeps. */
export function convnext_small(options: ConvNeXtOptions = {}): ConvNeXt {
  return convnext(96, 27, 0.4, options)
}

/** Builds ConvNeXt-B, 88.6 million parameters. Follows `torchvision.models.convnext_base`, whose name it keeps. */
export function convnext_base(options: ConvNeXtOptions = {}): ConvNeXt {
  return convnext(128, 27, 0.5, options)
}

/** Builds ConvNeXt-L, 197.8 million parameters. Follows `torchvision.models.convnext_large`, whose name it keeps. */
export function convnext_large(options: ConvNeXtOptions = {}): ConvNeXt {
  return convnext(192, 27, 0.5, options)
}
