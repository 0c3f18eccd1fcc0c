import { checkOneOf } from '../util/check.js'
import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkConvPadding, checkPair, type ConvPadding, type Pair, type Size2d } from './checks.js'
import { ConvNd } from './conv_nd.js'
import { conv2d, pad } from './functional.js'
import type { FactoryOptions } from './parameter.js'

/** What {@link Conv2d} pads with: zeros, the mirrored image, its border, or the image wrapped around. */
export const PADDING_MODES = ['zeros', 'reflect', 'replicate', 'circular'] as const

/** A mode of {@link PADDING_MODES}. */
export type PaddingMode = (typeof PADDING_MODES)[number]

/** Options of {@link Conv2d}; names and defaults are PyTorch's. */
export interface Conv2dOptions extends FactoryOptions {
  /** Steps from one window to the next. Default: `1`. */
  readonly stride?: Size2d | undefined
  /** Rows and columns put around the image, `'same'` (keep the size; stride 1 only) or `'valid'` (none). Default: `0`. */
  readonly padding?: ConvPadding | undefined
  /** Steps between the points of the kernel. Default: `1`. */
  readonly dilation?: Size2d | undefined
  /** Groups of channels that do not see each other. Default: `1`. */
  readonly groups?: number | undefined
  /** Learn a shift per output channel. Default: `true`. */
  readonly bias?: boolean | undefined
  /** Default: `zeros`. */
  readonly paddingMode?: PaddingMode | undefined
}

const SIGNATURE = new Signature<Conv2dOptions>('new Conv2d', ['inChannels', 'outChannels', 'kernelSize'], {
  stride: 'name',
  padding: 'name',
  dilation: 'name',
  groups: 'name',
  bias: 'name',
  paddingMode: 'name',
  device: 'name',
  dtype: 'name',
})

/**
 * Convolves images (N, C, H, W), or one image (C, H, W), with learned kernels.
 *
 * State keys: `weight` (outChannels, inChannels / groups, kH, kW) and `bias` (outChannels), both drawn evenly from -b to b
 * at first, where b = 1 / √(inChannels / groups · kH · kW). Follows `torch.nn.Conv2d`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `inChannels` or `outChannels` is not a multiple of `groups`.
 */
export class Conv2d extends ConvNd<Pair, Pair | 'same' | 'valid'> {
  readonly paddingMode: PaddingMode

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options?: Conv2dOptions)
  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, ...given: readonly unknown[]) {
    const options = SIGNATURE.read([inChannels, outChannels, kernelSize], given)
    const { padding = 0, dilation = 1, groups = 1, bias = true, paddingMode = 'zeros' } = options
    const stride = checkPair('stride', options.stride ?? 1, 1)
    super({
      ...{ ...options, inChannels, outChannels, groups, bias, stride, transposed: false },
      kernelSize: checkPair('kernelSize', kernelSize, 1),
      padding: checkConvPadding(padding, stride),
      dilation: checkPair('dilation', dilation, 1),
    })
    this.paddingMode = checkOneOf('paddingMode', paddingMode, PADDING_MODES)
  }

  /** Maps (N, C, H, W) to (N, outChannels, H', W'), and likewise without N. */
  override forward(input: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups, paddingMode } = this
    if (paddingMode === 'zeros') return conv2d(input, weight, { bias, stride, padding, dilation, groups })
    const padded = pad(input, this.#sides(), { mode: paddingMode })
    return conv2d(padded, weight, { bias, stride, dilation, groups })
  }

  override extraRepr(): string {
    const { paddingMode } = this
    return super.extraRepr() + (paddingMode === 'zeros' ? '' : `, padding_mode=${paddingMode}`)
  }

  /** What `pad` is to add: left, right, top, bottom. */
  #sides(): number[] {
    const { padding, kernelSize, dilation } = this
    if (padding === 'valid') return [0, 0, 0, 0]
    if (padding !== 'same') return [padding[1], padding[1], padding[0], padding[0]]
    const [top, bottom] = halves(dilation[0] * (kernelSize[0] - 1))
    const [left, right] = halves(dilation[1] * (kernelSize[1] - 1))
    return [left, right, top, bottom]
  }
}

/** Splits an odd number so that the larger part stands behind, as PyTorch does. */
function halves(total: number): Pair {
  const before = Math.floor(total / 2)
  return [before, total - before]
}
