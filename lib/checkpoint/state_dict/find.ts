import { checkBoolean, checkOptions, expected, shorten } from '../../util/check.js'
import { Budget, TENSOR_BYTES } from '../budget.js'
import { advice, failAt, failure, type FaultLocation } from '../failure.js'
import { checkLimits, type CheckpointLimits } from '../limits.js'
import type { Checkpoint } from '../read.js'
import { StoredTensor } from '../stored.js'
import type { SuggestedOption } from '../../util/errors.js'
import { describeValue, OrderedDict, PickledObject, type CheckpointValue } from '../values.js'
import { isWholeModule, wholeModuleState, withoutCompiler } from './whole_module.js'
import { isMap } from '../../util/realm.js'

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

/** Elements of a list that are looked into. */
const MAX_ELEMENTS = 64

/** Keys that an error lists. */
const MAX_KEYS = 8

/** Places that an error names. */
const MAX_PLACES = 8

/** Estimated bytes of an entry that is left out, and of the words that say what it is. */
const SKIPPED_BYTES = 400

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
  /** Entries that are no tensors that can be read, such as a counter, each with what it is. */
  readonly skipped: ReadonlyMap<string, string>
  /** Facts by module path, such as `version`: PyTorch's `_metadata`. */
  readonly metadata: Map<string, ReadonlyMap<string, unknown>> | null
}

type Dict = ReadonlyMap<CheckpointValue, CheckpointValue>

/** Gives the state dict of a whole module if those are asked for, else the value itself. */
type OpenBranch = (value: CheckpointValue) => CheckpointValue

const EMPTY: Dict = new Map()

/**
 * Finds the state dict in a checkpoint: the root if it is one, else where training scripts put it, else the only one that is
 * there. Entries of it that are no tensors are left out, and listed.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` if there is none, if several others could be meant, or if the
 * checkpoint is a whole pickled module and `wholeModule` is not set. `TORCH_INVALID_ARGUMENT` if nothing lies at `key`.
 */
export function findStateDict(checkpoint: Checkpoint, options: FindOptions = {}): FoundStateDict {
  if (typeof checkpoint !== 'object' || (checkpoint as unknown) === null || !('root' in checkpoint)) {
    throw expected('what readCheckpoint() gives', 'checkpoint', checkpoint)
  }
  checkOptions('options', options, ['key', 'wholeModule', 'limits'])
  const { key, wholeModule = false } = options
  checkBoolean('wholeModule', wholeModule)
  const limits = checkLimits(options.limits)
  const place = { path: checkpoint.path ?? undefined }
  const budget = new Budget(limits, checkpoint.size, 1 / 2)
  const found = findIn(checkpoint, { key, wholeModule, limits, budget, place })
  // Many keys may hold one tensor of the file, and each becomes one of its own. The first has been counted when it was read.
  const repeated = found.tensors.size - new Set(found.tensors.values()).size
  budget.takeMemory(TENSOR_BYTES * repeated, failAt(place))
  return found
}

interface FindIn {
  readonly key: string | undefined
  readonly wholeModule: boolean
  readonly limits: CheckpointLimits
  readonly budget: Budget
  readonly place: FaultLocation
}

function findIn(checkpoint: Checkpoint, { key, wholeModule, limits, budget, place }: FindIn): FoundStateDict {
  const open: OpenBranch = (wrapped) => {
    const value = withoutCompiler(wrapped)
    return wholeModule && isWholeModule(value) ? wholeModuleState(value, { limits, budget, place }) : value
  }
  const asState = (value: CheckpointValue | Candidate['dict'], source: string): FoundStateDict => {
    return asStateDict(value, source, budget, place)
  }
  if (key !== undefined) {
    if (typeof key !== 'string') throw expected('a string', 'key', key)
    return asState(open(valueAt(checkpoint.root, key)), key)
  }
  if (wholeModule && isWholeModule(withoutCompiler(checkpoint.root))) return asState(open(checkpoint.root), '')
  const found = search(checkpoint.root, '', { depth: 0, open, seen: new Set() })
  if (found !== undefined && (found.path !== '' || isPlainState(found.dict, found.tensors))) {
    return asState(found.dict, found.path)
  }
  const places = placesBelow(checkpoint.root, open)
  const [only, ...others] = places.filter(({ tensors }) => tensors > (found?.tensors ?? 0))
  if (only === undefined && found !== undefined) return asState(found.dict, found.path)
  const empty = only === undefined ? emptyState(checkpoint.root) : undefined
  if (empty !== undefined) return asState(empty.dict, empty.path)
  if (only === undefined || others.length > 0) throw noStateDict(checkpoint.root, places, place)
  return asState(only.dict, only.path)
}

/** A state dict, where it lies, and how many tensors it holds. */
interface Candidate {
  /** A list stays one until it is chosen: there can be many. */
  readonly dict: Dict | readonly CheckpointValue[]
  readonly path: string
  readonly tensors: number
}

/** Finds the first state dict below `value`, which lies at `path`. No value is looked into twice. */
function search(
  opaque: CheckpointValue,
  path: string,
  { depth, open, seen }: { readonly depth: number; readonly open: OpenBranch; readonly seen: Set<CheckpointValue> },
): Candidate | undefined {
  if (typeof opaque !== 'object' || opaque === null || seen.has(opaque)) return undefined
  seen.add(opaque)
  if (Array.isArray(opaque)) {
    // It has no usual keys.
    const tensors = opaque.slice(0, MAX_ELEMENTS).filter((element) => element instanceof StoredTensor).length
    return tensors > 0 ? { dict: opaque, path, tensors } : undefined
  }
  const dict = dictOf(open(opaque))
  if (dict === undefined) return undefined
  const tensors = countTensors(dict)
  const own = tensors > 0 ? { dict, path, tensors } : undefined
  if (depth === DEEPEST || isPlainState(dict, tensors)) return own
  for (const key of USUAL_KEYS) {
    const found = search(dict.get(key) ?? null, join(path, key), { depth: depth + 1, open, seen })
    // A single tensor beside a state dict, such as class weights, does not make the whole one.
    if (found !== undefined && found.tensors >= tensors) return found
  }
  return own
}

/** A dict, an object of a class that is a kind of dict, or a list by the numbers of its elements. */
function dictOf(value: CheckpointValue): Dict | undefined {
  if (isMap(value)) return value
  if (value instanceof PickledObject) return value.entries ?? undefined
  if (!Array.isArray(value)) return undefined
  return new Map(value.slice(0, MAX_ELEMENTS).map((element, index) => [String(index), element]))
}

function countTensors(dict: Dict): number {
  let tensors = 0
  for (const [key, value] of dict) if (typeof key === 'string' && value instanceof StoredTensor) tensors++
  return tensors
}

/** Nothing else is in most state dicts, so that nothing below needs to be searched. */
function isPlainState(dict: Candidate['dict'], tensors: number): boolean {
  return tensors > 0 && tensors === ('size' in dict ? dict.size : Math.min(dict.length, MAX_ELEMENTS))
}

function asStateDict(
  value: CheckpointValue | Candidate['dict'],
  source: string,
  budget: Budget,
  place: FaultLocation,
): FoundStateDict {
  const where = source === '' ? 'The checkpoint' : `The value at ${source}`
  const dict = isMap(value) ? (value as Dict) : dictOf(value as CheckpointValue)
  if (dict === undefined) {
    if (value instanceof PickledObject) throw wholeObject(value, where, place)
    throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `${where} is ${describeValue(value)}, expected a state dict`)
  }
  const tensors = new Map<string, StoredTensor>()
  const skipped = new Map<string, string>()
  // Many entries may hold one value.
  const words = new Map<CheckpointValue, string>()
  for (const [key, entry] of dict) {
    if (typeof key === 'string' && entry instanceof StoredTensor) {
      tensors.set(key, entry)
      continue
    }
    budget.takeMemory(SKIPPED_BYTES, failAt(place))
    const what = words.get(entry) ?? describeValue(entry)
    words.set(entry, what)
    skipped.set(typeof key === 'string' ? key : describeValue(key), what)
  }
  if (tensors.size === 0 && skipped.size > 0) {
    const [key, entry] = dict.entries().next().value ?? []
    const text = `${where} is no state dict: its key ${describeValue(key)} holds ${describeValue(entry)}, expected a tensor`
    throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
  }
  return { source, tensors, skipped, metadata: metadataOf(dict) }
}

function metadataOf(dict: Dict): FoundStateDict['metadata'] {
  const stored = dict instanceof OrderedDict ? dict.attributes?.get('_metadata') : undefined
  if (!isMap(stored)) return null
  const metadata = new Map<string, ReadonlyMap<string, unknown>>()
  // Many modules can have one dict of facts.
  const known = new Map<CheckpointValue, ReadonlyMap<string, unknown>>()
  for (const [module, facts] of stored) {
    if (typeof module !== 'string' || !isMap(facts)) continue
    const named = known.get(facts) ?? namedFacts(facts)
    known.set(facts, named)
    metadata.set(module, named)
  }
  return metadata
}

function namedFacts(facts: Dict): ReadonlyMap<string, unknown> {
  return new Map([...facts].filter((fact): fact is [string, CheckpointValue] => typeof fact[0] === 'string'))
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` if nothing lies at `path`. */
function valueAt(root: CheckpointValue, path: string): CheckpointValue {
  const { value, dict } = followPath(root, path)
  if (value === undefined && dict.size === 0) throw expected('nothing, as the value there has no keys,', 'key', path)
  if (value === undefined) throw expected(`one of ${listKeys(dict)}`, 'key', path)
  return value
}

/**
 * Gives what lies at `path`: the entry of that whole name, else, dot by dot, of its parts. Where nothing does, `value` is undefined,
 * and `dict` the last one that was reached.
 */
export function followPath(
  root: CheckpointValue,
  path: string,
): { readonly value: CheckpointValue | undefined; readonly dict: Dict } {
  let value = root
  let rest = path
  let dict = EMPTY
  while (rest !== '') {
    dict = byName(dictOf(value) ?? EMPTY)
    const name = longestKey(dict, rest)
    const next = name === undefined ? undefined : dict.get(name)
    if (name === undefined || next === undefined) return { value: undefined, dict }
    value = next
    rest = rest.slice(name.length + 1)
  }
  return { value, dict }
}

/** Numbers as keys are asked for by their digits. */
function nameOf(key: CheckpointValue): CheckpointValue {
  return typeof key === 'number' ? String(key) : key
}

function byName(dict: Dict): Dict {
  for (const key of dict.keys()) {
    if (typeof key === 'number') return new Map(Array.from(dict, ([name, value]) => [nameOf(name), value]))
  }
  return dict
}

function longestKey(dict: Dict, path: string): string | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf('.', end - 1)) {
    const key = path.slice(0, end)
    if (dict.has(key)) return key
  }
  return undefined
}

/** Finds state dicts under keys that are not usual, or in a list. */
function placesBelow(root: CheckpointValue, open: OpenBranch): Candidate[] {
  const places: Candidate[] = []
  const seen = new Set<CheckpointValue>([root])
  for (const [key, value] of dictOf(root) ?? EMPTY) {
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    const name = nameOf(key)
    if (typeof name !== 'string' || NEVER.test(name)) continue
    const found = search(value, name, { depth: 1, open, seen })
    if (found !== undefined) places.push(found)
  }
  return places
}

/** Finds a dict without entries where a state dict is usual: that of a model without parameters, such as a ReLU. */
function emptyState(root: CheckpointValue): Pick<Candidate, 'dict' | 'path'> | undefined {
  if (!isMap(root)) return undefined
  if (root.size === 0) return { dict: root, path: '' }
  if (USUAL_KEYS.some((key) => root.get(key) instanceof PickledObject)) return undefined
  const path = USUAL_KEYS.find((key) => isEmptyDict(root.get(key)))
  return path === undefined ? undefined : { dict: EMPTY, path }
}

function isEmptyDict(value: CheckpointValue | undefined): boolean {
  return isMap(value) && value.size === 0
}

function noStateDict(root: CheckpointValue, places: readonly Candidate[], place: FaultLocation): Error {
  if (root instanceof PickledObject && root.entries === null) return wholeObject(root, 'The checkpoint', place)
  const dict = dictOf(root)
  if (dict === undefined) {
    return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `Holds ${describeValue(root)}, expected a state dict`)
  }
  for (const key of USUAL_KEYS) {
    const value = dict.get(key)
    if (value instanceof PickledObject) return wholeObject(value, `The value at ${key}`, place)
  }
  const [value = '', ...rest] = places.map(({ path }) => path)
  if (value === '' && Array.isArray(root)) {
    return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `Holds ${describeValue(root)}, expected a state dict`)
  }
  if (value === '') {
    const text = `Holds no state dict: its keys are ${listKeys(dict)}, none of which leads to tensors`
    return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
  }
  const [suggestion, ...others] = [value, ...rest].slice(0, MAX_PLACES).map((path) => {
    return { name: 'key', value: path, text: `{ key: '${path}' }` }
  }) as [SuggestedOption, ...SuggestedOption[]]
  const named = [suggestion, ...others].map(({ text }) => text).join(' or ')
  return advice(place, `Holds ${rest.length + 1} state dicts: pass ${named}`, { ...suggestion, others })
}

const WHOLE_MODULE = { name: 'wholeModule', value: true, text: '{ wholeModule: true }' }

function wholeObject(wrapped: PickledObject, where: string, place: FaultLocation): Error {
  const value = withoutCompiler(wrapped)
  const inPython = `in Python, save torch.save(model.state_dict(), 'new.pth') instead`
  if (!isWholeModule(value)) {
    const text = `${where} is ${describeValue(wrapped)}: its code is not in the file; ${inPython}`
    return failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
  }
  const what = `a whole pickled module of class ${shorten(value.path)}`
  const text = `${where} is ${what}: pass ${WHOLE_MODULE.text} to take its parameters and buffers; ${inPython}`
  return advice(place, text, WHOLE_MODULE)
}

function listKeys(dict: Dict): string {
  const names = [...dict.keys()]
    .slice(0, MAX_KEYS)
    .map((key) => (typeof key === 'string' ? `'${shorten(key, 40)}'` : describeValue(key)))
  if (dict.size > names.length) names.push('…')
  return names.join(', ')
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}
