import { shorten } from '../../util/check.js'
import type { Budget } from '../budget.js'
import { collectFacts, type FactNode, type FactValue, type FileFacts } from '../facts.js'
import { failAt, type Fail } from '../failure.js'
import type { CheckpointLimits } from '../limits.js'
import { collectState, EntryCounter, type Members, type MembersOf } from '../state_dict/module_tree.js'
import { StoredTensor } from '../stored.js'
import { describeValue, PickledObject, type CheckpointValue, type OrderedDict } from '../values.js'
import { readEntry, type ZipArchive } from '../zip/archive.js'
import { pythonClass, readClassFacts } from './facts.js'
import { isMap } from '../../util/realm.js'

/** Objects of classes in C++, such as the packed weights of quantized layers. */
const NATIVE_CLASSES = '__torch__.torch.classes.'

/** Tells whether torch.jit.save wrote an archive. */
export function isTorchScript({ entries }: ZipArchive): boolean {
  return entries.has('constants.pkl') || [...entries.keys()].some((name) => name.startsWith('code/'))
}

/**
 * Gives the state dict of a TorchScript module, and the settings of its modules, given the value of its `data.pkl`: a tree of objects with all their
 * attributes. Which of those are parameters and buffers its code declares, in lists of names at the head of each class.
 * Those lines are read; no code is run. Follows `torch.jit.load(file).state_dict()`.
 *
 * **As there, buffers that were not persistent are among them: TorchScript forgets that.**
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` if tensors have no names, as in a frozen or quantized module.
 */
export async function scriptState(
  root: CheckpointValue,
  archive: ZipArchive,
  { limits, budget }: { readonly limits: CheckpointLimits; readonly budget: Budget },
): Promise<{ readonly root: OrderedDict; readonly facts: FileFacts }> {
  const fail = failAt({ path: archive.source.path })
  if (!(root instanceof PickledObject)) {
    throw fail('TORCH_CHECKPOINT_UNSUPPORTED', `Is a TorchScript archive of ${describeValue(root)}, expected a module`)
  }
  const counter = new EntryCounter(budget, fail)
  const classes = await readClasses(objectsBelow(root, counter), archive, { budget, counter, fail })
  const members: MembersOf = (module, path, counter) => membersOf(module, path, { classes, counter, fail })
  const state = collectState(root, members, { limits, budget, fail })
  if (state.size > 0) {
    return {
      root: state,
      facts: collectFacts(root, (module, counter) => factsOf(module, classes, counter), { limits, budget, fail }),
    }
  }
  const text = 'Is a TorchScript archive without named parameters: torch.jit.freeze makes them constants of the program'
  throw fail('TORCH_CHECKPOINT_UNSUPPORTED', `${text}; save the model's state_dict() in Python instead`)
}

/** Names of the tensors of a module; `buffers` undefined in files of PyTorch before 1.6, which do not say. */
interface ScriptClass {
  readonly parameters: readonly string[]
  readonly buffers: readonly string[] | undefined
  readonly facts: ReadonlyMap<string, FactValue>
  /** Python's path of the class. */
  readonly className: string
}

/** Bytes of code that are read while a pickle's machine does one instruction. */
const BYTES_PER_STEP = 2

/** What a class or a name in the code costs, compared with looking at an entry of a module. */
const ENTRIES_PER_CLASS = 32
const ENTRIES_PER_NAME = 8

const NO_FACTS: ReadonlyMap<string, FactValue> = new Map()

function factsOf(
  module: PickledObject,
  classes: ReadonlyMap<string, ScriptClass>,
  counter: EntryCounter,
): FactNode | null {
  const declared = classes.get(module.path)
  if (declared === undefined || !isMap(module.state)) return null
  counter.take(module.state.size)
  const tensors = new Map<string, readonly number[]>()
  const children: [string, PickledObject][] = []
  for (const [name, value] of module.state) {
    if (typeof name !== 'string') continue
    if (value instanceof StoredTensor) tensors.set(name, value.shape)
    else if (value instanceof PickledObject) children.push([name, value])
  }
  return { facts: { className: declared.className, attributes: declared.facts, tensors }, children }
}

function membersOf(
  module: PickledObject,
  path: () => string,
  {
    classes,
    counter,
    fail,
  }: {
    readonly classes: ReadonlyMap<string, ScriptClass>
    readonly counter: EntryCounter
    readonly fail: Fail
  },
): Members {
  const declared = classes.get(module.path)
  if (declared === undefined || !isMap(module.state)) {
    const text = `The TorchScript module at ${path()} of class ${shorten(module.path)} does not say which tensors it has`
    throw fail('TORCH_CHECKPOINT_UNSUPPORTED', text)
  }
  const attributes: ReadonlyMap<CheckpointValue, CheckpointValue> = module.state
  counter.take(attributes.size + declared.parameters.length + (declared.buffers?.length ?? 0))
  for (const name of [...declared.parameters, ...(declared.buffers ?? [])]) {
    const value = attributes.get(name)
    if (value === null || value instanceof StoredTensor) continue
    const text = `Expected a tensor for ${describeValue(name)} of the TorchScript module at ${path()}`
    throw fail('TORCH_CHECKPOINT_CORRUPT', `${text}, found ${describeValue(value)}`)
  }
  const parameters = new Set(declared.parameters)
  const buffers = declared.buffers === undefined ? undefined : new Set(declared.buffers)
  const tensors: { readonly isParameter: boolean; readonly entry: [string, StoredTensor] }[] = []
  const children: [string, PickledObject][] = []
  for (const [name, value] of attributes) {
    if (typeof name !== 'string') continue
    if (value instanceof StoredTensor) {
      const isParameter = parameters.has(name)
      if (isParameter || (buffers?.has(name) ?? true)) tensors.push({ isParameter, entry: [name, value] })
    } else if (value instanceof PickledObject) {
      if (value.path.startsWith(NATIVE_CLASSES)) {
        const text = `The TorchScript module at ${path()} holds ${describeValue(value)}, whose tensors have no names`
        throw fail('TORCH_CHECKPOINT_UNSUPPORTED', text)
      }
      // Others are values such as named tuples, which are no part of a state dict.
      if (classes.has(value.path)) children.push([name, value])
    }
  }
  const ordered = [
    ...tensors.filter((tensor) => tensor.isParameter),
    ...tensors.filter((tensor) => !tensor.isParameter),
  ]
  return { tensors: ordered.map(({ entry }) => entry), children }
}

/** All objects that are attributes of attributes of the root, itself included. */
function objectsBelow(root: PickledObject, counter: EntryCounter): ReadonlySet<PickledObject> {
  const found = new Set([root])
  // A set is walked in the order of insertion, whatever is added meanwhile.
  for (const { state } of found) {
    if (!isMap(state)) continue
    counter.take(state.size)
    for (const value of state.values()) if (value instanceof PickledObject) found.add(value)
  }
  return found
}

/** Reads what the code declares of the classes of `objects`: the class `__torch__.a.b.C` stands in `code/__torch__/a/b.py`. */
async function readClasses(
  objects: Iterable<PickledObject>,
  archive: ZipArchive,
  { budget, counter, fail }: { readonly budget: Budget; readonly counter: EntryCounter; readonly fail: Fail },
): Promise<ReadonlyMap<string, ScriptClass>> {
  const modules = new Set([...objects].map(({ module }) => module))
  const classes = new Map<string, ScriptClass>()
  for (const module of modules) {
    const entry = archive.entries.get(`code/${module.replaceAll('.', '/')}.py`)
    if (entry === undefined) continue
    budget.takeWork(entry.size / BYTES_PER_STEP, fail)
    const code = Buffer.from(await readEntry(archive.source, entry)).toString('utf8')
    const facts = readClassFacts(code, counter)
    for (const [, name = '', head = ''] of code.matchAll(/^class (\w+)\(Module\):\n((?: {2}__\w+__ = .*\n)*)/gm)) {
      counter.take(ENTRIES_PER_CLASS)
      const parameters = namesIn(head, '__parameters__', counter)
      if (parameters === undefined) continue
      const buffers = namesIn(head, '__buffers__', counter)
      const path = `${module}.${name}`
      const className = pythonClass(path)
      classes.set(path, { parameters, buffers, facts: facts.get(name) ?? NO_FACTS, className })
    }
  }
  return classes
}

/** Reads the line `  __buffers__ = ["running_mean", "running_var", ]`. */
function namesIn(head: string, list: string, counter: EntryCounter): string[] | undefined {
  const [, names] = new RegExp(`^ {2}${list} = \\[(.*)\\]$`, 'm').exec(head) ?? []
  if (names === undefined) return undefined
  const found: string[] = []
  for (let open = names.indexOf('"'); open >= 0;) {
    const close = names.indexOf('"', open + 1)
    if (close < 0) break
    counter.take(ENTRIES_PER_NAME)
    found.push(names.slice(open + 1, close))
    open = names.indexOf('"', close + 1)
  }
  return found
}
