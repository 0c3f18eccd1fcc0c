import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { apply } from '../tensor/apply.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkBoolean, checkNumber } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { handlesOf, Optimizer, type OptionKeys, type ParamGroup, type Params } from './optimizer.js'
import { checkChoice, checkOff, checkRate, defined } from './options.js'

/** Options of {@link SGD}; names and defaults are PyTorch's. */
export interface SGDOptions {
  /** Learning rate. Default: `1e-3`. */
  readonly lr?: number | undefined
  /** Share of the last direction that goes on. Default: `0`. */
  readonly momentum?: number | undefined
  /** Share of the gradient that the direction leaves out. Default: `0`. */
  readonly dampening?: number | undefined
  /** Share of the parameter that is added to its gradient. Default: `0`. */
  readonly weightDecay?: number | undefined
  /** Look ahead along the direction. Default: `false`. */
  readonly nesterov?: boolean | undefined
  /** Ascend instead of descending. Default: `false`. */
  readonly maximize?: boolean | undefined
  /** As in PyTorch; all parameters of a group are changed in one call either way. Default: `null`. */
  readonly foreach?: boolean | null | undefined
  /** Use libtorch's fused kernels, which are faster and round otherwise. Default: `null`, which is no. */
  readonly fused?: boolean | null | undefined
}

/** Options of a group of {@link SGD}. */
export interface SGDGroup {
  lr: number
  momentum: number
  dampening: number
  weightDecay: number
  nesterov: boolean
  maximize: boolean
  foreach: boolean | null
  differentiable: false
  fused: boolean | null
}

const BUFFER = 'momentum_buffer'

const DEFAULTS: SGDGroup = {
  ...{ lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false },
  ...{ foreach: null, differentiable: false, fused: null },
}

const KEYS: OptionKeys<SGDGroup> = [
  ['lr', 'lr'],
  ['momentum', 'momentum'],
  ['dampening', 'dampening'],
  ['weightDecay', 'weight_decay'],
  ['nesterov', 'nesterov'],
  ['maximize', 'maximize'],
  ['foreach', 'foreach'],
  ['differentiable', 'differentiable'],
  ['fused', 'fused'],
]

const SGD_SIGNATURE = new Signature<SGDOptions>('new SGD', ['params'], {
  ...{ lr: 'name', momentum: 'name', dampening: 'name', weightDecay: 'name', nesterov: 'name' },
  ...{ maximize: 'keyword', foreach: 'keyword', fused: 'keyword' },
})

/**
 * Stochastic gradient descent, with momentum if asked for. State key: `momentum_buffer`. Follows `torch.optim.SGD`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words.
 */
export class SGD extends Optimizer<SGDGroup> {
  constructor(params: Params<SGDGroup>, options?: SGDOptions)
  constructor(params: Params<SGDGroup>, ...given: readonly unknown[]) {
    super(params, { ...DEFAULTS, ...defined(SGD_SIGNATURE.read([params], given)) }, KEYS)
  }

  protected override checkOptions(options: SGDGroup): SGDGroup {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize, foreach, differentiable, fused } = options
    const checked = {
      lr: checkRate('learning rate', lr),
      momentum: checkRate('momentum value', momentum),
      dampening: checkNumber('dampening', dampening),
      weightDecay: checkRate('weight_decay value', weightDecay),
      nesterov: checkBoolean('nesterov', nesterov),
      maximize: checkBoolean('maximize', maximize),
      foreach: checkChoice('foreach', foreach),
      differentiable: checkOff('differentiable', differentiable),
      fused: checkChoice('fused', fused),
    }
    if (nesterov && (momentum <= 0 || dampening !== 0)) {
      const text = 'Nesterov momentum requires a momentum and zero dampening'
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
    return checked
  }

  protected override stepGroup(group: ParamGroup<SGDGroup>, params: readonly Tensor[]): void {
    if (group.momentum === 0) {
      this.#descend(group, params, [], false)
      return
    }
    // The first direction of a parameter is its gradient.
    const first = params.filter((param) => !this.hasState(param, BUFFER))
    const others = params.filter((param) => this.hasState(param, BUFFER))
    if (first.length > 0) this.#descend(group, first, this.#buffers(first), false)
    if (others.length > 0) this.#descend(group, others, this.#buffers(others), true)
  }

  #buffers(params: readonly Tensor[]): readonly TensorHandle[] {
    return this.stateOf(params, BUFFER, (param) => apply('aten::empty_like', param))
  }

  #descend(
    { lr, momentum, dampening, weightDecay, nesterov, maximize, fused }: SGDGroup,
    params: readonly Tensor[],
    momentumBuffers: readonly TensorHandle[],
    hasBuffers: boolean,
  ): void {
    native.sgdStep({
      params: handlesOf(params),
      ...{ momentumBuffers, hasBuffers },
      ...{ lr, momentum, dampening, weightDecay, nesterov, maximize },
      fused: fused === true,
    })
  }
}
