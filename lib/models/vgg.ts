import { checkProbability, expected } from '../util/check.js'
import { ReLU } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { kaimingNormal_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { AdaptiveAvgPool2d, MaxPool2d } from '../nn/pooling.js'
import type { Tensor } from '../tensor/tensor.js'
import { drawHead, initialize } from './initialize.js'
import { checkFormOptions, readNetworkOptions, type NetworkOptions } from './options.js'

/** Options of {@link VGG} and its factories; names and defaults are torchvision's. */
export interface VGGOptions extends NetworkOptions {
  /** Probability of an output of the first two linear layers to be dropped in training mode. Default: `0.5`. */
  readonly dropout?: number | undefined
}

/** Options of the constructor of {@link VGG}. */
export interface VGGConstructorOptions extends VGGOptions {
  /** Normalize after each convolution. Default: `false`. */
  readonly batchNorm?: boolean | undefined
}

/** Output channels of convolutions, and `M` for a max-pool, as in table 1 of the paper. */
export type VGGLayers = readonly (number | 'M')[]

// Columns of table 1 of https://arxiv.org/abs/1409.1556: convolutions of each of the five stages.
const STAGES = { A: [1, 1, 2, 2, 2], B: [2, 2, 2, 2, 2], D: [2, 2, 3, 3, 3], E: [2, 2, 4, 4, 4] } as const
const CHANNELS = [64, 128, 256, 512, 512] as const

/** Channels after {@link STAGES}: the head reads 7 · 7 of them. */
const OUT_CHANNELS = 512

/**
 * A plain stack of 3×3 convolutions (https://arxiv.org/abs/1409.1556): maps (N, 3, H, W) to logits (N, numClasses).
 *
 * State keys: `features.0` and on, `classifier.0`, `classifier.3`, `classifier.6`. Follows `torchvision.models.VGG`, its
 * initialization included, **with the list of layers instead of the layers**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class VGG extends Module {
  features: Sequential
  avgpool: AdaptiveAvgPool2d
  classifier: Module

  constructor(layers: VGGLayers, options: VGGConstructorOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('VGG', options, ['dropout', 'batchNorm'])
    const { dropout = 0.5, batchNorm = false } = options
    checkProbability('dropout', dropout)
    checkLayers(layers)

    this.features = makeLayers(layers, inputChannels, batchNorm)
    this.avgpool = new AdaptiveAvgPool2d([7, 7])
    this.classifier = new Sequential(
      new Linear(OUT_CHANNELS * 7 * 7, 4096),
      new ReLU({ inplace: true }),
      new Dropout(dropout),
      new Linear(4096, 4096),
      new ReLU({ inplace: true }),
      new Dropout(dropout),
      new Linear(4096, numClasses),
    )

    initialize(this, {
      conv: (weight) => kaimingNormal_(weight, { mode: 'fan_out', nonlinearity: 'relu' }),
      linear: drawHead,
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

function makeLayers(layers: VGGLayers, inputChannels: number, batchNorm: boolean): Sequential {
  const modules: Module[] = []
  let channels = inputChannels
  for (const layer of layers) {
    if (layer === 'M') {
      modules.push(new MaxPool2d(2, { stride: 2 }))
      continue
    }
    modules.push(new Conv2d(channels, layer, 3, { padding: 1 }))
    if (batchNorm) modules.push(new BatchNorm2d(layer))
    modules.push(new ReLU({ inplace: true }))
    channels = layer
  }
  return new Sequential(...modules)
}

function vgg(column: keyof typeof STAGES, batchNorm: boolean, options: VGGOptions): VGG {
  checkFormOptions('VGG', options, ['batchNorm'])
  const layers = STAGES[column].flatMap(
    (convs, stage) => [...Array<number>(convs).fill(CHANNELS[stage] ?? 0), 'M'] as const,
  )
  return new VGG(layers, { ...options, batchNorm })
}

/** Builds VGG-11, 132.9 million parameters. Follows `torchvision.models.vgg11`. */
export function vgg11(options: VGGOptions = {}): VGG {
  return vgg('A', false, options)
}

/** Builds VGG-11 with batch normalization, 132.9 million parameters. Follows `torchvision.models.vgg11_bn`, whose name it keeps. */
export function vgg11_bn(options: VGGOptions = {}): VGG {
  return vgg('A', true, options)
}

/** Builds VGG-13, 133.0 million parameters. Follows `torchvision.models.vgg13`. */
export function vgg13(options: VGGOptions = {}): VGG {
  return vgg('B', false, options)
}

/** Builds VGG-13 with batch normalization, 133.1 million parameters. Follows `torchvision.models.vgg13_bn`, whose name it keeps. */
export function vgg13_bn(options: VGGOptions = {}): VGG {
  return vgg('B', true, options)
}

/** Builds VGG-16, 138.4 million parameters. Follows `torchvision.models.vgg16`. */
export function vgg16(options: VGGOptions = {}): VGG {
  return vgg('D', false, options)
}

/** Builds VGG-16 with batch normalization, 138.4 million parameters. Follows `torchvision.models.vgg16_bn`, whose name it keeps. */
export function vgg16_bn(options: VGGOptions = {}): VGG {
  return vgg('D', true, options)
}

/** Builds VGG-19, 143.7 million parameters. Follows `torchvision.models.vgg19`. */
export function vgg19(options: VGGOptions = {}): VGG {
  return vgg('E', false, options)
}

/** Builds VGG-19 with batch normalization, 143.7 million parameters. Follows `torchvision.models.vgg19_bn`, whose name it keeps. */
export function vgg19_bn(options: VGGOptions = {}): VGG {
  return vgg('E', true, options)
}

function checkLayers(layers: unknown): void {
  const isLayer = (layer: unknown): boolean => layer === 'M' || (Number.isSafeInteger(layer) && Number(layer) > 0)
  const last = Array.isArray(layers) ? (layers as unknown[]).findLast((layer) => layer !== 'M') : undefined
  if (!Array.isArray(layers) || !layers.every(isLayer) || last !== OUT_CHANNELS) {
    throw expected(`channels and 'M', of which the last channels are ${OUT_CHANNELS},`, 'layers', layers)
  }
}
