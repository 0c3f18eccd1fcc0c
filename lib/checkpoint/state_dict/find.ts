import { checkBoolean, checkOptions, expected } from '../../util/check.js'
import { advice, failure, type FaultLocation } from '../failure.js'
import { checkLimits, type CheckpointLimits } from '../limits.js'
import type { Checkpoint } from '../read.js'
import { StoredTensor } from '../stored.js'
import { describeValue, OrderedDict, PickledObject, type CheckpointValue } from '../values.js'
import { isWholeModule, wholeModuleState } from './whole_module.js'

/** Where training scripts put the state dict of the model, in the order in which they are tried. */
const USUAL_KEYS = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'net',
  'network',
  'module',
  'weights',
  'params',
  'generator',
  'backbone',
  'encoder',
  // Averages of the weights come last: a script that saves both means the others.
  'state_dict_ema',
  'model_ema_state_dict',
  'model_ema',
  'ema_state_dict',
  'ema_model',
  'ema',
  'params_ema',
  'shadow_params',
]

/** Where the tensors are an optimizer's and not a model's. */
const NEVER = /optim|sched|scaler|lr_|rng|loss|criterion/i

/** State dicts lie at most this deep: `{ model: { state_dict: … } }`. */
const DEEPEST = 3

/** Options of {@link findStateDict}. */
export interface FindOptions {
  /** Where the state dict lies, such as `model` or `model.state_dict`. Default: it is searched. */
  readonly key?: string | undefined
  /**
   * Take a module that was pickled as a whole for its state dict: its parameters and buffers are read out of its
   * attributes, and nothing of its code is run. Default: `false`, such a checkpoint is refused.
   */
  readonly wholeModule?: boolean | undefined
  /** Limits other than the defaults, for the size of a whole module. */
  readonly limits?: Partial<CheckpointLimits> | undefined
}

/** The state dict of a checkpoint, its tensors still in the file. */
export interface FoundStateDict {
  /** Where it was found, such as `model.state_dict`; `''` if it is the whole checkpoint. */
  readonly source: string
  /** In the order of the file. */
  readonly tensors: Map<string, StoredTensor>
  /** Facts by module path, such as `version`: PyTorch's `_metadata`. */
  readonly metadata: Map<string, ReadonlyMap<string, unknown>> | null
}

type Dict = ReadonlyMap<CheckpointValue, CheckpointValue>

/** Gives the state dict of a whole module if those are asked for, else the value itself. */
type OpenBranch = (value: CheckpointValue) => CheckpointValue

const EMPTY: Dict = new Map()

/**
 * Finds the state dict in a checkpoint: the root if it is one, else where training scripts put it.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` if there is none, if several others could be meant, or if the
 * checkpoint is a whole pickled module and `wholeModule` is not set. `TORCH_INVALID_ARGUMENT` if nothing lies at `key`.
 */
export function findStateDict(checkpoint: Checkpoint, options: FindOptions = {}): FoundStateDict {
  checkOptions('options', options, ['key', 'wholeModule', 'limits'])
  const { key, wholeModule = false } = options
  checkBoolean('wholeModule', wholeModule)
  const limits = checkLimits(options.limits)
  const place = { path: checkpoint.path ?? undefined }
  const open: OpenBranch = (value) =>
    wholeModule && isWholeModule(value) ? wholeModuleState(value, limits, place) : value
  if (key !== undefined) {
    if (typeof key !== 'string') throw expected('a string', 'key', key)
    return asStateDict(open(valueAt(checkpoint.root, key)), key, place)
  }
  if (wholeModule && isWholeModule(checkpoint.root)) return asStateDict(open(checkpoint.root), '', place)
  const found = search(checkpoint.root, '', 0, open)
  if (found === undefined) throw noStateDict(checkpoint.root, place, open)
  return asStateDict(found.dict, found.path, place)
}

/** Finds the first state dict below `value`, which lies at `path`. */
function search(
  opaque: CheckpointValue,
  path: string,
  depth: number,
  open: OpenBranch,
): { dict: Dict; path: string } | undefined {
  const value = open(opaque)
  if (!(value instanceof Map)) return undefined
  if (isStateDict(value)) return { dict: value, path }
  if (depth === DEEPEST) return undefined
  for (const key of USUAL_KEYS) {
    const found = search(value.get(key) ?? null, join(path, key), depth + 1, open)
    if (found !== undefined) return found
  }
  return undefined
}

/** A dict from names to tensors. A few other values, such as a counter of steps, do not make it another thing. */
function isStateDict(dict: Dict): boolean {
  let tensors = 0
  for (const [key, value] of dict) {
    if (typeof key !== 'string') return false
    if (value instanceof StoredTensor) tensors++
    else if (value instanceof Map || value instanceof PickledObject) return false
  }
  return tensors > 0 && tensors * 2 > dict.size
}

function asStateDict(value: CheckpointValue | Dict, source: string, place: FaultLocation): FoundStateDict {
  const where = source === '' ? 'The checkpoint' : `The value at ${source}`
  if (value instanceof PickledObject) throw wholeObject(value, where, place)
  if (!(value instanceof Map)) {
    throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `${where} is ${describeValue(value)}, expected a state dict`)
  }
  const tensors = new Map<string, StoredTensor>()
  for (const [key, entry] of value) {
    if (typeof key !== 'string' || !(entry instanceof StoredTensor)) {
      const text = `${where} is no state dict: its key ${describeValue(key)} holds ${describeValue(entry)}, expected a tensor`
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
    }
    tensors.set(key, entry)
  }
  return { source, tensors, metadata: metadataOf(value) }
}

function metadataOf(dict: Dict): FoundStateDict['metadata'] {
  const stored = dict instanceof OrderedDict ? dict.attributes?.get('_metadata') : undefined
  if (!(stored instanceof Map)) return null
  const metadata = new Map<string, ReadonlyMap<string, unknown>>()
  for (const [module, facts] of stored) {
    if (typeof module !== 'string' || !(facts instanceof Map)) continue
    const named = [...facts].filter((fact): fact is [string, CheckpointValue] => typeof fact[0] === 'string')
    metadata.set(module, new Map(named))
  }
  return metadata
}

/** Gives what lies at `path`: the entry of that whole name, else, dot by dot, of its parts. */
function valueAt(root: CheckpointValue, path: string): CheckpointValue {
  let value = root
  let rest = path
  while (rest !== '') {
    const dict: Dict = value instanceof Map ? value : EMPTY
    const name = longestKey(dict, rest)
    const next = name === undefined ? undefined : dict.get(name)
    if (name === undefined || next === undefined) throw expected(`one of ${listKeys(dict)}`, 'key', path)
    value = next
    rest = rest.slice(name.length + 1)
  }
  return value
}

function longestKey(dict: Dict, path: string): string | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    const key = path.slice(0, end)
    if (dict.has(key)) return key
  }
  return undefined
}

function noStateDict(root: CheckpointValue, place: FaultLocation, open: OpenBranch): Error {
  if (root instanceof PickledObject) return wholeObject(root, 'The checkpoint', place)
  if (!(root instanceof Map)) {
    return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `Holds ${describeValue(root)}, expected a state dict`)
  }
  for (const key of USUAL_KEYS) {
    const value = root.get(key)
    if (value instanceof PickledObject) return wholeObject(value, `The value at ${key}`, place)
  }
  const candidates: string[] = []
  for (const [key, value] of root) {
    if (typeof key !== 'string' || NEVER.test(key)) continue
    const found = search(value, key, 1, open)
    if (found !== undefined) candidates.push(found.path)
  }
  if (candidates.length === 0) {
    const text = `Holds no state dict: its keys are ${listKeys(root)}, none of which leads to tensors`
    return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
  }
  const [value = '', ...rest] = candidates
  const suggestion = { name: 'key', value, text: `{ key: '${value}' }` }
  const others = rest.length === 0 ? '' : `, or one of ${rest.join(', ')}`
  return advice(place, `Holds a state dict under an unusual key: pass ${suggestion.text}${others}`, suggestion)
}

const WHOLE_MODULE = { name: 'wholeModule', value: true, text: '{ wholeModule: true }' }

function wholeObject(value: PickledObject, where: string, place: FaultLocation): Error {
  const inPython = `in Python, save torch.save(model.state_dict(), 'new.pth') instead`
  if (!isWholeModule(value)) {
    const text = `${where} is ${describeValue(value)}: its code is not in the file; ${inPython}`
    return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
  }
  const what = `a whole pickled module of class ${value.path}`
  const text = `${where} is ${what}: pass ${WHOLE_MODULE.text} to take its parameters and buffers; ${inPython}`
  return advice(place, text, WHOLE_MODULE)
}

function listKeys(dict: Dict): string {
  const names = [...dict.keys()].slice(0, 20).map((key) => (typeof key === 'string' ? `'${key}'` : describeValue(key)))
  if (dict.size > names.length) names.push('…')
  return names.length === 0 ? 'no keys' : names.join(', ')
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}
