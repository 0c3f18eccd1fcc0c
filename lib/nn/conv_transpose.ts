import { Signature } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkPair, type Pair, type Size2d } from './checks.js'
import { ConvNd } from './conv_nd.js'
import { convTranspose2d } from './functional.js'
import type { FactoryOptions } from './parameter.js'
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
export class ConvTranspose2d extends ConvNd<Pair, Pair> {
  readonly outputPadding: Pair

  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, options?: ConvTranspose2dOptions)
  constructor(inChannels: number, outChannels: number, kernelSize: Size2d, ...given: readonly unknown[]) {
    const options = SIGNATURE.read([inChannels, outChannels, kernelSize], given)
    const { stride = 1, padding = 0, outputPadding = 0, groups = 1, bias = true, dilation = 1 } = options
    super({
      ...{ ...options, inChannels, outChannels, groups, bias, transposed: true },
      kernelSize: checkPair('kernelSize', kernelSize, 1),
      stride: checkPair('stride', stride, 1),
      padding: checkPair('padding', padding, 0),
      dilation: checkPair('dilation', dilation, 1),
    })
    this.outputPadding = checkPair('outputPadding', outputPadding, 0)
  }

  /** Maps (N, C, H, W) to (N, outChannels, H', W'), and likewise without N. */
  override forward(input: Tensor): Tensor {
    const { weight, bias, stride, padding, outputPadding, groups, dilation } = this
    return convTranspose2d(input, weight, { bias, stride, padding, outputPadding, groups, dilation })
  }

  protected override ownParts(): readonly string[] {
    const { outputPadding } = this
    return outputPadding.some((size) => size !== 0) ? [`output_padding=${pythonSize(outputPadding)}`] : []
  }
}
