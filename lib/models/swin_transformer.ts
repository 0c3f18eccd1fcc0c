import { checkPositiveInteger, checkProbability, expected, isIntegerArray } from '../util/check.js'
import { GELU, ReLU } from '../nn/activation.js'
import { Sequential } from '../nn/container.js'
import { Conv2d } from '../nn/conv.js'
import { StochasticDepth } from '../nn/dropout.js'
import { Flatten } from '../nn/flatten.js'
import { dropout, linear, normalize, pad, softmax } from '../nn/functional.js'
import { truncNormal_ } from '../nn/init.js'
import { Linear } from '../nn/linear.js'
import { Module } from '../nn/module.js'
import { LayerNorm } from '../nn/normalization.js'
import { emptyParameter, Parameter } from '../nn/parameter.js'
import { AdaptiveAvgPool2d } from '../nn/pooling.js'
import { cat, full } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Device } from '../util/device.js'
import { initialize } from './initialize.js'
import { MLP, Permute } from './misc.js'
import { checkFormOptions, readNetworkOptions, type NetworkOptions } from './options.js'
import { drawMlp } from './vision_transformer.js'
import { relativeCoordinates, relativePositionBias, relativePositionIndex, shiftMask } from './windows.js'

/** Options of {@link SwinTransformer}'s factories; names and defaults are torchvision's. */
export interface SwinTransformerOptions extends NetworkOptions {
  /** Outputs of the first linear layer of each block's MLP, for each of its inputs. Default: `4`. */
  readonly mlpRatio?: number | undefined
  /** Probability of an element to be dropped in training mode. Default: `0`. */
  readonly dropout?: number | undefined
  /** Probability of a weight of the attention to be dropped in training mode. Default: `0`. */
  readonly attentionDropout?: number | undefined
  /** Probability of the last block's branches to be left out in training mode. Default: that of the model, 0.2 to 0.5. */
  readonly stochasticDepthProb?: number | undefined
}

/** Sizes of a {@link SwinTransformer}; names are torchvision's. */
export interface SwinTransformerSizes {
  /** Height and width of a patch in pixels. */
  readonly patchSize: number
  /** Channels of the first stage. */
  readonly embedDim: number
  /** Blocks of each stage. */
  readonly depths: readonly number[]
  /** Heads of the attention in each stage. */
  readonly numHeads: readonly number[]
  /** Height and width of a window in patches. */
  readonly windowSize: number
  /** 2 for the blocks of Swin Transformer V2. Default: `1`. */
  readonly version?: 1 | 2 | undefined
}

const OPTIONS = ['mlpRatio', 'dropout', 'attentionDropout', 'stochasticDepthProb']

interface AttentionSizes {
  readonly dim: number
  readonly windowSize: number
  readonly shiftSize: number
  readonly numHeads: number
  readonly attentionDropout: number
  readonly dropout: number
}

/** Attention within windows of (N, H, W, C), which every second block shifts by half of their size. */
class ShiftedWindowAttention extends Module {
  readonly qkv: Linear
  readonly proj: Linear
  protected readonly sizes: AttentionSizes

  constructor(sizes: AttentionSizes) {
    super()
    this.sizes = sizes
    this.qkv = new Linear(sizes.dim, 3 * sizes.dim)
    this.proj = new Linear(sizes.dim, sizes.dim)
    this.definePositions()
    this.registerBuffer('relative_position_index', relativePositionIndex(sizes.windowSize).flatten())
  }

  /** Makes what {@link positionBias} reads. */
  protected definePositions(): void {
    const { windowSize, numHeads } = this.sizes
    const table = emptyParameter([(2 * windowSize - 1) ** 2, numHeads], {})
    this.registerParameter('relative_position_bias_table', truncNormal_(table, 0, 0.02))
  }

  /** A number for each pair of patches of a window, (1, heads, M, M). */
  protected positionBias(): Tensor {
    return relativePositionBias(
      this.parameter('relative_position_bias_table'),
      this.buffer('relative_position_index'),
      this.sizes.windowSize,
    )
  }

  protected qkvBias(): Tensor | null {
    return this.qkv.bias
  }

  /** How near queries are to keys: maps twice (…, M, C / heads) to (…, M, M). */
  protected scores(queries: Tensor, keys: Tensor): Tensor {
    return queries.mul(queries.size(-1) ** -0.5).matmul(keys.transpose(-2, -1))
  }

  override forward(input: Tensor): Tensor {
    const { windowSize: size, shiftSize, numHeads, attentionDropout, dropout: p } = this.sizes
    const { training } = this
    const [batch = 0, height = 0, width = 0, channels = 0] = input.shape
    const [rows, columns] = [Math.ceil(height / size), Math.ceil(width / size)]
    // What fits in one window is not shifted.
    const shift = [rows > 1 ? shiftSize : 0, columns > 1 ? shiftSize : 0] as const
    const isShifted = shift[0] + shift[1] > 0

    let x = pad(input, [0, 0, 0, columns * size - width, 0, rows * size - height])
    if (isShifted) x = x.roll([-shift[0], -shift[1]], [1, 2])
    x = x.reshape(batch, rows, size, columns, size, channels).permute([0, 1, 3, 2, 4, 5])
    x = x.reshape(batch, rows * columns, size * size, channels)

    const heads = linear(x, this.qkv.weight, { bias: this.qkvBias() })
      .reshape(batch, rows * columns, size * size, 3, numHeads, channels / numHeads)
      .permute([3, 0, 1, 4, 2, 5])
    let attention = this.scores(heads.select(0, 0), heads.select(0, 1)).add(this.positionBias())
    if (isShifted) {
      const { dtype, device } = attention
      attention = attention.add(shiftMask({ rows, columns, size, shift }).to({ dtype, device: device as Device }))
    }
    attention = dropout(softmax(attention, -1), { p: attentionDropout, training })

    x = attention.matmul(heads.select(0, 2)).transpose(2, 3)
    x = x.reshape(batch, rows, columns, size, size, channels)
    x = dropout(this.proj.forward(x), { p, training })

    x = x.permute([0, 1, 3, 2, 4, 5]).reshape(batch, rows * size, columns * size, channels)
    if (isShifted) x = x.roll(shift, [1, 2])
    return x.slice(1, 0, height).slice(2, 0, width).contiguous()
  }
}

/** Queries and keys of length 1, and a bias that a network makes of positions: section 3 of https://arxiv.org/abs/2111.09883. */
class ShiftedWindowAttentionV2 extends ShiftedWindowAttention {
  readonly logit_scale: Parameter
  readonly cpb_mlp: Sequential

  constructor(sizes: AttentionSizes) {
    super(sizes)
    this.logit_scale = new Parameter(full([sizes.numHeads, 1, 1], Math.log(10)))
    this.cpb_mlp = new Sequential(
      new Linear(2, 512),
      new ReLU({ inplace: true }),
      new Linear(512, sizes.numHeads, { bias: false }),
    )
  }

  protected override definePositions(): void {
    this.registerBuffer('relative_coords_table', relativeCoordinates(this.sizes.windowSize))
  }

  protected override positionBias(): Tensor {
    const { windowSize, numHeads } = this.sizes
    const table = this.cpb_mlp.forward(this.buffer('relative_coords_table')).reshape(-1, numHeads)
    return relativePositionBias(table, this.buffer('relative_position_index'), windowSize).sigmoid().mul(16)
  }

  /** Keys have no bias. */
  protected override qkvBias(): Tensor | null {
    const { bias } = this.qkv
    if (bias === null) return null
    const [queries = bias, keys = bias, values = bias] = bias.chunk(3)
    return cat([queries, keys.mul(0), values])
  }

  protected override scores(queries: Tensor, keys: Tensor): Tensor {
    const scale = this.logit_scale.clamp({ max: Math.log(100) }).exp()
    const cosines = normalize(queries, { dim: -1 }).matmul(normalize(keys, { dim: -1 }).transpose(-2, -1))
    return cosines.mul(scale)
  }
}

interface BlockSizes extends AttentionSizes {
  readonly version: 1 | 2
  readonly mlpRatio: number
  readonly stochasticDepthProb: number
}

/** Attention, then an MLP, each beside a shortcut: normalized before in Swin Transformer, and behind in its second version. */
class SwinTransformerBlock extends Module {
  readonly norm1: LayerNorm
  readonly attn: ShiftedWindowAttention
  readonly stochastic_depth: StochasticDepth
  readonly norm2: LayerNorm
  readonly mlp: MLP
  readonly #isPostNorm: boolean

  constructor(sizes: BlockSizes) {
    super()
    const { dim, mlpRatio, dropout: p, stochasticDepthProb, version } = sizes
    this.norm1 = new LayerNorm(dim)
    this.attn = version === 2 ? new ShiftedWindowAttentionV2(sizes) : new ShiftedWindowAttention(sizes)
    this.stochastic_depth = new StochasticDepth(stochasticDepthProb, 'row')
    this.norm2 = new LayerNorm(dim)
    this.mlp = new MLP(dim, Math.trunc(dim * mlpRatio), () => new GELU(), p)
    this.#isPostNorm = version === 2
    drawMlp(this.mlp)
  }

  override forward(x: Tensor): Tensor {
    const { norm1, attn, norm2, mlp, stochastic_depth: depth } = this
    if (this.#isPostNorm) {
      x = x.add(depth.forward(norm1.forward(attn.forward(x))))
      return x.add(depth.forward(norm2.forward(mlp.forward(x))))
    }
    x = x.add(depth.forward(attn.forward(norm1.forward(x))))
    return x.add(depth.forward(mlp.forward(norm2.forward(x))))
  }
}

/** Halves (N, H, W, C), and doubles its channels. The second version normalizes what it has made. */
class PatchMerging extends Module {
  readonly reduction: Linear
  readonly norm: LayerNorm
  readonly #isPostNorm: boolean

  constructor(dim: number, version: 1 | 2) {
    super()
    this.#isPostNorm = version === 2
    this.reduction = new Linear(4 * dim, 2 * dim, { bias: false })
    this.norm = new LayerNorm(this.#isPostNorm ? 2 * dim : 4 * dim)
  }

  override forward(x: Tensor): Tensor {
    const [, height = 0, width = 0] = x.shape
    x = pad(x, [0, 0, 0, width % 2, 0, height % 2])
    const corner = (row: number, column: number): Tensor => x.slice(1, row, undefined, 2).slice(2, column, undefined, 2)
    x = cat([corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)], -1)
    return this.#isPostNorm
      ? this.norm.forward(this.reduction.forward(x))
      : this.reduction.forward(this.norm.forward(x))
  }
}

/**
 * Swin Transformer (https://arxiv.org/abs/2103.14030) and its second version (https://arxiv.org/abs/2111.09883): maps (N, 3, H, W)
 * to logits (N, numClasses).
 *
 * State keys: `features` (`features.1.0.attn.qkv.weight`), `norm`, `head`. Follows `torchvision.models.SwinTransformer`, its
 * initialization included, **with square patches and windows, and a version instead of the classes of blocks**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for an argument outside its range or an unknown option.
 */
export class SwinTransformer extends Module {
  features: Sequential
  norm: LayerNorm
  permute: Permute
  avgpool: AdaptiveAvgPool2d
  flatten: Flatten
  head: Module

  constructor(sizes: SwinTransformerSizes, options: SwinTransformerOptions = {}) {
    super()
    const { inputChannels, numClasses } = readNetworkOptions('SwinTransformer', options, OPTIONS)
    const { mlpRatio = 4, dropout: p = 0, attentionDropout = 0, stochasticDepthProb = 0.1 } = options
    const { patchSize, embedDim, depths, numHeads, windowSize, version } = checkSizes(sizes)
    checkPositiveInteger('mlpRatio', mlpRatio)
    for (const [name, value] of Object.entries({ dropout: p, attentionDropout, stochasticDepthProb })) {
      checkProbability(name, value)
    }

    const layers: Module[] = [
      new Sequential(
        new Conv2d(inputChannels, embedDim, patchSize, { stride: patchSize }),
        new Permute([0, 2, 3, 1]),
        new LayerNorm(embedDim),
      ),
    ]
    const total = depths.reduce((sum, depth) => sum + depth, 0)
    let blocks = 0
    for (const [stage, depth] of depths.entries()) {
      const dim = embedDim * 2 ** stage
      const made = Array.from({ length: depth }, (_, index) => {
        return new SwinTransformerBlock({
          ...{ dim, windowSize, attentionDropout, dropout: p, version, mlpRatio },
          numHeads: numHeads[stage] ?? 0,
          shiftSize: index % 2 === 0 ? 0 : Math.floor(windowSize / 2),
          stochasticDepthProb: (stochasticDepthProb * blocks++) / Math.max(1, total - 1),
        })
      })
      layers.push(new Sequential(...made))
      if (stage < depths.length - 1) layers.push(new PatchMerging(dim, version))
    }
    const channels = embedDim * 2 ** (depths.length - 1)
    this.features = new Sequential(...layers)
    this.norm = new LayerNorm(channels)
    this.permute = new Permute([0, 3, 1, 2])
    this.avgpool = new AdaptiveAvgPool2d(1)
    this.flatten = new Flatten(1)
    this.head = new Linear(channels, numClasses)

    initialize(this, { linear: (weight) => truncNormal_(weight, 0, 0.02) })
  }

  /** Maps (N, inputChannels, H, W) to logits (N, numClasses). */
  override forward(x: Tensor): Tensor {
    x = this.features.forward(x)
    x = this.norm.forward(x)
    x = this.permute.forward(x)
    x = this.avgpool.forward(x)
    x = this.flatten.forward(x)
    return this.head.forward(x)
  }
}

function checkSizes(sizes: SwinTransformerSizes): Required<SwinTransformerSizes> & { readonly version: 1 | 2 } {
  const { patchSize, embedDim, depths, numHeads, windowSize, version = 1 } = sizes
  for (const [name, value] of Object.entries({ patchSize, embedDim, windowSize })) checkPositiveInteger(name, value)
  const isList = (values: unknown): boolean => isIntegerArray(values) && values.every((value) => value > 0)
  if (!isList(depths) || depths.length === 0) throw expected('positive integers', 'depths', depths)
  if (!isList(numHeads) || numHeads.length !== depths.length) {
    throw expected(`${depths.length} positive integers`, 'numHeads', numHeads)
  }
  const odd = numHeads.find((heads, stage) => (embedDim * 2 ** stage) % heads !== 0)
  if (odd !== undefined) throw expected('divisors of the channels of their stages', 'numHeads', numHeads)
  if ((version as unknown) !== 1 && (version as unknown) !== 2) throw expected('1 or 2', 'version', version)
  return { patchSize, embedDim, depths, numHeads, windowSize, version }
}

const TINY = { patchSize: 4, embedDim: 96, depths: [2, 2, 6, 2], numHeads: [3, 6, 12, 24], windowSize: 7 }
const SMALL = { ...TINY, depths: [2, 2, 18, 2] }
const BASE = { ...SMALL, embedDim: 128, numHeads: [4, 8, 16, 32] }
const V2 = { windowSize: 8, version: 2 } as const

function swin(sizes: SwinTransformerSizes, prob: number, options: SwinTransformerOptions): SwinTransformer {
  checkFormOptions('SwinTransformer', options)
  const { stochasticDepthProb = prob } = options
  return new SwinTransformer(sizes, { ...options, stochasticDepthProb })
}

/** Builds Swin-T, 28.3 million parameters. Follows `torchvision.models.swin_t`, whose name it keeps. */
export function swin_t(options: SwinTransformerOptions = {}): SwinTransformer {
  return swin(TINY, 0.2, options)
}

/** Builds Swin-S, 49.6 million parameters. Follows `torchvision.models.swin_s`, whose name it keeps. */
export function swin_s(options: SwinTransformerOptions = {}): SwinTransformer {
  return swin(SMALL, 0.3, options)
}

/** Builds Swin-B, 87.8 million parameters. Follows `torchvision.models.swin_b`, whose name it keeps. */
export function swin_b(options: SwinTransformerOptions = {}): SwinTransformer {
  return swin(BASE, 0.5, options)
}

/** Builds Swin V2-T, 28.4 million parameters. Follows `torchvision.models.swin_v2_t`, whose name it keeps. */
export function swin_v2_t(options: SwinTransformerOptions = {}): SwinTransformer {
  return swin({ ...TINY, ...V2 }, 0.2, options)
}

/** Builds Swin V2-S, 49.7 million parameters. Follows `torchvision.models.swin_v2_s`, whose name it keeps. */
export function swin_v2_s(options: SwinTransformerOptions = {}): SwinTransformer {
  return swin({ ...SMALL, ...V2 }, 0.3, options)
}

/** Builds Swin V2-B, 87.9 million parameters. Follows `torchvision.models.swin_v2_b`, whose name it keeps. */
export function swin_v2_b(options: SwinTransformerOptions = {}): SwinTransformer {
  return swin({ ...BASE, ...V2 }, 0.5, options)
}
