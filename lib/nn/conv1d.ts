import { checkBoolean, checkOneOf, checkPositiveInteger, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { PADDING_MODES, type PaddingMode } from './conv.js'
import { conv1d, pad } from './functional.js'
import { checkConv1dPadding, checkLength, type Size1d } from './functional_conv.js'
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from './init.js'
import { Module } from './module.js'
import { emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'

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
export class Conv1d extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: number
  readonly stride: number
  readonly padding: number | 'same' | 'valid'
  readonly dilation: number
  readonly groups: number
  readonly paddingMode: PaddingMode
  readonly weight: Parameter
  readonly bias: Parameter | null

  constructor(inChannels: number, outChannels: number, kernelSize: Size1d, options?: Conv1dOptions)
  constructor(inChannels: number, outChannels: number, kernelSize: Size1d, ...given: readonly unknown[]) {
    super()
    const options = SIGNATURE.read([inChannels, outChannels, kernelSize], given)
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, paddingMode = 'zeros' } = options
    this.inChannels = checkPositiveInteger('inChannels', inChannels)
    this.outChannels = checkPositiveInteger('outChannels', outChannels)
    this.kernelSize = checkLength('kernelSize', kernelSize, 1)
    this.stride = checkLength('stride', stride, 1)
    this.padding = checkConv1dPadding(padding, this.stride)
    this.dilation = checkLength('dilation', dilation, 1)
    this.groups = checkPositiveInteger('groups', groups)
    if (inChannels % groups !== 0) throw expected(`a multiple of groups (${groups})`, 'inChannels', inChannels)
    if (outChannels % groups !== 0) throw expected(`a multiple of groups (${groups})`, 'outChannels', outChannels)
    this.paddingMode = checkOneOf('paddingMode', paddingMode, PADDING_MODES)
    checkBoolean('bias', bias)
    this.weight = emptyParameter([outChannels, inChannels / groups, this.kernelSize], options)
    this.bias = bias ? emptyParameter([outChannels], options) : null
    this.resetParameters()
  }

  /** Maps (N, C, L) to (N, outChannels, L'), and likewise without N. */
  override forward(input: Tensor): Tensor {
    const { weight, bias, stride, padding, dilation, groups, paddingMode } = this
    if (paddingMode === 'zeros') return conv1d(input, weight, { bias, stride, padding, dilation, groups })
    const padded = pad(input, this.#sides(), { mode: paddingMode })
    return conv1d(padded, weight, { bias, stride, dilation, groups })
  }

  /** Draws the parameters anew. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) })
    if (this.bias === null) return
    const bound = 1 / Math.sqrt(calculateFanInAndFanOut(this.weight).fanIn)
    uniform_(this.bias, -bound, bound)
  }

  override extraRepr(): string {
    const { padding, dilation, groups, bias, paddingMode } = this
    const parts = [String(this.inChannels), String(this.outChannels)]
    parts.push(`kernel_size=(${this.kernelSize},)`, `stride=(${this.stride},)`)
    if (typeof padding === 'string') parts.push(`padding=${padding}`)
    else if (padding !== 0) parts.push(`padding=(${padding},)`)
    if (dilation !== 1) parts.push(`dilation=(${dilation},)`)
    if (groups !== 1) parts.push(`groups=${groups}`)
    if (bias === null) parts.push('bias=False')
    if (paddingMode !== 'zeros') parts.push(`padding_mode=${paddingMode}`)
    return parts.join(', ')
  }

  /** What `pad` is to add: before and behind. */
  #sides(): number[] {
    if (this.padding === 'valid') return [0, 0]
    if (this.padding !== 'same') return [this.padding, this.padding]
    const total = this.dilation * (this.kernelSize - 1)
    return [Math.floor(total / 2), Math.ceil(total / 2)]
  }
}
