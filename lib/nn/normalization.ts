import { checkBoolean, checkNumber, checkPositiveInteger, describeShape, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'
import { integers } from '../tensor/sizes.js'
import type { Tensor } from '../tensor/tensor.js'
import { groupNorm, layerNorm } from './functional.js'
import { ones_, zeros_ } from './init.js'
import { Module } from './module.js'
import { emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'
import { pythonBool, pythonFloat } from './repr.js'

/** Options of {@link LayerNorm}; names and defaults are PyTorch's. */
export interface LayerNormOptions extends FactoryOptions {
  /** Added to the variance before the square root. Default: `1e-5`. */
  readonly eps?: number | undefined
  /** Learn a scale and a shift for each element. Default: `true`. */
  readonly elementwiseAffine?: boolean | undefined
  /** Learn a shift, if `elementwiseAffine`. Default: `true`. */
  readonly bias?: boolean | undefined
}

/** Options of {@link GroupNorm}; names and defaults are PyTorch's. */
export interface GroupNormOptions extends FactoryOptions {
  /** Added to the variance before the square root. Default: `1e-5`. */
  readonly eps?: number | undefined
  /** Learn a scale and a shift for each channel. Default: `true`. */
  readonly affine?: boolean | undefined
  /** Learn a shift, if `affine`. Default: `true`. */
  readonly bias?: boolean | undefined
}

const LAYER_NORM = new Signature<LayerNormOptions>('new LayerNorm', ['normalizedShape'], {
  ...{ eps: 'name', elementwiseAffine: 'name', bias: 'name', device: 'name', dtype: 'name' },
})
const GROUP_NORM = new Signature<GroupNormOptions>('new GroupNorm', ['numGroups', 'numChannels'], {
  ...{ eps: 'name', affine: 'name', device: 'name', dtype: 'name', bias: 'keyword' },
})

/**
 * Normalizes the last dimensions to mean 0 and variance 1, then scales and shifts each element.
 *
 * State keys: `weight` and `bias`, both of the shape `normalizedShape`. Follows `torch.nn.LayerNorm`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `normalizedShape` is not a positive integer or several of them.
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[]
  readonly eps: number
  readonly elementwiseAffine: boolean
  readonly weight: Parameter | null
  readonly bias: Parameter | null

  constructor(normalizedShape: number | readonly number[], options?: LayerNormOptions)
  constructor(normalizedShape: number | readonly number[], ...given: readonly unknown[]) {
    super()
    const options = LAYER_NORM.read([normalizedShape], given)
    const { eps = 1e-5, elementwiseAffine = true, bias = true } = options
    this.normalizedShape = [...integers('normalizedShape', normalizedShape)]
    for (const size of this.normalizedShape) checkPositiveInteger('normalizedShape', size)
    this.eps = checkNumber('eps', eps)
    this.elementwiseAffine = checkBoolean('elementwiseAffine', elementwiseAffine)
    const hasBias = checkBoolean('bias', bias) && elementwiseAffine
    this.weight = elementwiseAffine ? emptyParameter(this.normalizedShape, options) : null
    this.bias = hasBias ? emptyParameter(this.normalizedShape, options) : null
    this.resetParameters()
  }

  /** Gives a tensor of the input's shape. */
  override forward(input: Tensor): Tensor {
    const { weight, bias, eps } = this
    return layerNorm(input, this.normalizedShape, { weight, bias, eps })
  }

  /** Sets the scale to 1 and the shift to 0. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight)
    if (this.bias !== null) zeros_(this.bias)
  }

  override extraRepr(): string {
    const affine = `elementwise_affine=${pythonBool(this.elementwiseAffine)}, bias=${pythonBool(this.bias !== null)}`
    return `${describeShape(this.normalizedShape)}, eps=${pythonFloat(this.eps)}, ${affine}`
  }
}

/**
 * Normalizes groups of channels of (N, C, ...) to mean 0 and variance 1, then scales and shifts each channel.
 *
 * State keys: `weight` and `bias`, both (C). Follows `torch.nn.GroupNorm`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `numChannels` (C) is not a multiple of `numGroups`.
 */
export class GroupNorm extends Module {
  readonly numGroups: number
  readonly numChannels: number
  readonly eps: number
  readonly affine: boolean
  readonly weight: Parameter | null
  readonly bias: Parameter | null

  constructor(numGroups: number, numChannels: number, options?: GroupNormOptions)
  constructor(numGroups: number, numChannels: number, ...given: readonly unknown[]) {
    super()
    const options = GROUP_NORM.read([numGroups, numChannels], given)
    const { eps = 1e-5, affine = true, bias = true } = options
    this.numGroups = checkPositiveInteger('numGroups', numGroups)
    this.numChannels = checkPositiveInteger('numChannels', numChannels)
    if (numChannels % numGroups !== 0)
      throw expected(`a multiple of numGroups (${numGroups})`, 'numChannels', numChannels)
    this.eps = checkNumber('eps', eps)
    this.affine = checkBoolean('affine', affine)
    const hasBias = checkBoolean('bias', bias) && affine
    this.weight = affine ? emptyParameter([numChannels], options) : null
    this.bias = hasBias ? emptyParameter([numChannels], options) : null
    this.resetParameters()
  }

  /** Gives a tensor of the input's shape. */
  override forward(input: Tensor): Tensor {
    const { weight, bias, eps } = this
    return groupNorm(input, this.numGroups, { weight, bias, eps })
  }

  /** Sets the scale to 1 and the shift to 0. */
  resetParameters(): void {
    if (this.weight !== null) ones_(this.weight)
    if (this.bias !== null) zeros_(this.bias)
  }

  override extraRepr(): string {
    const { numGroups, numChannels, eps, affine, bias } = this
    const flags = `affine=${pythonBool(affine)}, bias=${pythonBool(bias !== null)}`
    return `${numGroups}, ${numChannels}, eps=${pythonFloat(eps)}, ${flags}`
  }
}
