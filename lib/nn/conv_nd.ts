import { inGradModeNow } from '../libtorch/grad_mode.js'
import { checkBoolean, checkPositiveInteger, expected } from '../util/check.js'
import { empty } from '../tensor/creation.js'
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from './init.js'
import { Module } from './module.js'
import { areParametersPlaceholders, emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'

/** What the constructors of convolutions have checked. */
export interface ConvSettings<Size, Padding> extends FactoryOptions {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: Size
  readonly stride: Size
  readonly padding: Padding
  readonly dilation: Size
  readonly groups: number
  readonly bias: boolean
  /** Whether the weight has the input channels first. */
  readonly transposed: boolean
}

/** What the convolutions have in common: their settings, parameters and how these are drawn. Follows PyTorch's `_ConvNd`. */
export abstract class ConvNd<Size extends number | readonly number[], Padding extends Size | string> extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: Size
  readonly stride: Size
  readonly padding: Padding
  readonly dilation: Size
  readonly groups: number
  readonly weight: Parameter
  readonly bias: Parameter | null

  protected constructor(settings: ConvSettings<Size, Padding>) {
    super()
    const { inChannels, outChannels, groups, kernelSize, bias, transposed } = settings
    this.inChannels = checkPositiveInteger('inChannels', inChannels)
    this.outChannels = checkPositiveInteger('outChannels', outChannels)
    this.kernelSize = kernelSize
    this.stride = settings.stride
    this.padding = settings.padding
    this.dilation = settings.dilation
    this.groups = checkPositiveInteger('groups', groups)
    if (inChannels % groups !== 0) throw expected(`a multiple of groups (${groups})`, 'inChannels', inChannels)
    if (outChannels % groups !== 0) throw expected(`a multiple of groups (${groups})`, 'outChannels', outChannels)
    checkBoolean('bias', bias)
    const channels = transposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups]
    this.weight = emptyParameter([...channels, ...sizesOf(kernelSize)], settings)
    this.bias = bias ? emptyParameter([outChannels], settings) : null
    this.resetParameters()
  }

  /** Draws the parameters anew. */
  resetParameters(): void {
    drawWeight(this.weight)
    if (this.bias === null) return
    const bound = 1 / Math.sqrt(calculateFanInAndFanOut(this.weight).fanIn)
    uniform_(this.bias, -bound, bound)
  }

  override extraRepr(): string {
    const { padding, dilation, groups, bias } = this
    const parts = [String(this.inChannels), String(this.outChannels)]
    parts.push(`kernel_size=${pythonTuple(this.kernelSize)}`, `stride=${pythonTuple(this.stride)}`)
    if (typeof padding === 'string') parts.push(`padding=${padding}`)
    else if (sizesOf(padding as Size).some((size) => size !== 0)) parts.push(`padding=${pythonTuple(padding as Size)}`)
    if (sizesOf(dilation).some((size) => size !== 1)) parts.push(`dilation=${pythonTuple(dilation)}`)
    parts.push(...this.ownParts())
    if (groups !== 1) parts.push(`groups=${groups}`)
    if (bias === null) parts.push('bias=False')
    return parts.join(', ')
  }

  /** What stands between dilation and groups. */
  protected ownParts(): readonly string[] {
    return []
  }
}

function drawWeight(weight: Parameter): void {
  if (weight.isContiguous() || areParametersPlaceholders()) {
    kaimingUniform_(weight, { a: Math.sqrt(5) })
    return
  }
  // Numbers are drawn in the order of the memory, and must not depend on the layout.
  const drawn = empty(weight.shape, { dtype: weight.dtype })
  try {
    kaimingUniform_(drawn, { a: Math.sqrt(5) })
    inGradModeNow('disabled', () => weight.copy_(drawn))
  } finally {
    drawn.dispose()
  }
}

function sizesOf(size: number | readonly number[]): readonly number[] {
  return typeof size === 'number' ? [size] : size
}

function pythonTuple(size: number | readonly number[]): string {
  return typeof size === 'number' ? `(${size},)` : `(${size.join(', ')})`
}
