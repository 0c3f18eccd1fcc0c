import { native } from '../libtorch/binding.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean } from '../util/check.js'
import { Signature, type Passing } from '../util/signature.js'
import { handlesOf, Optimizer, stepCount, zerosOf, type OptionKeys, type ParamGroup, type Params } from './optimizer.js'
import { checkBetas, checkChoice, checkOff, checkRate, defined } from './options.js'

/** Options of {@link Adam} and {@link AdamW}; names and defaults are PyTorch's. */
export interface AdamOptions {
  /** Learning rate. Default: `1e-3`. */
  readonly lr?: number | undefined
  /** Shares of the last averages of gradients and of their squares that go on, 0 to below 1. Default: `[0.9, 0.999]`. */
  readonly betas?: readonly [number, number] | undefined
  /** Added to the divisor. Default: `1e-8`. */
  readonly eps?: number | undefined
  /** Share of the parameter that is added to its gradient; of `AdamW`, taken from the parameter. Default: `0`; `1e-2`. */
  readonly weightDecay?: number | undefined
  /** Divide by the largest average so far: Reddi et al. 2018. Default: `false`. */
  readonly amsgrad?: boolean | undefined
  /** As in PyTorch; all parameters of a group are changed in one call either way. Default: `null`. */
  readonly foreach?: boolean | null | undefined
  /** Ascend instead of descending. Default: `false`. */
  readonly maximize?: boolean | undefined
  /** Use libtorch's fused kernels, which are faster and round otherwise. Default: `null`, which is no. */
  readonly fused?: boolean | null | undefined
}

/** Options of a group of {@link Adam} and {@link AdamW}. */
export interface AdamGroup {
  lr: number
  betas: readonly [number, number]
  eps: number
  weightDecay: number
  amsgrad: boolean
  maximize: boolean
  foreach: boolean | null
  capturable: false
  differentiable: false
  fused: boolean | null
  /** Whether the decay is taken from the parameter: that of `AdamW`. */
  decoupledWeightDecay: boolean
}

const DEFAULTS: AdamGroup = {
  ...{ lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false, maximize: false },
  ...{ foreach: null, capturable: false, differentiable: false, fused: null, decoupledWeightDecay: false },
}

const KEYS: OptionKeys<AdamGroup> = [
  ['lr', 'lr'],
  ['betas', 'betas'],
  ['eps', 'eps'],
  ['weightDecay', 'weight_decay'],
  ['amsgrad', 'amsgrad'],
  ['maximize', 'maximize'],
  ['foreach', 'foreach'],
  ['capturable', 'capturable'],
  ['differentiable', 'differentiable'],
  ['fused', 'fused'],
  ['decoupledWeightDecay', 'decoupled_weight_decay'],
]

const OPTIONS: Readonly<Record<keyof AdamOptions, Passing>> = {
  ...{ lr: 'name', betas: 'name', eps: 'name', weightDecay: 'name', amsgrad: 'name' },
  ...{ foreach: 'keyword', maximize: 'keyword', fused: 'keyword' },
}
const ADAM = new Signature<AdamOptions>('new Adam', ['params'], OPTIONS)
const ADAM_W = new Signature<AdamOptions>('new AdamW', ['params'], OPTIONS)

/** What the two have in common. */
abstract class AdamBase extends Optimizer<AdamGroup> {
  protected override checkOptions(options: AdamGroup): AdamGroup {
    const { amsgrad, maximize, foreach, capturable, differentiable, fused, decoupledWeightDecay } = options
    return {
      lr: checkRate('learning rate', options.lr),
      betas: checkBetas(options.betas),
      eps: checkRate('epsilon value', options.eps),
      weightDecay: checkRate('weight_decay value', options.weightDecay),
      amsgrad: checkBoolean('amsgrad', amsgrad),
      maximize: checkBoolean('maximize', maximize),
      foreach: checkChoice('foreach', foreach),
      capturable: checkOff('capturable', capturable),
      differentiable: checkOff('differentiable', differentiable),
      fused: checkChoice('fused', fused),
      decoupledWeightDecay: checkBoolean('decoupledWeightDecay', decoupledWeightDecay),
    }
  }

  protected override stepGroup(group: ParamGroup<AdamGroup>, params: readonly Tensor[]): void {
    const { lr, betas, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, fused } = group
    const [beta1, beta2] = betas
    native.adamStep({
      params: handlesOf(params),
      steps: this.stateOf(params, 'step', stepCount),
      expAvgs: this.stateOf(params, 'exp_avg', zerosOf),
      expAvgSqs: this.stateOf(params, 'exp_avg_sq', zerosOf),
      maxExpAvgSqs: amsgrad ? this.stateOf(params, 'max_exp_avg_sq', zerosOf) : [],
      ...{ lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize },
      fused: fused === true,
    })
  }
}

/**
 * Adam: Kingma and Ba 2014, arXiv:1412.6980. State keys: `step`, `exp_avg`, `exp_avg_sq`, and with `amsgrad` `max_exp_avg_sq`.
 * Follows `torch.optim.Adam`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words.
 */
export class Adam extends AdamBase {
  constructor(params: Params<AdamGroup>, options?: AdamOptions)
  constructor(params: Params<AdamGroup>, ...given: readonly unknown[]) {
    super(params, { ...DEFAULTS, ...defined(ADAM.read([params], given)) }, KEYS)
  }
}

/**
 * Adam whose decay of weights does not pass through the averages: Loshchilov and Hutter 2017, arXiv:1711.05101. State keys as of
 * {@link Adam}. Follows `torch.optim.AdamW`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words.
 */
export class AdamW extends AdamBase {
  constructor(params: Params<AdamGroup>, options?: AdamOptions)
  constructor(params: Params<AdamGroup>, ...given: readonly unknown[]) {
    const own = { weightDecay: 1e-2, decoupledWeightDecay: true }
    super(params, { ...DEFAULTS, ...own, ...defined(ADAM_W.read([params], given)) }, KEYS)
  }
}
