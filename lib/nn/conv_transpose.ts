import { checkBoolean, checkPositiveInteger, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkPair, type Pair, type Size2d } from './checks.js'
import { convTranspose2d } from './functional.js'
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from './init.js'
import { Module } from './module.js'
import { emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'
import { pythonSize } from './repr.js'

/** Options of {@link ConvTranspose2d}; names and defaults are PyTorch's. */
export interface ConvTranspose2dOptions extends FactoryOptions {
  /** Steps from one window to the next. Default: `1`. */
  readonly stride?: Size2d | undefined
  /** Rows and columns taken away on every side. Default: `0`. */
  readonly padding?: Size2d | undefined
  /** Rows and columns added below and on the right. Default: `0`. */
  readonly outputPadding?: Size2d | undefined
  /** Groups of channels that do not see each other. Default: `1`. */
  readonly groups?: number | undefined
  /** Learn a shift per output channel. Default: `true`. */
  readonly bias?: boolean | undefined
  /** Steps between the points of the kernel. Default: `1`. */
  readonly dilation?: Size2d | undefined
}

const SIGNATURE = new Signature<ConvTranspose2dOptions>(
  'new ConvTranspose2d',
  ['inChannels', 'outChannels', 'kernelSize'],
  {
    ...{ stride: 'name', padding: 'name', outputPadding: 'name', groups: 'name', bias: 'name', dilation: 'name' },
    ...{ device: 'keyword', dtype: 'keyword' },
  },
)

/**
 * Spreads each pixel of images (N, C, H, W), or of one image (C, H, W), over a learned kernel.
 *
 * State keys: `weight` (inChannels, outChannels / groups, kH, kW) and `bias` (outChannels), drawn as PyTorch draws them. Follows
 * `torch.nn.ConvTranspose2d`, **without `output_size` of a call, and without `padding_mode`, which is `zeros` there too**.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `inChannels` or `outChannels` is not a multiple of `groups`.
 */
export class ConvTranspose2d extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
  readonly outputPadding: Pair
  readonly groups: number
  readonly weight: Parameter
  readonly bias: Parameter | null

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options?: ConvTranspose2dOptions)
  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, ...given: readonly unknown[]) {
    super()
    const options = SIGNATURE.read([inChannels, outChannels, kernelSize], given)
    const { stride = 1, padding = 0, outputPadding = 0, groups = 1, bias = true, dilation = 1 } = options
    this.inChannels = checkPositiveInteger('inChannels', inChannels)
    this.outChannels = checkPositiveInteger('outChannels', outChannels)
    this.kernelSize = checkPair('kernelSize', kernelSize, 1)
    this.stride = checkPair('stride', stride, 1)
    this.padding = checkPair('padding', padding, 0)
    this.dilation = checkPair('dilation', dilation, 1)
    this.outputPadding = checkPair('outputPadding', outputPadding, 0)
    this.groups = checkPositiveInteger('groups', groups)
    if (inChannels % groups !== 0) throw expected(`a multiple of groups (${groups})`, 'inChannels', inChannels)
    if (outChannels % groups !== 0) throw expected(`a multiple of groups (${groups})`, 'outChannels', outChannels)
    checkBoolean('bias', bias)
    this.weight = emptyParameter([inChannels, outChannels / groups, ...this.kernelSize], options)
    this.bias = bias ? emptyParameter([outChannels], options) : null
    this.resetParameters()
  }

  /** Maps (N, C, H, W) to (N, outChannels, H', W'), and likewise without N. */
  override forward(input: Tensor): Tensor {
    const { weight, bias, stride, padding, outputPadding, groups, dilation } = this
    return convTranspose2d(input, weight, { bias, stride, padding, outputPadding, groups, dilation })
  }

  /** Draws the parameters anew. */
  resetParameters(): void {
    kaimingUniform_(this.weight, { a: Math.sqrt(5) })
    if (this.bias === null) return
    const bound = 1 / Math.sqrt(calculateFanInAndFanOut(this.weight).fanIn)
    uniform_(this.bias, -bound, bound)
  }

  override extraRepr(): string {
    const { padding, dilation, outputPadding, groups, bias } = this
    const parts = [String(this.inChannels), String(this.outChannels)]
    parts.push(`kernel_size=${pythonSize(this.kernelSize)}`, `stride=${pythonSize(this.stride)}`)
    if (padding.some((size) => size !== 0)) parts.push(`padding=${pythonSize(padding)}`)
    if (dilation.some((size) => size !== 1)) parts.push(`dilation=${pythonSize(dilation)}`)
    if (outputPadding.some((size) => size !== 0)) parts.push(`output_padding=${pythonSize(outputPadding)}`)
    if (groups !== 1) parts.push(`groups=${groups}`)
    if (bias === null) parts.push('bias=False')
    return parts.join(', ')
  }
}
