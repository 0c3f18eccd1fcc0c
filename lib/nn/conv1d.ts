import { checkOneOf } from '../util/check.js'
import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { PADDING_MODES, type PaddingMode } from './conv.js'
import { ConvNd } from './conv_nd.js'
import { conv1d, pad } from './functional.js'
import { checkConv1dPadding, checkLength, type Size1d } from './functional_conv.js'
import type { FactoryOptions } from './parameter.js'

/** Options of {@link Conv1d}; names and defaults are PyTorch's. */
export interface Conv1dOptions extends FactoryOptions {
  /** Steps from one window to the next. Default: `1`. */
  readonly stride?: Size1d | undefined
  /** Elements put on both sides, `'same'` (keep the length; stride 1 only) or `'valid'` (none). Default: `0`. */
  readonly padding?: Size1d | 'same' | 'valid' | undefined
  /** Steps between the points of the kernel. Default: `1`. */
  readonly dilation?: Size1d | undefined
  /** Groups of channels that do not see each other. Default: `1`. */
  readonly groups?: number | undefined
  /** Learn a shift per output channel. Default: `true`. */
  readonly bias?: boolean | undefined
  /** Default: `zeros`. */
  readonly paddingMode?: PaddingMode | undefined
}

const SIGNATURE = new Signature<Conv1dOptions>('new Conv1d', ['inChannels', 'outChannels', 'kernelSize'], {
  ...{ stride: 'name', padding: 'name', dilation: 'name', groups: 'name', bias: 'name', paddingMode: 'name' },
  ...{ device: 'name', dtype: 'name' },
})

/**
 * Convolves sequences (N, C, L), or one sequence (C, L), with learned kernels.
 *
 * State keys: `weight` (outChannels, inChannels / groups, k) and `bias` (outChannels), both drawn evenly from -b to b at
 * first, where b = 1 / √(inChannels / groups · k). Follows `torch.nn.Conv1d`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `inChannels` or `outChannels` is not a multiple of `groups`.
 */
export class Conv1d extends ConvNd<number, number | 'same' | 'valid'> {
  readonly paddingMode: PaddingMode

  constructor(inChannels: number, outChannels: number, kernelSize: Size1d, options?: Conv1dOptions)
  constructor(inChannels: number, outChannels: number, kernelSize: Size1d, ...given: readonly unknown[]) {
    const options = SIGNATURE.read([inChannels, outChannels, kernelSize], given)
    const { padding = 0, dilation = 1, groups = 1, bias = true, paddingMode = 'zeros' } = options
    const stride = checkLength('stride', options.stride ?? 1, 1)
    super({
      ...{ ...options, inChannels, outChannels, groups, bias, stride, transposed: false },
      kernelSize: checkLength('kernelSize', kernelSize, 1),
      padding: checkConv1dPadding(padding, stride),
      dilation: checkLength('dilation', dilation, 1),
    })
    this.paddingMode = checkOneOf('paddingMode', paddingMode, PADDING_MODES)
  }

  /** Maps (N, C, L) to (N, outChannels, L'), and likewise without N. */
  override forward(input: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups, paddingMode } = this
    if (paddingMode === 'zeros') return conv1d(input, weight, { bias, stride, padding, dilation, groups })
    const padded = pad(input, this.#sides(), { mode: paddingMode })
    return conv1d(padded, weight, { bias, stride, dilation, groups })
  }

  override extraRepr(): string {
    const { paddingMode } = this
    return super.extraRepr() + (paddingMode === 'zeros' ? '' : `, padding_mode=${paddingMode}`)
  }

  /** What `pad` is to add: before and behind. */
  #sides(): number[] {
    if (this.padding === 'valid') return [0, 0]
    if (this.padding !== 'same') return [this.padding, this.padding]
    const total = this.dilation * (this.kernelSize - 1)
    return [Math.floor(total / 2), Math.ceil(total / 2)]
  }
}
