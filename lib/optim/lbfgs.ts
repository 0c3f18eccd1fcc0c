import { inGradModeNow } from '../libtorch/grad_mode.js'
import { isTensor } from '../nn/checks.js'
import { cat, full, zeros } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkNonNegativeInteger, checkNumber, checkPositiveInteger, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { synchronousScope, withoutScope } from '../util/scope.js'
import { Signature } from '../util/signature.js'
import { Optimizer, type OptionKeys, type ParameterState, type Params, type StateValue } from './optimizer.js'
import { checkRate, defined } from './options.js'
import { strongWolfe, type LossAlong } from './strong_wolfe.js'

/** Options of {@link LBFGS}; names and defaults are PyTorch's. */
export interface LBFGSOptions {
  /** Learning rate. Default: `1`. */
  readonly lr?: number | undefined
  /** Iterations of a step. Default: `20`. */
  readonly maxIter?: number | undefined
  /** Evaluations of the loss in a step. Default: `maxIter * 1.25`. */
  readonly maxEval?: number | null | undefined
  /** Ends a step where all gradients are this small. Default: `1e-7`. */
  readonly toleranceGrad?: number | undefined
  /** Ends a step where the loss or the parameters change by less. Default: `1e-9`. */
  readonly toleranceChange?: number | undefined
  /** Directions that are remembered. Default: `100`. */
  readonly historySize?: number | undefined
  /** Search along each direction. Default: `null`, which takes the learning rate as it is. */
  readonly lineSearchFn?: 'strong_wolfe' | null | undefined
}

/** Options of the one group of {@link LBFGS}. */
export interface LBFGSGroup {
  lr: number
  maxIter: number
  maxEval: number
  toleranceGrad: number
  toleranceChange: number
  historySize: number
  lineSearchFn: 'strong_wolfe' | null
}

const KEYS: OptionKeys<LBFGSGroup> = [
  ['lr', 'lr'],
  ['maxIter', 'max_iter'],
  ['maxEval', 'max_eval'],
  ['toleranceGrad', 'tolerance_grad'],
  ['toleranceChange', 'tolerance_change'],
  ['historySize', 'history_size'],
  ['lineSearchFn', 'line_search_fn'],
]

const SIGNATURE = new Signature<LBFGSOptions>('new LBFGS', ['params'], {
  ...{ lr: 'name', maxIter: 'name', maxEval: 'name', toleranceGrad: 'name', toleranceChange: 'name' },
  ...{ historySize: 'name', lineSearchFn: 'name' },
})

/** Curvature along a remembered direction below which it is left out: that of minFunc. */
const MIN_CURVATURE = 1e-10

/**
 * L-BFGS of minFunc: a step evaluates the loss several times, by the function that it is given. It has one group of parameters, and
 * needs memory for `historySize` copies of them. Follows `torch.optim.LBFGS`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words; of `step()` without a function.
 */
export class LBFGS extends Optimizer<LBFGSGroup> {
  constructor(params: Params<LBFGSGroup>, options?: LBFGSOptions)
  constructor(params: Params<LBFGSGroup>, ...given: readonly unknown[]) {
    const { lr = 1, maxIter = 20, maxEval, ...others } = defined(SIGNATURE.read([params], given))
    const tolerances = { toleranceGrad: 1e-7, toleranceChange: 1e-9, historySize: 100, lineSearchFn: null }
    super(params, { ...tolerances, ...others, lr, maxIter, maxEval: maxEval ?? Math.floor((maxIter * 5) / 4) }, KEYS)
    if (this.paramGroups.length !== 1) {
      const text = "LBFGS doesn't support per-parameter options (parameter groups)"
      throw new TorchError('TORCH_INVALID_ARGUMENT', text)
    }
  }

  /** Takes a step. `closure` takes the gradients away, computes the loss and its gradients, and gives it; it must be synchronous. */
  override step<T>(closure: () => T): T
  override step(): undefined
  override step<T>(closure?: () => T): T | undefined {
    if (typeof closure !== 'function') throw expected('a function that computes the loss', 'closure', closure)
    return inGradModeNow('disabled', () => synchronousScope(() => this.#minimize(closure)))
  }

  protected override checkOptions(options: LBFGSGroup): LBFGSGroup {
    const { lineSearchFn } = options
    if (lineSearchFn !== null && (lineSearchFn as string) !== 'strong_wolfe') {
      throw new TorchError('TORCH_INVALID_ARGUMENT', "only 'strong_wolfe' is supported")
    }
    return {
      lr: checkRate('learning rate', options.lr),
      maxIter: checkPositiveInteger('maxIter', options.maxIter),
      maxEval: checkNonNegativeInteger('maxEval', options.maxEval),
      toleranceGrad: checkNumber('toleranceGrad', options.toleranceGrad),
      toleranceChange: checkNumber('toleranceChange', options.toleranceChange),
      historySize: checkPositiveInteger('historySize', options.historySize),
      lineSearchFn,
    }
  }

  protected override stepGroup(): void {
    throw expected('step() with a function', 'closure', undefined)
  }

  #minimize<T>(closure: () => T): T {
    const [group] = this.paramGroups
    const [first] = group?.params ?? []
    if (group === undefined || first === undefined) throw expected('a group of parameters', 'params', group)
    const { params, lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, lineSearchFn } = group
    const memory = new Memory(this.state, first)
    try {
      const evaluate = (): [T, number] => {
        const value = inGradModeNow('enabled', closure)
        return [value, lossOf(value)]
      }
      const [result, start] = evaluate()
      let [loss, gradient] = [start, flatGrad(params)]
      let evaluations = 1
      memory.funcEvals++
      if (largest(gradient) <= toleranceGrad) return result

      for (let iteration = 1; iteration <= maxIter; iteration++) {
        memory.nIter++
        const direction = memory.nextDirection(gradient, historySize)
        const lastLoss = loss
        memory.prevLoss = loss
        let t = memory.nIter === 1 ? Math.min(1, 1 / Number(gradient.abs().sum().item())) * lr : lr
        memory.t = t
        const slope = dot(gradient, direction)
        if (slope > -toleranceChange) break

        let isOptimal = false
        let searched = 0
        if (lineSearchFn !== null) {
          const from = params.map((param) => param.clone())
          const along = (step: number): LossAlong => {
            addAlong(params, step, direction)
            const [, value] = evaluate()
            const found = flatGrad(params)
            params.forEach((param, index) => param.copy_(from[index] ?? param))
            return { step, loss: value, gradient: found, slope: dot(found, direction) }
          }
          const here = { step: 0, loss, gradient, slope }
          const limits = { toleranceChange, maxEvaluations: maxEval - evaluations }
          const best = strongWolfe(along, here, t, largest(direction), limits)
          ;({ step: t, loss, gradient } = best.found)
          searched = best.evaluations
          memory.t = t
          addAlong(params, t, direction)
          isOptimal = largest(gradient) <= toleranceGrad
        } else {
          addAlong(params, t, direction)
          if (iteration !== maxIter) {
            loss = evaluate()[1]
            gradient = flatGrad(params)
            isOptimal = largest(gradient) <= toleranceGrad
            searched = 1
          }
        }
        evaluations += searched
        memory.funcEvals += searched
        if (iteration === maxIter || evaluations >= maxEval || isOptimal) break
        if (largest(direction) * t <= toleranceChange || Math.abs(loss - lastLoss) < toleranceChange) break
      }
      memory.commit()
      return result
    } finally {
      memory.close()
    }
  }
}

/** What is remembered between steps, by PyTorch's keys. It is written back as a whole, or not at all. */
class Memory {
  funcEvals: number
  nIter: number
  t: number
  prevLoss: number
  readonly #states: Map<Tensor, ParameterState>
  readonly #param: Tensor
  readonly #before: ParameterState
  readonly #made = new Set<Tensor>()
  #direction: Tensor | null
  #lastGradient: Tensor | null
  #changes: Tensor[]
  #steps: Tensor[]
  #ro: number[]
  #diagonal: number

  constructor(states: Map<Tensor, ParameterState>, param: Tensor) {
    this.#states = states
    this.#param = param
    this.#before = states.get(param) ?? new Map<string, StateValue>()
    this.funcEvals = this.#number('func_evals')
    this.nIter = this.#number('n_iter')
    this.t = this.#number('t')
    this.prevLoss = this.#number('prev_loss')
    this.#diagonal = this.#number('H_diag')
    this.#direction = this.#tensor('d')
    this.#lastGradient = this.#tensor('prev_flat_grad')
    this.#changes = this.#tensors('old_dirs')
    this.#steps = this.#tensors('old_stps')
    this.#ro = this.#tensors('ro').map((value) => Number(value.item()))
  }

  /** Gives the direction in which to go from where the gradient is `gradient`. */
  nextDirection(gradient: Tensor, historySize: number): Tensor {
    const [last, lastGradient] = [this.#direction, this.#lastGradient]
    if (this.nIter === 1 || last === null || lastGradient === null) {
      this.#changes = []
      this.#steps = []
      this.#ro = []
      this.#diagonal = 1
      this.#direction = this.#own(() => gradient.neg())
    } else {
      const change = this.#own(() => gradient.sub(lastGradient))
      const step = this.#own(() => last.mul(this.t))
      const curvature = dot(change, step)
      if (curvature > MIN_CURVATURE) {
        if (this.#changes.length === historySize)
          for (const list of [this.#changes, this.#steps, this.#ro]) list.shift()
        this.#changes.push(change)
        this.#steps.push(step)
        this.#ro.push(1 / curvature)
        this.#diagonal = curvature / dot(change, change)
      }
      this.#direction = this.#own(() => this.#twoLoops(gradient))
    }
    this.#lastGradient = this.#own(() => gradient.clone())
    return this.#direction
  }

  /** Writes it back. */
  commit(): void {
    const scalar = (value: number): Tensor => this.#own(() => full([], value, { dtype: this.#param.dtype }))
    const { funcEvals, nIter, t, prevLoss } = this
    const after: ParameterState = new Map<string, StateValue>([
      ['func_evals', funcEvals],
      ['n_iter', nIter],
      ['d', this.#direction],
      ['t', t],
      ['old_dirs', this.#changes],
      ['old_stps', this.#steps],
      ['ro', this.#ro.map(scalar)],
      ['H_diag', this.#diagonal],
      ['prev_flat_grad', this.#lastGradient],
      ['prev_loss', prevLoss],
    ])
    const held = new Set(tensorsIn(after))
    for (const tensor of tensorsIn(this.#before)) if (!held.has(tensor)) tensor.dispose()
    for (const tensor of held) this.#made.delete(tensor)
    this.#states.set(this.#param, after)
  }

  /** Disposes what has not been written back. */
  close(): void {
    for (const tensor of this.#made) tensor.dispose()
    this.#made.clear()
  }

  #twoLoops(gradient: Tensor): Tensor {
    const factors: number[] = []
    const result = gradient.neg()
    for (let index = this.#changes.length - 1; index >= 0; index--) {
      const [change, step] = [this.#changes[index], this.#steps[index]]
      if (change === undefined || step === undefined) continue
      const factor = dot(step, result) * (this.#ro[index] ?? NaN)
      factors[index] = factor
      result.add_(change, { alpha: -factor })
    }
    result.mul_(this.#diagonal)
    this.#changes.forEach((change, index) => {
      const share = dot(change, result) * (this.#ro[index] ?? NaN)
      result.add_(this.#steps[index] ?? change, { alpha: (factors[index] ?? NaN) - share })
    })
    return result
  }

  /** Makes a tensor that outlives the step. */
  #own(make: () => Tensor): Tensor {
    const made = withoutScope(() => synchronousScope(make))
    this.#made.add(made)
    return made
  }

  #number(key: string): number {
    const value = this.#before.get(key)
    return isTensor(value) ? Number(value.item()) : typeof value === 'number' ? value : 0
  }

  #tensor(key: string): Tensor | null {
    const value = this.#before.get(key)
    return isTensor(value) ? value : null
  }

  #tensors(key: string): Tensor[] {
    const value = this.#before.get(key)
    return Array.isArray(value) ? value.filter(isTensor) : []
  }
}

function tensorsIn(state: ParameterState): readonly Tensor[] {
  return Array.from(state.values()).flat().filter(isTensor)
}

function lossOf(value: unknown): number {
  const loss = isTensor(value) ? Number(value.item()) : value
  if (typeof loss !== 'number') throw expected('a tensor () or a number', 'the result of closure', value)
  return loss
}

/** The gradients of all parameters in one row, 0 where there is none. */
function flatGrad(params: readonly Tensor[]): Tensor {
  return cat(params.map((param) => (param.grad === null ? zeros([param.numel]) : param.grad.reshape(-1))))
}

function addAlong(params: readonly Tensor[], step: number, direction: Tensor): void {
  let offset = 0
  for (const param of params) {
    param.add_(direction.slice(0, offset, offset + param.numel).view(param.shape), { alpha: step })
    offset += param.numel
  }
}

function dot(a: Tensor, b: Tensor): number {
  return Number(a.matmul(b).item())
}

function largest(tensor: Tensor): number {
  return Number(tensor.abs().max().item())
}
