import { zeroGradOf, type ZeroGradOptions } from '../tensor/zero_grad.js'
import { native } from '../libtorch/binding.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { apply } from '../tensor/apply.js'
import { full } from '../tensor/creation.js'
import { handleOf } from '../tensor/handle.js'
import { isTensor } from '../nn/checks.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkOptionNames, describe, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { isPlainObject } from '../util/realm.js'
import { HELD, track, withoutScope } from '../util/scope.js'
import { readState, writeState, type OptimizerStateDict } from './state.js'

/** What an optimizer remembers of a parameter, by PyTorch's keys. */
export type ParameterState = Map<string, StateValue>

/** A value of a {@link ParameterState}. */
export type StateValue = Tensor | number | null | readonly (Tensor | null)[]

/** What schedulers keep beside the options of a group. */
export interface ScheduledOptions {
  lr: number
  /** Learning rate at the start of a schedule. */
  initialLr?: number | undefined
  /** Bounds of `OneCycleLR`. */
  maxLr?: number | undefined
  minLr?: number | undefined
  baseMomentum?: number | undefined
  maxMomentum?: number | undefined
}

/** Parameters that are trained with the same options. The options may be changed between steps. */
export type ParamGroup<O extends object> = O & ScheduledOptions & { readonly params: readonly Tensor[] }

/** Parameters as they are given to an optimizer, and the options in which they differ from its others. */
export type ParamGroupOptions<O extends object> = Partial<O> & { readonly params: Tensor | Iterable<Tensor> }

/** What an optimizer trains: parameters, or groups of them. */
export type Params<O extends object> = Iterable<Tensor> | Iterable<ParamGroupOptions<O>>

/** The keys of a state dict that stand for the options of a group. */
export type OptionKeys<O extends object> = readonly (readonly [name: keyof O & string, key: string])[]

const SCHEDULED_KEYS: OptionKeys<ScheduledOptions> = [
  ['initialLr', 'initial_lr'],
  ['maxLr', 'max_lr'],
  ['minLr', 'min_lr'],
  ['baseMomentum', 'base_momentum'],
  ['maxMomentum', 'max_momentum'],
]

/**
 * Base of the optimizers: groups of parameters, what is remembered of each, and both as PyTorch saves them.
 *
 * An optimizer made inside a `scope()` is disposed with it. Follows `torch.optim.Optimizer`.
 *
 * @typeParam O Options of a group.
 */
export abstract class Optimizer<O extends { lr: number }> implements Disposable {
  readonly paramGroups: ParamGroup<O>[] = []
  /** What is remembered of the parameters that have been trained. Its tensors belong to the optimizer. */
  readonly state = new Map<Tensor, ParameterState>()
  readonly #defaults: O
  readonly #keys: OptionKeys<O>

  protected constructor(params: Params<O>, defaults: O, keys: OptionKeys<O>) {
    this.#keys = keys
    this.#defaults = this.checkOptions(defaults)
    const given: unknown[] = isIterable(params) ? [...params] : []
    if (!isIterable(params)) {
      throw expected('an iterable of tensors or of groups { params, … }', 'params', params)
    }
    if (given.length === 0) throw new TorchError('TORCH_INVALID_ARGUMENT', 'optimizer got an empty parameter list')
    const groups = isPlainObject(given[0]) ? given : [{ params: given }]
    for (const group of groups) this.addParamGroup(group as ParamGroupOptions<O>)
    track(this)
  }

  /**
   * Adds parameters that are trained with the options of the optimizer, or with those given.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, if a parameter is no leaf or is in a group already.
   */
  addParamGroup(group: ParamGroupOptions<O>): void {
    const names = [...this.#keys, ...SCHEDULED_KEYS].map(([name]) => name)
    checkOptionNames('a group of parameters', group, ['params', 'lr', ...names])
    const { params: given, ...options } = group
    const params = isIterable(given) ? [...given] : [given]
    const others = new Set(this.paramGroups.flatMap(({ params }) => params))
    for (const param of params) checkParam(param, others)
    if (new Set(params).size !== params.length) {
      throw new TorchError('TORCH_INVALID_ARGUMENT', 'some parameters appear more than once in a parameter group')
    }
    const checked = this.checkOptions({ ...this.#defaults, ...options })
    this.paramGroups.push({ ...options, ...checked, params })
  }

  /**
   * Changes the parameters by their gradients; those without one stay as they are. Gives what `closure` gives, which computes the
   * loss and the gradients anew.
   */
  step<T>(closure: () => T): T
  step(): undefined
  step<T>(closure?: () => T): T | undefined {
    const loss = closure === undefined ? undefined : inGradModeNow('enabled', closure)
    inGradModeNow('disabled', () => {
      for (const group of this.paramGroups) {
        const params = group.params.filter((param) => !native.isGrad(handleOf(param), null))
        if (params.length > 0) this.stepGroup(group, params)
      }
    })
    return loss
  }

  /** Takes the gradients of all parameters away, or with `setToNone: false` fills them with zeros. */
  zeroGrad(options: ZeroGradOptions = {}): void {
    zeroGradOf(
      this.paramGroups.flatMap(({ params }) => params),
      options,
    )
  }

  /**
   * Gives what `torch.optim` saves: `saveCheckpoint(path, optimizer.stateDict())` writes a file whose content
   * `load_state_dict` takes. **The tensors are the optimizer's own.**
   */
  stateDict(): OptimizerStateDict {
    return writeState(this.paramGroups, this.state, this.#allKeys())
  }

  /**
   * Takes over a state as `torch.optim` saves it, and the options of its groups; `loadOptimizerState` reads it from a file. The
   * tensors are copied. On failure nothing has been changed.
   *
   * @throws {TorchError} `TORCH_STATE_DICT`, in PyTorch's words, if the groups differ in number or size, and for what is no state.
   */
  loadStateDict(state: unknown): void {
    const { groups, states } = inGradModeNow('disabled', () =>
      withoutScope(() => readState(state, this.paramGroups, this.#allKeys())),
    )
    const checked = groups.map((options) => ({ ...options, ...this.checkOptions({ ...this.#defaults, ...options }) }))
    this.#disposeState()
    for (const [param, values] of states) this.state.set(param, values)
    this.paramGroups.forEach((group, index) => Object.assign(group, checked[index]))
  }

  /** Disposes what is remembered of the parameters; they themselves live on. */
  dispose(): void {
    this.#disposeState()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What a scope keeps alive if this is its result. */
  [HELD](): Iterable<{ dispose(): void }> {
    return [this]
  }

  /** Prints the groups and their options as Python does. */
  toString(): string {
    const groups = this.paramGroups.map((group, index) => {
      const options = [...this.#allKeys()].sort(([, one], [, other]) => (one < other ? -1 : 1))
      const lines = options.flatMap(([name, key]) =>
        group[name] === undefined ? [] : [`    ${key}: ${print(group[name])}`],
      )
      return `Parameter Group ${index}\n${lines.join('\n')}\n`
    })
    return `${this.constructor.name} (\n${groups.join('\n')})`
  }

  /** What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }

  /** @throws {TorchError} `TORCH_INVALID_ARGUMENT`, in PyTorch's words, unless each option is what it should be. */
  protected abstract checkOptions(options: O): O

  /** Changes parameters of a group, which all have gradients. */
  protected abstract stepGroup(group: ParamGroup<O>, params: readonly Tensor[]): void

  /** The tensors of a key of the state, one for each parameter; `make` makes one where there is none yet. */
  protected stateOf(params: readonly Tensor[], key: string, make: (param: Tensor) => Tensor): readonly TensorHandle[] {
    return params.map((param) => {
      const values = this.state.get(param) ?? new Map<string, StateValue>()
      this.state.set(param, values)
      let value = values.get(key)
      if (!isTensor(value)) values.set(key, (value = withoutScope(() => make(param))))
      return handleOf(value)
    })
  }

  /** Tells whether the state of a parameter has a tensor of that key. */
  protected hasState(param: Tensor, key: string): boolean {
    return isTensor(this.state.get(param)?.get(key))
  }

  #allKeys(): OptionKeys<O & ScheduledOptions> {
    return [...this.#keys, ...SCHEDULED_KEYS] as OptionKeys<O & ScheduledOptions>
  }

  #disposeState(): void {
    for (const values of this.state.values()) {
      for (const value of values.values()) for (const item of [value].flat()) if (isTensor(item)) item.dispose()
    }
    this.state.clear()
  }
}

/** A count of steps, as PyTorch keeps it. */
export function stepCount(): Tensor {
  return full([], 0)
}

/** Zeros that lie in memory as a parameter does. */
export function zerosOf(param: Tensor): Tensor {
  return apply('aten::zeros_like', param)
}

/** Handles of parameters, as the native steps take them. */
export function handlesOf(params: readonly Tensor[]): readonly TensorHandle[] {
  return params.map((param) => handleOf(param))
}

function checkParam(param: unknown, others: ReadonlySet<Tensor>): void {
  if (!isTensor(param)) {
    throw new TorchError(
      'TORCH_INVALID_ARGUMENT',
      `optimizer can only optimize Tensors, but one of the params is ${describe(param)}`,
    )
  }
  if (!param.isLeaf) throw new TorchError('TORCH_INVALID_ARGUMENT', "can't optimize a non-leaf Tensor")
  if (others.has(param)) {
    throw new TorchError('TORCH_INVALID_ARGUMENT', 'some parameters appear in more than one parameter group')
  }
}

function isIterable<T>(value: unknown): value is Iterable<T> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}

function print(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (value === null) return 'None'
  return Array.isArray(value) ? `(${value.join(', ')})` : describe(value)
}
