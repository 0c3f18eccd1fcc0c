import type { Budget } from '../budget.js'
import { failAt, type Fail, type FaultLocation } from '../failure.js'
import type { CheckpointLimits } from '../limits.js'
import { collectState, type EntryCounter, type Members } from './module_tree.js'
import { StoredTensor } from '../stored.js'
import { describeValue, PickledObject, type CheckpointValue, type OrderedDict } from '../values.js'
import { isMap, isSet } from '../../util/realm.js'

type Dict = ReadonlyMap<CheckpointValue, CheckpointValue>

const NONE: Dict = new Map()

/** What torch.compile makes of a module: its arguments are the module and what compiles it. */
const COMPILED = 'torch._dynamo.eval_frame.OptimizedModule'

/** Gives the module that torch.compile wrapped, or the value itself. */
export function withoutCompiler(value: CheckpointValue): CheckpointValue {
  return value instanceof PickledObject && value.path === COMPILED ? (value.args[0] ?? null) : value
}

/** Tells whether a value is a `torch.nn.Module` that was pickled as a whole: its attributes say so. */
export function isWholeModule(value: unknown): value is PickledObject {
  if (!(value instanceof PickledObject) || !isMap(value.state)) return false
  return isMap(value.state.get('_parameters')) && isMap(value.state.get('_modules'))
}

/**
 * Gives the state dict of a module that was pickled as a whole, out of the attributes that PyTorch keeps its tensors in:
 * `_parameters`, `_buffers` and `_modules`. Follows `torch.nn.Module.state_dict()`, buffers that are not persistent left
 * out. Nothing of the class is looked at, **so what its own `state_dict` or `get_extra_state` would change is not
 * changed, and versions of modules are not known.**
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` if a child is no such module, holds a parameter without data,
 * or contains itself; `TORCH_CHECKPOINT_CORRUPT` if the attributes are of other types than PyTorch's.
 */
export function wholeModuleState(
  module: PickledObject,
  {
    limits,
    budget,
    place,
  }: { readonly limits: CheckpointLimits; readonly budget: Budget; readonly place: FaultLocation },
): OrderedDict {
  const fail = failAt(place)
  return collectState(module, (value, path, counter) => membersOf(value, path, { counter, fail }), {
    limits,
    budget,
    fail,
  })
}

function membersOf(
  module: PickledObject,
  path: () => string,
  { counter, fail }: { readonly counter: EntryCounter; readonly fail: Fail },
): Members {
  if (!isWholeModule(module) || !isMap(module.state)) {
    const text = `The module at ${path()} is ${describeValue(module)}, which does not say which tensors it has`
    throw fail('TORCH_CHECKPOINT_UNSUPPORTED', text)
  }
  const attributes: Dict = module.state
  const skipped = attributes.get('_non_persistent_buffers_set') ?? new Set()
  if (!isSet(skipped)) {
    const text = `Expected a set of names at ${path()}, found ${describeValue(skipped)}`
    throw fail('TORCH_CHECKPOINT_CORRUPT', text)
  }
  const tensors: [string, StoredTensor][] = []
  for (const attribute of ['_parameters', '_buffers']) {
    const dict = dictAt(attributes, attribute, path, fail)
    counter.take(dict.size)
    for (const [name, value] of dict) {
      if (value === null || (attribute === '_buffers' && skipped.has(name))) continue
      if (typeof name === 'string' && value instanceof StoredTensor) tensors.push([name, value])
      else throw unknownMember(attribute, name, value, path, fail)
    }
  }
  const children: [string, PickledObject][] = []
  const modules = dictAt(attributes, '_modules', path, fail)
  counter.take(modules.size)
  for (const [name, wrapped] of modules) {
    const value = withoutCompiler(wrapped)
    if (value === null) continue
    if (typeof name === 'string' && value instanceof PickledObject) children.push([name, value])
    else throw unknownMember('_modules', name, value, path, fail)
  }
  return { tensors, children }
}

function dictAt(attributes: Dict, name: string, path: () => string, fail: Fail): Dict {
  const dict = attributes.get(name)
  if (dict === undefined) return NONE
  if (isMap(dict)) return dict
  throw fail(
    'TORCH_CHECKPOINT_CORRUPT',
    `Expected a dict as ${name} of the module at ${path()}, found ${describeValue(dict)}`,
  )
}

function unknownMember(
  attribute: string,
  name: CheckpointValue,
  value: CheckpointValue,
  path: () => string,
  fail: Fail,
): Error {
  const what = attribute === '_modules' ? 'a module' : 'a tensor'
  const text = `Expected ${what} for ${describeValue(name)} in ${attribute} of the module at ${path()}`
  return fail('TORCH_CHECKPOINT_UNSUPPORTED', `${text}, found ${describeValue(value)}`)
}
