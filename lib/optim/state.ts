import type { CheckpointLimits } from '../checkpoint/limits.js'
import { loadTensors } from '../checkpoint/load.js'
import { readCheckpoint } from '../checkpoint/read.js'
import { StoredTensor } from '../checkpoint/stored.js'
import { tuple } from '../checkpoint/values.js'
import type { CheckpointTree } from '../checkpoint/write/tree.js'
import { isTensor } from '../nn/checks.js'
import type { Tensor } from '../tensor/tensor.js'
import { full } from '../tensor/creation.js'
import { checkOptions, describe } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import type { FileInput } from '../util/file_input.js'
import { isMap, isPlainObject } from '../util/realm.js'
import type { OptionKeys, ParameterState, ParamGroup, StateValue } from './optimizer.js'

/** The state of an optimizer in the structure of `torch.optim`, with PyTorch's keys. */
export interface OptimizerStateDict {
  /** What is remembered, by the numbers of the parameters, which are counted over all groups. */
  readonly state: ReadonlyMap<number, ReadonlyMap<string, StateValue>>
  readonly param_groups: readonly Readonly<Record<string, CheckpointTree>>[]
  readonly [key: string]: CheckpointTree
}

/** Options of {@link loadOptimizerState}. */
export interface LoadOptimizerStateOptions {
  /** Limits other than the defaults. */
  readonly limits?: Partial<CheckpointLimits> | undefined
}

/**
 * Reads the state of an optimizer or a scheduler that Python wrote with `torch.save(optimizer.state_dict(), file)`, or
 * `saveCheckpoint`, for `loadStateDict`. Its tensors belong to the caller: use a `scope()`.
 *
 * @throws {CheckpointError} as `readCheckpoint` does.
 */
export async function loadOptimizerState(file: FileInput, options: LoadOptimizerStateOptions = {}): Promise<unknown> {
  checkOptions('loadOptimizerState()', options, ['limits'])
  const { root } = await readCheckpoint(file, options)
  const stored = new Set<StoredTensor>()
  visit(root, (value) => stored.add(value))
  const list = [...stored]
  const tensors = await loadTensors(list)
  const loaded = new Map(list.map((value, index) => [value, tensors[index]]))
  return visit(root, (value) => loaded.get(value))
}

/** Copies a tree, with another value in the place of each tensor. */
function visit(value: unknown, replace: (tensor: StoredTensor) => unknown): unknown {
  if (value instanceof StoredTensor) return replace(value)
  if (Array.isArray(value)) return value.map((item) => visit(item, replace))
  if (isMap(value)) return new Map(Array.from(value, ([key, item]) => [key, visit(item, replace)]))
  return value
}

/** Gives groups and state as `torch.optim` does. */
export function writeState<O extends { lr: number }>(
  groups: readonly ParamGroup<O>[],
  state: ReadonlyMap<Tensor, ParameterState>,
  keys: OptionKeys<ParamGroup<O>>,
): OptimizerStateDict {
  const all = groups.flatMap(({ params }) => params)
  const numbers = new Map(all.map((param, index) => [param, index]))
  const entries = all.flatMap((param, index): [number, ParameterState][] => {
    const values = state.get(param)
    return values === undefined ? [] : [[index, values]]
  })
  return {
    state: new Map(entries),
    param_groups: groups.map((group) => {
      const options = keys.flatMap(([name, key]): [string, CheckpointTree][] => {
        const value: unknown = group[name]
        if (value === undefined) return []
        return [[key, Array.isArray(value) ? tuple([...(value as number[])]) : (value as CheckpointTree)]]
      })
      return Object.fromEntries([...options, ['params', group.params.map((param) => numbers.get(param) ?? 0)]])
    }),
  }
}

/** What {@link readState} found. */
interface LoadedState<O> {
  /** Options of each group. */
  readonly groups: readonly Partial<O>[]
  readonly states: ReadonlyMap<Tensor, ParameterState>
}

/** Reads groups and state, and copies the tensors. Call it where nothing is recorded, and in no scope. */
export function readState<O extends { lr: number }>(
  state: unknown,
  groups: readonly ParamGroup<O>[],
  keys: OptionKeys<ParamGroup<O>>,
): LoadedState<O> {
  const saved = field(state, 'param_groups')
  if (!Array.isArray(saved))
    throw fault(`Expected param_groups in the state of an optimizer, received ${describe(state)}`)
  if (saved.length !== groups.length) throw fault('loaded state dict has a different number of parameter groups')
  const params = new Map<number, Tensor>()
  groups.forEach((group, index) => {
    const numbers = field(saved[index], 'params')
    if (!Array.isArray(numbers) || numbers.length !== group.params.length) {
      throw fault("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
    }
    group.params.forEach((param, place) => params.set(Number(numbers[place]), param))
  })
  const options = saved.map((group: unknown) => {
    const found = keys.map(([name, key]) => [name, field(group, key)] as const)
    return Object.fromEntries(found.filter(([, value]) => value !== undefined)) as Partial<O>
  })

  const states = new Map<Tensor, ParameterState>()
  try {
    for (const [number, values] of entriesOf(field(state, 'state'))) {
      const param = params.get(Number(number))
      if (param === undefined) continue
      const copies: ParameterState = new Map()
      states.set(param, copies)
      for (const [key, value] of entriesOf(values)) copies.set(String(key), copyOf(String(key), value, param))
    }
  } catch (error) {
    for (const values of states.values()) {
      for (const value of values.values()) for (const item of [value].flat()) if (isTensor(item)) item.dispose()
    }
    throw error
  }
  return { groups: options, states }
}

/** Copies a value to the dtype and device of its parameter, except a count of steps, which stays as it is. */
function copyOf(key: string, value: unknown, param: Tensor): StateValue {
  if (Array.isArray(value)) return value.map((item: unknown) => (item === null ? null : tensorOf(key, item, param)))
  if (value === null) return null
  // Old versions of PyTorch counted in numbers.
  if (typeof value === 'number') return key === 'step' ? full([], value) : value
  return tensorOf(key, value, param)
}

function tensorOf(key: string, value: unknown, param: Tensor): Tensor {
  if (!isTensor(value)) throw fault(`Expected a tensor for ${key}, received ${describe(value)}`)
  if (key === 'step') return value.clone()
  const isCast = param.isFloatingPoint()
  const isSame = value.ndim === param.ndim && value.shape.every((size, dim) => size === param.shape[dim])
  if (isSame && value.numel > 0) {
    // In the layout of the parameter, which fused kernels count on.
    return param.clone().copy_(value)
  }
  return value.to({ ...(isCast ? { dtype: param.dtype } : {}), device: param.device as 'cpu', copy: true })
}

function field(value: unknown, key: string): unknown {
  if (isMap(value)) return value.get(key)
  return isPlainObject(value) ? value[key] : undefined
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (isMap(value)) return [...value]
  if (isPlainObject(value)) return Object.entries(value)
  throw fault(`Expected a dict in the state of an optimizer, received ${describe(value)}`)
}

function fault(text: string): TorchError {
  return new TorchError('TORCH_STATE_DICT', text)
}
