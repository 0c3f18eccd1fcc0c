import { native } from '../libtorch/binding.js'
import { apply } from '../tensor/apply.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean } from '../util/check.js'
import { Signature } from '../util/signature.js'
import { handlesOf, Optimizer, stepCount, type OptionKeys, type ParamGroup, type Params } from './optimizer.js'
import { checkChoice, checkOff, checkRate, defined } from './options.js'

/** Options of {@link Adagrad}; names and defaults are PyTorch's. */
export interface AdagradOptions {
  /** Learning rate. Default: `1e-2`. */
  readonly lr?: number | undefined
  /** How fast the learning rate falls with the steps. Default: `0`. */
  readonly lrDecay?: number | undefined
  /** Share of the parameter that is added to its gradient. Default: `0`. */
  readonly weightDecay?: number | undefined
  /** What the sum of squares begins with. Default: `0`. */
  readonly initialAccumulatorValue?: number | undefined
  /** Added to the divisor. Default: `1e-10`. */
  readonly eps?: number | undefined
  /** As in PyTorch; all parameters of a group are changed in one call either way. Default: `null`. */
  readonly foreach?: boolean | null | undefined
  /** Ascend instead of descending. Default: `false`. */
  readonly maximize?: boolean | undefined
  /** Use libtorch's fused kernels, which are faster and round otherwise. Default: `null`, which is no. */
  readonly fused?: boolean | null | undefined
}

/** Options of a group of {@link Adagrad}. */
export interface AdagradGroup {
  lr: number
  lrDecay: number
  eps: number
  weightDecay: number
  initialAccumulatorValue: number
  foreach: boolean | null
  maximize: boolean
  differentiable: false
  fused: boolean | null
}

const DEFAULTS: AdagradGroup = {
  ...{ lr: 1e-2, lrDecay: 0, eps: 1e-10, weightDecay: 0, initialAccumulatorValue: 0 },
  ...{ foreach: null, maximize: false, differentiable: false, fused: null },
}

const KEYS: OptionKeys<AdagradGroup> = [
  ['lr', 'lr'],
  ['lrDecay', 'lr_decay'],
  ['eps', 'eps'],
  ['weightDecay', 'weight_decay'],
  ['initialAccumulatorValue', 'initial_accumulator_value'],
  ['foreach', 'foreach'],
  ['maximize', 'maximize'],
  ['differentiable', 'differentiable'],
  ['fused', 'fused'],
]

const ADAGRAD = new Signature<AdagradOptions>('new Adagrad', ['params'], {
  ...{ lr: 'name', lrDecay: 'name', weightDecay: 'name', initialAccumulatorValue: 'name', eps: 'name' },
  ...{ foreach: 'name', maximize: 'keyword', fused: 'keyword' },
})

/**
 * Divides by the root of the sum of all squared gradients: Duchi, Hazan and Singer 2011. State keys: `step`, `sum`, which exist
 * from the start. Follows `torch.optim.Adagrad`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words.
 */
export class Adagrad extends Optimizer<AdagradGroup> {
  constructor(params: Params<AdagradGroup>, options?: AdagradOptions)
  constructor(params: Params<AdagradGroup>, ...given: readonly unknown[]) {
    super(params, { ...DEFAULTS, ...defined(ADAGRAD.read([params], given)) }, KEYS)
    for (const group of this.paramGroups) this.#sums(group, group.params)
  }

  protected override checkOptions(options: AdagradGroup): AdagradGroup {
    const { foreach, maximize, differentiable, fused } = options
    return {
      lr: checkRate('learning rate', options.lr),
      lrDecay: checkRate('lr_decay value', options.lrDecay),
      eps: checkRate('epsilon value', options.eps),
      weightDecay: checkRate('weight_decay value', options.weightDecay),
      initialAccumulatorValue: checkRate('initial_accumulator_value value', options.initialAccumulatorValue),
      foreach: checkChoice('foreach', foreach),
      maximize: checkBoolean('maximize', maximize),
      differentiable: checkOff('differentiable', differentiable),
      fused: checkChoice('fused', fused),
    }
  }

  protected override stepGroup(group: ParamGroup<AdagradGroup>, params: readonly Tensor[]): void {
    const { lr, lrDecay, eps, weightDecay, maximize, fused } = group
    native.adagradStep({
      params: handlesOf(params),
      ...this.#sums(group, params),
      ...{ lr, lrDecay, eps, weightDecay, maximize },
      fused: fused === true,
    })
  }

  #sums({ initialAccumulatorValue: initial }: AdagradGroup, params: readonly Tensor[]) {
    return {
      steps: this.stateOf(params, 'step', stepCount),
      sums: this.stateOf(params, 'sum', (param) => apply('aten::full_like', param, initial)),
    }
  }
}
