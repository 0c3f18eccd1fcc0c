import { native } from '../libtorch/binding.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean } from '../util/check.js'
import { Signature } from '../util/signature.js'
import { handlesOf, Optimizer, stepCount, zerosOf, type OptionKeys, type ParamGroup, type Params } from './optimizer.js'
import { checkChoice, checkOff, checkRate, defined } from './options.js'

/** Options of {@link RMSprop}; names and defaults are PyTorch's. */
export interface RMSpropOptions {
  /** Learning rate. Default: `1e-2`. */
  readonly lr?: number | undefined
  /** Share of the last average of squares that goes on. Default: `0.99`. */
  readonly alpha?: number | undefined
  /** Added to the divisor. Default: `1e-8`. */
  readonly eps?: number | undefined
  /** Share of the parameter that is added to its gradient. Default: `0`. */
  readonly weightDecay?: number | undefined
  /** Share of the last direction that goes on. Default: `0`. */
  readonly momentum?: number | undefined
  /** Divide by the deviation instead of the root of the average of squares. Default: `false`. */
  readonly centered?: boolean | undefined
  /** As in PyTorch; all parameters of a group are changed in one call either way. Default: `null`. */
  readonly foreach?: boolean | null | undefined
  /** Ascend instead of descending. Default: `false`. */
  readonly maximize?: boolean | undefined
}

/** Options of a group of {@link RMSprop}. */
export interface RMSpropGroup {
  lr: number
  momentum: number
  alpha: number
  eps: number
  centered: boolean
  weightDecay: number
  capturable: false
  foreach: boolean | null
  maximize: boolean
  differentiable: false
}

const DEFAULTS: RMSpropGroup = {
  ...{ lr: 1e-2, momentum: 0, alpha: 0.99, eps: 1e-8, centered: false, weightDecay: 0 },
  ...{ capturable: false, foreach: null, maximize: false, differentiable: false },
}

const KEYS: OptionKeys<RMSpropGroup> = [
  ['lr', 'lr'],
  ['momentum', 'momentum'],
  ['alpha', 'alpha'],
  ['eps', 'eps'],
  ['centered', 'centered'],
  ['weightDecay', 'weight_decay'],
  ['capturable', 'capturable'],
  ['foreach', 'foreach'],
  ['maximize', 'maximize'],
  ['differentiable', 'differentiable'],
]

const RMSPROP = new Signature<RMSpropOptions>('new RMSprop', ['params'], {
  ...{ lr: 'name', alpha: 'name', eps: 'name', weightDecay: 'name', momentum: 'name', centered: 'name' },
  ...{ foreach: 'keyword', maximize: 'keyword' },
})

/**
 * Divides by the root of a moving average of squared gradients: Hinton's lecture 6e. State keys: `step`, `square_avg`, with momentum
 * `momentum_buffer`, and if centered `grad_avg`. Follows `torch.optim.RMSprop`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words.
 */
export class RMSprop extends Optimizer<RMSpropGroup> {
  constructor(params: Params<RMSpropGroup>, options?: RMSpropOptions)
  constructor(params: Params<RMSpropGroup>, ...given: readonly unknown[]) {
    super(params, { ...DEFAULTS, ...defined(RMSPROP.read([params], given)) }, KEYS)
  }

  protected override checkOptions(options: RMSpropGroup): RMSpropGroup {
    const { centered, capturable, foreach, maximize, differentiable } = options
    return {
      lr: checkRate('learning rate', options.lr),
      momentum: checkRate('momentum value', options.momentum),
      alpha: checkRate('alpha value', options.alpha),
      eps: checkRate('epsilon value', options.eps),
      centered: checkBoolean('centered', centered),
      weightDecay: checkRate('weight_decay value', options.weightDecay),
      capturable: checkOff('capturable', capturable),
      foreach: checkChoice('foreach', foreach),
      maximize: checkBoolean('maximize', maximize),
      differentiable: checkOff('differentiable', differentiable),
    }
  }

  protected override stepGroup(group: ParamGroup<RMSpropGroup>, params: readonly Tensor[]): void {
    const { lr, alpha, eps, weightDecay, momentum, centered, maximize } = group
    native.rmspropStep({
      params: handlesOf(params),
      steps: this.stateOf(params, 'step', stepCount),
      squareAvgs: this.stateOf(params, 'square_avg', zerosOf),
      momentumBuffers: momentum > 0 ? this.stateOf(params, 'momentum_buffer', zerosOf) : [],
      gradAvgs: centered ? this.stateOf(params, 'grad_avg', zerosOf) : [],
      ...{ lr, alpha, eps, weightDecay, momentum, centered, maximize },
    })
  }
}
