import { checkBoolean, checkInteger, checkNumber, checkOneOf, checkPositiveInteger } from '../util/check.js'
import { Signature, type NoOptions } from '../util/signature.js'
import type { Tensor } from '../tensor/tensor.js'
import * as F from './functional.js'
import { GELU_FORMS, type GeluForm, type GeluOptions, type InplaceOptions } from './functional_activation.js'
import type { EluFunctionOptions, LeakyReluFunctionOptions, SoftplusFunctionOptions } from './functional_activation.js'
import { constant_ } from './init.js'
import { Module } from './module.js'
import { emptyParameter, type FactoryOptions, type Parameter } from './parameter.js'
import { pythonFloat } from './repr.js'

/** Options of {@link ReLU} and its like; names and defaults are PyTorch's. */
export interface ReLUOptions {
  /** Change the input itself. Default: `false`. */
  readonly inplace?: boolean | undefined
}

/** Options of {@link PReLU}; names and defaults are PyTorch's. */
export interface PReLUOptions extends FactoryOptions {
  /** One for all channels, or one for each. Default: `1`. */
  readonly numParameters?: number | undefined
  /** What they are at first. Default: `0.25`. */
  readonly init?: number | undefined
}

const GELU_SIGNATURE = new Signature<GeluOptions>('new GELU', [], { approximate: 'name' })
const LEAKY = new Signature<LeakyReluFunctionOptions>('new LeakyReLU', [], {
  ...{ negativeSlope: 'position', inplace: 'name' },
})
const ELU_SIGNATURE = new Signature<EluFunctionOptions>('new ELU', [], { alpha: 'position', inplace: 'name' })
const PRELU = new Signature<PReLUOptions>('new PReLU', [], {
  ...{ numParameters: 'position', init: 'name', device: 'name', dtype: 'name' },
})
const SOFTPLUS = new Signature<SoftplusFunctionOptions>('new Softplus', [], { beta: 'name', threshold: 'name' })

/** What the activations that can change their input have in common. */
abstract class InplaceActivation extends Module {
  readonly inplace: boolean

  constructor(options?: ReLUOptions)
  constructor(...given: readonly unknown[]) {
    super()
    const signature = new Signature<InplaceOptions>(`new ${new.target.name}`, [], { inplace: 'name' })
    const { inplace = false } = signature.read([], given)
    this.inplace = checkBoolean('inplace', inplace)
  }

  override extraRepr(): string {
    return this.inplace ? 'inplace=True' : ''
  }
}

/** Sets elements below 0 to 0. Follows `torch.nn.ReLU`. */
export class ReLU extends InplaceActivation {
  override forward(input: Tensor): Tensor {
    return F.relu(input, { inplace: this.inplace })
  }
}

/** Sets elements below 0 to 0, and those above 6 to 6. Follows `torch.nn.ReLU6`. */
export class ReLU6 extends InplaceActivation {
  override forward(input: Tensor): Tensor {
    return F.relu6(input, { inplace: this.inplace })
  }
}

/** `x * sigmoid(x)`. Follows `torch.nn.SiLU`. */
export class SiLU extends InplaceActivation {
  override forward(input: Tensor): Tensor {
    return F.silu(input, { inplace: this.inplace })
  }
}

/** `x * tanh(softplus(x))`. Follows `torch.nn.Mish`. */
export class Mish extends InplaceActivation {
  override forward(input: Tensor): Tensor {
    return F.mish(input, { inplace: this.inplace })
  }
}

/** `x * relu6(x + 3) / 6`. Follows `torch.nn.Hardswish`. */
export class Hardswish extends InplaceActivation {
  override forward(input: Tensor): Tensor {
    return F.hardswish(input, { inplace: this.inplace })
  }

  override extraRepr(): string {
    return ''
  }
}

/** `relu6(x + 3) / 6`. Follows `torch.nn.Hardsigmoid`. */
export class Hardsigmoid extends InplaceActivation {
  override forward(input: Tensor): Tensor {
    return F.hardsigmoid(input, { inplace: this.inplace })
  }

  override extraRepr(): string {
    return ''
  }
}

/** The logistic function. Follows `torch.nn.Sigmoid`. */
export class Sigmoid extends Module {
  override forward(input: Tensor): Tensor {
    return F.sigmoid(input)
  }
}

/** The hyperbolic tangent. Follows `torch.nn.Tanh`. */
export class Tanh extends Module {
  override forward(input: Tensor): Tensor {
    return F.tanh(input)
  }
}

/** `x` times the share of the normal distribution below `x`. Follows `torch.nn.GELU`. */
export class GELU extends Module {
  readonly approximate: GeluForm

  constructor(options?: GeluOptions)
  constructor(...given: readonly unknown[]) {
    super()
    const { approximate = 'none' } = GELU_SIGNATURE.read([], given)
    this.approximate = checkOneOf('approximate', approximate, GELU_FORMS)
  }

  override forward(input: Tensor): Tensor {
    return F.gelu(input, { approximate: this.approximate })
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`
  }
}

/** Multiplies elements below 0 by a slope. Follows `torch.nn.LeakyReLU`. */
export class LeakyReLU extends Module {
  readonly negativeSlope: number
  readonly inplace: boolean

  constructor(options?: LeakyReluFunctionOptions)
  constructor(negativeSlope: number, options?: Omit<LeakyReluFunctionOptions, 'negativeSlope'>)
  constructor(...given: readonly unknown[]) {
    super()
    const { negativeSlope = 0.01, inplace = false } = LEAKY.read([], given)
    this.negativeSlope = checkNumber('negativeSlope', negativeSlope)
    this.inplace = checkBoolean('inplace', inplace)
  }

  override forward(input: Tensor): Tensor {
    return F.leakyRelu(input, this.negativeSlope, { inplace: this.inplace })
  }

  override extraRepr(): string {
    return `negative_slope=${pythonFloat(this.negativeSlope)}${this.inplace ? ', inplace=True' : ''}`
  }
}

/** Elements below 0 become `alpha * (exp(x) - 1)`. Follows `torch.nn.ELU`. */
export class ELU extends Module {
  readonly alpha: number
  readonly inplace: boolean

  constructor(options?: EluFunctionOptions)
  constructor(alpha: number, options?: Omit<EluFunctionOptions, 'alpha'>)
  constructor(...given: readonly unknown[]) {
    super()
    const { alpha = 1, inplace = false } = ELU_SIGNATURE.read([], given)
    this.alpha = checkNumber('alpha', alpha)
    this.inplace = checkBoolean('inplace', inplace)
  }

  override forward(input: Tensor): Tensor {
    return F.elu(input, this.alpha, { inplace: this.inplace })
  }

  override extraRepr(): string {
    return `alpha=${pythonFloat(this.alpha)}${this.inplace ? ', inplace=True' : ''}`
  }
}

/** Multiplies elements below 0 by a learned slope. State key: `weight` (numParameters). Follows `torch.nn.PReLU`. */
export class PReLU extends Module {
  readonly numParameters: number
  readonly init: number
  readonly weight: Parameter

  constructor(options?: PReLUOptions)
  constructor(numParameters: number, options?: Omit<PReLUOptions, 'numParameters'>)
  constructor(...given: readonly unknown[]) {
    super()
    const options = PRELU.read([], given)
    const { numParameters = 1, init = 0.25 } = options
    this.numParameters = checkPositiveInteger('numParameters', numParameters)
    this.init = checkNumber('init', init)
    this.weight = emptyParameter([numParameters], options)
    this.resetParameters()
  }

  override forward(input: Tensor): Tensor {
    return F.prelu(input, this.weight)
  }

  /** Sets the slopes to what they were at first. */
  resetParameters(): void {
    constant_(this.weight, this.init)
  }

  override extraRepr(): string {
    return `num_parameters=${this.numParameters}`
  }
}

/** A smooth form of relu: `log(1 + exp(beta * x)) / beta`. Follows `torch.nn.Softplus`. */
export class Softplus extends Module {
  readonly beta: number
  readonly threshold: number

  constructor(options?: SoftplusFunctionOptions)
  constructor(...given: readonly unknown[]) {
    super()
    const { beta = 1, threshold = 20 } = SOFTPLUS.read([], given)
    this.beta = checkNumber('beta', beta)
    this.threshold = checkNumber('threshold', threshold)
  }

  override forward(input: Tensor): Tensor {
    return F.softplus(input, { beta: this.beta, threshold: this.threshold })
  }

  override extraRepr(): string {
    return `beta=${pythonFloat(this.beta)}, threshold=${pythonFloat(this.threshold)}`
  }
}

/** What both kinds of softmax have in common. */
abstract class AlongDim extends Module {
  readonly dim: number

  constructor(dim: number) {
    super()
    new Signature<NoOptions>(`new ${new.target.name}`, ['dim'], {}).read([dim], [])
    this.dim = checkInteger('dim', dim)
  }

  override extraRepr(): string {
    return `dim=${this.dim}`
  }
}

/**
 * Scales the exponentials along a dimension to the sum 1. Follows `torch.nn.Softmax`, **whose `dim` may be left out, which
 * is deprecated there**.
 */
export class Softmax extends AlongDim {
  override forward(input: Tensor): Tensor {
    return F.softmax(input, this.dim)
  }
}

/** The logarithm of {@link Softmax}, without its loss of precision. Follows `torch.nn.LogSoftmax`. */
export class LogSoftmax extends AlongDim {
  override forward(input: Tensor): Tensor {
    return F.logSoftmax(input, this.dim)
  }
}
