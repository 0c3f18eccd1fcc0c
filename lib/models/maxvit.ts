import { checkPositiveInteger, checkProbability, describeShape, expected } from '../util/check.js'
import { GELU, SiLU, Tanh } from '../nn/activation.js'
import { BatchNorm2d } from '../nn/batchnorm.js'
import { ModuleList, Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout, StochasticDepth } from '../nn/dropout.js'
import { Flatten } from '../nn/flatten.js'
import { softmax } from '../nn/functional.js'
import { normal_, truncNormal_ } from '../nn/init.js'
import { Identity, Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { LayerNorm } from '../nn/normalization.js'
import { emptyParameter, type Parameter } from '../nn/parameter.js'
import { AdaptiveAvgPool2d, AvgPool2d } from '../nn/pooling.js'
import type { Tensor } from '../tensor/tensor.js'
import { initialize } from './initialize.js'
import { Conv2dNormActivation, SqueezeExcitation } from './misc.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'
import { relativePositionBias, relativePositionIndex } from './windows.js'

/** Options of {@link MaxVit}'s factories; names and defaults are torchvision's. */
export interface MaxVitOptions extends NetworkOptions {
  /** Height and width of the image. Default: `224`. */
  readonly inputSize?: number | undefined
  /** Probability of an element of an MLP to be dropped in training mode. Default: `0`. */
  readonly mlpDropout?: number | undefined
  /** Probability of an element of an attention's output to be dropped in training mode. Default: `0`. */
  readonly attentionDropout?: number | undefined
  /** Probability of the last layer's branches to be left out in training mode. Default: `0.2`. */
  readonly stochasticDepthProb?: number | undefined
}

/** Sizes of a {@link MaxVit}; names are torchvision's. */
export interface MaxVitSizes {
  readonly stemChannels: number
  /** Height and width of a window, and of the grid. */
  readonly partitionSize: number
  readonly blockChannels: readonly number[]
  /** Layers of each block. */
  readonly blockLayers: readonly number[]
  /** Channels of each head of the attention. */
  readonly headDim: number
}

const OPTIONS = ['inputSize', 'mlpDropout', 'attentionDropout', 'stochasticDepthProb']
const EXPANSION_RATIO = 4
const SQUEEZE_RATIO = 0.25

const batchNorm = (channels: number): BatchNorm2d => new BatchNorm2d(channels, { eps: 1e-3, momentum: 0.01 })
const gelu = (): GELU => new GELU()

/** Widens, convolves each channel by itself, weighs the channels, and narrows, beside a shortcut: MBConv. */
class MBConv extends Module {
  readonly proj: Module
  readonly stochastic_depth: Module
  readonly layers: Sequential

  constructor(input: number, out: number, stride: number, prob: number) {
    super()
    const isSame = stride === 1 && input === out
    this.proj = isSame ? new Identity() : new Sequential(...shortcutOf(input, out, stride))
    this.stochastic_depth = prob > 0 ? new StochasticDepth(prob, 'row') : new Identity()

    const mid = out * EXPANSION_RATIO
    const squeezed = Math.trunc(out * SQUEEZE_RATIO)
    const options = { activationLayer: gelu, normLayer: batchNorm }
    this.layers = new Sequential([
      ['pre_norm', batchNorm(input)],
      ['conv_a', new Conv2dNormActivation(input, mid, { ...options, kernelSize: 1 })],
      ['conv_b', new Conv2dNormActivation(mid, mid, { ...options, stride, groups: mid })],
      ['squeeze_excitation', new SqueezeExcitation(mid, squeezed, { activation: () => new SiLU() })],
      ['conv_c', new Conv2d(mid, out, 1)],
    ])
  }

  override forward(x: Tensor): Tensor {
    const shortcut = this.proj.forward(x)
    return shortcut.add(this.stochastic_depth.forward(this.layers.forward(x)))
  }
}

/** Narrows the input, and halves it where the layer does. */
function shortcutOf(input: number, out: number, stride: number): Module[] {
  const narrow = new Conv2d(input, out, 1)
  return stride === 1 ? [narrow] : [new AvgPool2d(3, { stride, padding: 1 }), narrow]
}

/** Attention among the P patches of each of G groups: maps (N, G, P, C) to the same shape. */
class RelativePositionalMultiHeadAttention extends Module {
  readonly relative_position_bias_table: Parameter
  readonly to_qkv: Linear
  readonly merge: Linear
  readonly #size: number
  readonly #heads: number

  constructor(channels: number, headDim: number, size: number) {
    super()
    this.#size = size
    this.#heads = channels / headDim
    this.to_qkv = new Linear(channels, 3 * channels)
    this.merge = new Linear(channels, channels)
    this.relative_position_bias_table = emptyParameter([(2 * size - 1) ** 2, this.#heads], {})
    this.registerBuffer('relative_position_index', relativePositionIndex(size))
    truncNormal_(this.relative_position_bias_table, 0, 0.02)
  }

  override forward(x: Tensor): Tensor {
    const [batch = 0, groups = 0, patches = 0, channels = 0] = x.shape
    const heads = this.to_qkv
      .forward(x)
      .reshape(batch, groups, patches, 3, this.#heads, channels / this.#heads)
      .permute([3, 0, 1, 4, 2, 5])
    const [queries, keys, values] = [heads.select(0, 0), heads.select(0, 1), heads.select(0, 2)]

    const scores = queries.matmul(keys.mul(channels ** -0.5).transpose(-2, -1))
    const index = this.buffer('relative_position_index')
    const bias = relativePositionBias(this.relative_position_bias_table, index, this.#size)
    const attention = softmax(scores.add(bias), -1)

    const joined = attention.matmul(values).permute([0, 1, 3, 2, 4])
    return this.merge.forward(joined.reshape(batch, groups, patches, channels))
  }
}

/** Cuts (N, C, H, W) into windows of P pixels: (N, windows, P, C). */
class WindowPartition extends Module {
  readonly #size: number

  constructor(size: number) {
    super()
    this.#size = size
  }

  override forward(x: Tensor): Tensor {
    const [batch = 0, channels = 0, height = 0, width = 0] = x.shape
    const size = this.#size
    const [rows, columns] = [height / size, width / size]
    x = x.reshape(batch, channels, rows, size, columns, size).permute([0, 2, 4, 3, 5, 1])
    return x.reshape(batch, rows * columns, size * size, channels)
  }
}

/** Joins the windows of a {@link WindowPartition} to a square feature map. */
class WindowDepartition extends Module {
  readonly #size: number

  constructor(size: number) {
    super()
    this.#size = size
  }

  override forward(x: Tensor): Tensor {
    const [batch = 0, windows = 0, , channels = 0] = x.shape
    const size = this.#size
    const side = Math.sqrt(windows)
    x = x.reshape(batch, side, side, size, size, channels).permute([0, 5, 1, 3, 2, 4])
    return x.reshape(batch, channels, side * size, side * size)
  }
}

/** Swaps the windows with the pixels within: the pixels of a grid are those at one place of all windows. */
class SwapAxes extends Module {
  override forward(x: Tensor): Tensor {
    return x.transpose(-2, -3)
  }
}

/** Which pixels of a feature map attend to each other: those of a window, or those of a grid that spans the map. */
type PartitionType = 'window' | 'grid'

interface LayerSizes {
  readonly channels: number
  readonly headDim: number
  readonly partitionSize: number
  /** Height and width of the feature map. */
  readonly mapSize: number
  readonly mlpDropout: number
  readonly attentionDropout: number
  readonly stochasticDepthProb: number
}

/** Attention within the parts of (N, C, H, W), then an MLP, each normalized before and beside a shortcut. */
class PartitionAttentionLayer extends Module {
  readonly partition_op: WindowPartition
  readonly departition_op: WindowDepartition
  readonly partition_swap: Module
  readonly departition_swap: Module
  readonly attn_layer: Sequential
  readonly mlp_layer: Sequential
  readonly stochastic_dropout: StochasticDepth

  constructor(type: PartitionType, sizes: LayerSizes) {
    super()
    const { channels, headDim, partitionSize, mapSize, mlpDropout, attentionDropout, stochasticDepthProb } = sizes
    const size = type === 'window' ? partitionSize : mapSize / partitionSize
    this.partition_op = new WindowPartition(size)
    this.departition_op = new WindowDepartition(size)
    this.partition_swap = type === 'grid' ? new SwapAxes() : new Identity()
    this.departition_swap = type === 'grid' ? new SwapAxes() : new Identity()
    this.attn_layer = new Sequential(
      new LayerNorm(channels),
      new RelativePositionalMultiHeadAttention(channels, headDim, partitionSize),
      new Dropout(attentionDropout),
    )
    this.mlp_layer = new Sequential(
      new LayerNorm(channels),
      new Linear(channels, 4 * channels),
      gelu(),
      new Linear(4 * channels, channels),
      new Dropout(mlpDropout),
    )
    this.stochastic_dropout = new StochasticDepth(stochasticDepthProb, 'row')
  }

  override forward(x: Tensor): Tensor {
    const depth = this.stochastic_dropout
    x = this.partition_op.forward(x)
    x = this.partition_swap.forward(x)
    x = x.add(depth.forward(this.attn_layer.forward(x)))
    x = x.add(depth.forward(this.mlp_layer.forward(x)))
    x = this.departition_swap.forward(x)
    return this.departition_op.forward(x)
  }
}

/** A convolution, attention within windows, and attention along grids: Fig. 2 of the paper. */
class MaxVitLayer extends Module {
  readonly layers: Sequential

  constructor(input: number, stride: number, sizes: LayerSizes) {
    super()
    this.layers = new Sequential([
      ['MBconv', new MBConv(input, sizes.channels, stride, sizes.stochasticDepthProb)],
      ['window_attention', new PartitionAttentionLayer('window', sizes)],
      ['grid_attention', new PartitionAttentionLayer('grid', sizes)],
    ])
  }

  override forward(x: Tensor): Tensor {
    return this.layers.forward(x)
  }
}

/** Layers of one feature map, the first of which halves it. */
class MaxVitBlock extends Module {
  readonly layers: ModuleList

  constructor(layers: readonly MaxVitLayer[]) {
    super()
    this.layers = new ModuleList(layers)
  }

  override forward(x: Tensor): Tensor {
    for (const layer of this.layers) x = layer.forward(x)
    return x
  }
}

/**
 * MaxViT (https://arxiv.org/abs/2204.01697): maps (N, 3, inputSize, inputSize) to logits (N, numClasses).
 *
 * State keys: `stem`, `blocks` (`blocks.0.layers.0.layers.MBconv.proj.1.weight`), `classifier.2`, `classifier.3`, `classifier.5`.
 * Follows `torchvision.models.MaxVit`, its initialization included, **with square images**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range, an unknown option, and an image of another size.
 */
export class MaxVit extends Module {
  stem: Sequential
  blocks: ModuleList
  classifier: Module
  readonly inputSize: number

  constructor(sizes: MaxVitSizes, options: MaxVitOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('MaxVit', options, OPTIONS)
    const { inputSize = 224, mlpDropout = 0, attentionDropout = 0, stochasticDepthProb = 0.2 } = options
    const { stemChannels, partitionSize, blockChannels, blockLayers, headDim } = sizes
    const last = blockChannels.at(-1)
    if (last === undefined || blockLayers.length !== blockChannels.length) {
      throw expected(`${blockChannels.length} positive integers`, 'blockLayers', blockLayers)
    }
    for (const [name, value] of Object.entries({ mlpDropout, attentionDropout, stochasticDepthProb })) {
      checkProbability(name, value)
    }
    const mapSizes = mapSizesOf(checkPositiveInteger('inputSize', inputSize), blockChannels.length)
    if (mapSizes.some((size) => size % partitionSize !== 0)) {
      const text = `a size whose feature maps are multiples of ${partitionSize}, as 224 is,`
      throw expected(text, 'inputSize', inputSize)
    }
    this.inputSize = inputSize

    this.stem = new Sequential(
      new Conv2dNormActivation(inputChannels, stemChannels, {
        ...{ stride: 2, normLayer: batchNorm, activationLayer: gelu, bias: false },
      }),
      new Conv2dNormActivation(stemChannels, stemChannels, { normLayer: null, activationLayer: null, bias: true }),
    )
    const total = blockLayers.reduce((sum, layers) => sum + layers, 0)
    let made = 0
    let input = stemChannels
    const blocks = blockChannels.map((channels, block) => {
      const mapSize = mapSizes[block] ?? 0
      const layers = Array.from({ length: blockLayers[block] ?? 0 }, (_, index) => {
        const prob = (stochasticDepthProb * made++) / Math.max(1, total - 1)
        const shared = { channels, headDim, partitionSize, mapSize, mlpDropout, attentionDropout }
        const layer = new MaxVitLayer(input, index === 0 ? 2 : 1, { ...shared, stochasticDepthProb: prob })
        input = channels
        return layer
      })
      return new MaxVitBlock(layers)
    })
    this.blocks = new ModuleList(blocks)
    this.classifier = new Sequential(
      new AdaptiveAvgPool2d(1),
      new Flatten(),
      new LayerNorm(last),
      new Linear(last, last),
      new Tanh(),
      new Linear(last, numClasses, { bias: false }),
    )

    const draw = (weight: Parameter): Parameter => normal_(weight, 0, 0.02)
    initialize(this, { conv: draw, linear: draw })
  }

  /** Maps (N, inputChannels, inputSize, inputSize) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    const [count = 0, channels = 0, height, width] = x.shape
    const { inputSize } = this
    if (height !== inputSize || width !== inputSize) {
      throw expected(`a tensor ${describeShape([count, channels, inputSize, inputSize])}`, 'input', x)
    }

    x = this.stem.forward(x)
    for (const block of this.blocks) x = block.forward(x)
    return this.classifier.forward(x)
  }
}

/** Sides of the feature maps of the blocks: the stem halves the image, and each block what reaches it. */
function mapSizesOf(inputSize: number, blocks: number): number[] {
  const half = (size: number): number => Math.floor((size - 1) / 2) + 1
  let size = half(inputSize)
  return Array.from({ length: blocks }, () => (size = half(size)))
}

/** Builds MaxViT-T, 30.9 million parameters. Follows `torchvision.models.maxvit_t`, whose name it keeps. */
export function maxvit_t(options: MaxVitOptions = {}): MaxVit {
  const sizes = { stemChannels: 64, partitionSize: 7, headDim: 32 }
  return new MaxVit({ ...sizes, blockChannels: [64, 128, 256, 512], blockLayers: [2, 2, 5, 2] }, options)
}
