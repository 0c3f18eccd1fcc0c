import { checkPositiveInteger, checkProbability, describeShape, expected } from '../util/check.js'
import { GELU, Tanh } from '../nn/activation.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { Dropout } from '../nn/dropout.js'
import { normal_, truncNormal_, xavierUniform_, zeros_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { MultiheadAttention } from '../nn/multihead_attention.js'
import { LayerNorm } from '../nn/normalization.js'
import { emptyParameter, type Parameter } from '../nn/parameter.js'
import { cat } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { MLP } from './misc.js'
import { readNetworkOptions, type NetworkOptions } from './options.js'

/** Options of {@link VisionTransformer}'s factories; names and defaults are torchvision's. */
export interface VisionTransformerOptions extends NetworkOptions {
  /** Height and width of the image, a multiple of the patch's. Default: `224`. */
  readonly imageSize?: number | undefined
  /** Probability of an element to be dropped in training mode. Default: `0`. */
  readonly dropout?: number | undefined
  /** Probability of a weight of the attention to be dropped in training mode. Default: `0`. */
  readonly attentionDropout?: number | undefined
  /** Outputs of a layer before the head's last one, with a tanh between them. Default: `null`, no such layer. */
  readonly representationSize?: number | null | undefined
}

/** Sizes of a {@link VisionTransformer}; names are torchvision's. */
export interface VisionTransformerSizes {
  /** Height and width of a patch in pixels. */
  readonly patchSize: number
  readonly numLayers: number
  readonly numHeads: number
  /** Elements of a token. */
  readonly hiddenDim: number
  /** Outputs of the first linear layer of each block's MLP. */
  readonly mlpDim: number
}

const OPTIONS = ['imageSize', 'dropout', 'attentionDropout', 'representationSize']
const EPS = 1e-6

class MLPBlock extends MLP {
  override readonly stateVersion = 2

  constructor(dim: number, mlpDim: number, dropout: number) {
    super(dim, mlpDim, () => new GELU(), dropout)
    drawMlp(this)
  }
}

/** Attention, then an MLP, each normalized before and beside a shortcut. */
class EncoderBlock extends Module {
  readonly ln_1: LayerNorm
  readonly self_attention: MultiheadAttention
  readonly dropout: Dropout
  readonly ln_2: LayerNorm
  readonly mlp: MLPBlock

  constructor({ hiddenDim, numHeads, mlpDim }: VisionTransformerSizes, dropout: number, attentionDropout: number) {
    super()
    this.ln_1 = new LayerNorm(hiddenDim, { eps: EPS })
    this.self_attention = new MultiheadAttention(hiddenDim, numHeads, { dropout: attentionDropout, batchFirst: true })
    this.dropout = new Dropout(dropout)
    this.ln_2 = new LayerNorm(hiddenDim, { eps: EPS })
    this.mlp = new MLPBlock(hiddenDim, mlpDim, dropout)
  }

  override forward(input: Tensor): Tensor {
    let x = this.ln_1.forward(input)
    x = this.self_attention.attend(x, x, x, { needWeights: false }).output
    x = this.dropout.forward(x)
    x = x.add(input)

    let y = this.ln_2.forward(x)
    y = this.mlp.forward(y)
    return x.add(y)
  }
}

/** Adds the positions, and runs the blocks. */
class Encoder extends Module {
  readonly pos_embedding: Parameter
  readonly dropout: Dropout
  readonly layers: Sequential
  readonly ln: LayerNorm

  constructor(length: number, sizes: VisionTransformerSizes, dropout: number, attentionDropout: number) {
    super()
    this.pos_embedding = normal_(emptyParameter([1, length, sizes.hiddenDim], {}), 0, 0.02)
    this.dropout = new Dropout(dropout)
    this.layers = new Sequential(
      Array.from({ length: sizes.numLayers }, (_, index) => {
        return [`encoder_layer_${index}`, new EncoderBlock(sizes, dropout, attentionDropout)] as const
      }),
    )
    this.ln = new LayerNorm(sizes.hiddenDim, { eps: EPS })
  }

  override forward(x: Tensor): Tensor {
    x = x.add(this.pos_embedding)
    x = this.dropout.forward(x)
    x = this.layers.forward(x)
    return this.ln.forward(x)
  }
}

/**
 * The Vision Transformer (https://arxiv.org/abs/2010.11929): maps (N, 3, imageSize, imageSize) to logits (N, numClasses).
 *
 * State keys: `class_token`, `conv_proj`, `encoder` (`encoder.layers.encoder_layer_0.ln_1.weight`), `heads.head`. Follows
 * `torchvision.models.VisionTransformer`, its initialization included, **without `conv_stem_configs`**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class VisionTransformer extends Module {
  readonly class_token: Parameter
  conv_proj: Conv2d
  encoder: Encoder
  heads: Module
  readonly imageSize: number
  readonly patchSize: number

  constructor(sizes: VisionTransformerSizes, options: VisionTransformerOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('VisionTransformer', options, OPTIONS)
    const { imageSize = 224, dropout = 0, attentionDropout = 0, representationSize = null } = options
    const { patchSize, hiddenDim } = sizes
    for (const name of ['patchSize', 'numLayers', 'numHeads', 'hiddenDim', 'mlpDim'] as const) {
      checkPositiveInteger(name, sizes[name])
    }
    checkPositiveInteger('imageSize', imageSize)
    if (imageSize % patchSize !== 0) throw expected(`a multiple of patchSize (${patchSize})`, 'imageSize', imageSize)
    checkProbability('dropout', dropout)
    checkProbability('attentionDropout', attentionDropout)
    if (representationSize !== null) checkPositiveInteger('representationSize', representationSize)

    this.imageSize = imageSize
    this.patchSize = patchSize
    this.conv_proj = new Conv2d(inputChannels, hiddenDim, patchSize, { stride: patchSize })
    this.class_token = zeros_(emptyParameter([1, 1, hiddenDim], {}))
    this.encoder = new Encoder((imageSize / patchSize) ** 2 + 1, sizes, dropout, attentionDropout)
    const preLogits = representationSize === null ? null : new Linear(hiddenDim, representationSize)
    const head = new Linear(representationSize ?? hiddenDim, numClasses)
    const before: [string, Module][] =
      preLogits === null
        ? []
        : [
            ['pre_logits', preLogits],
            ['act', new Tanh()],
          ]
    this.heads = new Sequential([...before, ['head', head]])

    truncNormal_(this.conv_proj.weight, 0, Math.sqrt(1 / (inputChannels * patchSize * patchSize)))
    if (this.conv_proj.bias !== null) zeros_(this.conv_proj.bias)
    if (preLogits !== null) {
      truncNormal_(preLogits.weight, 0, Math.sqrt(1 / hiddenDim))
      if (preLogits.bias !== null) zeros_(preLogits.bias)
    }
    zeros_(head.weight)
    if (head.bias !== null) zeros_(head.bias)
  }

  /** Maps (N, inputChannels, imageSize, imageSize) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    const [count = 0, channels, height, width] = x.shape
    const { imageSize } = this
    if (height !== imageSize || width !== imageSize) {
      throw expected(`a tensor ${describeShape([count, channels ?? 0, imageSize, imageSize])}`, 'input', x)
    }

    x = this.conv_proj.forward(x)
    x = x.flatten(2).permute([0, 2, 1])
    x = cat([this.class_token.expand([count, -1, -1]), x], 1)
    x = this.encoder.forward(x)
    x = x.select(1, 0)
    return this.heads.forward(x)
  }
}

/** Draws the layers of a transformer's MLP. */
export function drawMlp(mlp: Module): void {
  for (const module of mlp.modules()) {
    if (!(module instanceof Linear)) continue
    xavierUniform_(module.weight)
    if (module.bias !== null) normal_(module.bias, 0, 1e-6)
  }
}

const BASE = { numLayers: 12, numHeads: 12, hiddenDim: 768, mlpDim: 3072 }
const LARGE = { numLayers: 24, numHeads: 16, hiddenDim: 1024, mlpDim: 4096 }
const HUGE = { numLayers: 32, numHeads: 16, hiddenDim: 1280, mlpDim: 5120 }

/** Builds ViT-B/16, 86.6 million parameters. Follows `torchvision.models.vit_b_16`, whose name it keeps. */
export function vit_b_16(options: VisionTransformerOptions = {}): VisionTransformer {
  return new VisionTransformer({ patchSize: 16, ...BASE }, options)
}

/** Builds ViT-B/32, 88.2 million parameters. Follows `torchvision.models.vit_b_32`, whose name it keeps. */
export function vit_b_32(options: VisionTransformerOptions = {}): VisionTransformer {
  return new VisionTransformer({ patchSize: 32, ...BASE }, options)
}

/** Builds ViT-L/16, 304.3 million parameters. Follows `torchvision.models.vit_l_16`, whose name it keeps. */
export function vit_l_16(options: VisionTransformerOptions = {}): VisionTransformer {
  return new VisionTransformer({ patchSize: 16, ...LARGE }, options)
}

/** Builds ViT-L/32, 306.5 million parameters. Follows `torchvision.models.vit_l_32`, whose name it keeps. */
export function vit_l_32(options: VisionTransformerOptions = {}): VisionTransformer {
  return new VisionTransformer({ patchSize: 32, ...LARGE }, options)
}

/** Builds ViT-H/14, 632.0 million parameters. Follows `torchvision.models.vit_h_14`, whose name it keeps. */
export function vit_h_14(options: VisionTransformerOptions = {}): VisionTransformer {
  return new VisionTransformer({ patchSize: 14, ...HUGE }, options)
}
