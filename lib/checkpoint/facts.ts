import { Budget } from './budget.js'
import { failAt } from './failure.js'
import { pastLimit, type CheckpointLimits } from './limits.js'
import type { Checkpoint } from './read.js'
import { followPath } from './state_dict/find.js'
import { EntryCounter, type TreeOptions } from './state_dict/module_tree.js'
import { isWholeModule, withoutCompiler } from './state_dict/whole_module.js'
import { StoredTensor } from './stored.js'
import { PickledObject, type CheckpointValue } from './values.js'
import { isMap } from '../util/realm.js'

/** A setting of a module: a number, a flag, a text, `null` for Python's None, or a tuple or list of numbers. */
export type FactValue = null | boolean | number | string | readonly number[]

/** What a file says about one module of a network, apart from the values of its tensors. */
export interface ModuleFacts {
  /** Python's path of the class, such as `torch.nn.modules.conv.Conv2d`. */
  readonly className: string
  /** Settings under PyTorch's names, such as `kernel_size`; what the file does not say is absent. */
  readonly attributes: ReadonlyMap<string, FactValue>
  /** Shapes of the module's own parameters and buffers, by name. */
  readonly tensors: ReadonlyMap<string, readonly number[]>
}

/** What a file says about its modules, by their paths in Python; `''` is the root. In the order of the file. */
export type FileFacts = ReadonlyMap<string, ModuleFacts>

/** Elements of a tuple that is a setting: of a size in at most three dimensions, twice for paddings. */
const MAX_ELEMENTS = 6

/** Modules nested deeper than any network's are passed over: paths would cost the cube of their depth. */
const MAX_DEPTH = 100

/** What a module that is found costs, compared with looking at an entry. */
const ENTRIES_PER_MODULE = 16

/** Facts and children of one module. */
export interface FactNode {
  readonly facts: ModuleFacts
  readonly children: readonly (readonly [name: string, module: PickledObject])[]
}

/**
 * Gives what a checkpoint says about the modules of the network at `source`, or null if it holds nothing but tensors there. A
 * TorchScript archive and a module that was pickled as a whole say which classes they are of, and with which settings. Nothing of
 * the file is run.
 *
 * @param source - Where the state dict was found, as `source` of what `findStateDict` gives.
 * @throws {CheckpointError} `TORCH_CHECKPOINT_LIMIT` if modules that are shared multiply beyond the limits.
 */
export function moduleFacts(checkpoint: Checkpoint, source: string, limits: CheckpointLimits): FileFacts | null {
  if (checkpoint.facts !== undefined) return source === '' ? checkpoint.facts : null
  const root = withoutCompiler(followPath(checkpoint.root, source).value ?? null)
  if (!isWholeModule(root)) return null
  const budget = new Budget(limits, checkpoint.size)
  return collectFacts(root, pickledNode, { limits, budget, fail: failAt({ path: checkpoint.path ?? undefined }) })
}

/**
 * Walks a tree of modules. One that stands in two places has its facts under both paths; one that contains itself has none within
 * itself.
 */
export function collectFacts(
  root: PickledObject,
  nodeOf: (module: PickledObject, counter: EntryCounter) => FactNode | null,
  { limits, budget, fail }: TreeOptions,
): FileFacts {
  const found = new Map<string, ModuleFacts>()
  // A flag, and no set of the modules that the walk is in: one that is added and deleted again and again costs V8's sets more each time.
  const known = new Map<PickledObject, { node: FactNode | null; isOpen: boolean }>()
  const frames: { module: { isOpen: boolean }; path: string; children: Iterator<FactNode['children'][number]> }[] = []
  const counter = new EntryCounter(budget, fail)
  let characters = 0

  const enter = (value: PickledObject, path: string): void => {
    // What is passed over is counted as well: it stands there as often as what leads to it.
    counter.take(1)
    if (frames.length > MAX_DEPTH) return
    const module = known.get(value) ?? { node: nodeOf(value, counter), isOpen: false }
    known.set(value, module)
    const { node } = module
    if (node === null || module.isOpen) return
    characters += path.length
    if (characters > limits.nameCharacters) {
      throw pastLimit(fail, limits, 'nameCharacters', `The paths of the modules have ${characters} characters`)
    }
    counter.take(ENTRIES_PER_MODULE)
    found.set(path, node.facts)
    module.isOpen = true
    frames.push({ module, path, children: node.children.values() })
  }

  enter(root, '')
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const next = frame.children.next()
    if (next.done === true) {
      frames.pop()
      frame.module.isOpen = false
      continue
    }
    const [name, child] = next.value
    enter(child, frame.path === '' ? name : `${frame.path}.${name}`)
  }
  return found
}

/** Gives a value as a setting, or undefined if it is of no kind that settings have. */
export function factValue(value: CheckpointValue | undefined): FactValue | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'number' || typeof value === 'string')
    return value
  if (!Array.isArray(value) || value.length > MAX_ELEMENTS) return undefined
  const numbers = value.filter((element) => typeof element === 'number')
  return numbers.length === value.length ? numbers : undefined
}

function pickledNode(module: PickledObject, counter: EntryCounter): FactNode | null {
  if (!isWholeModule(module) || !isMap(module.state)) return null
  const state: ReadonlyMap<CheckpointValue, CheckpointValue> = module.state
  counter.take(state.size)
  for (const list of ['_parameters', '_buffers', '_modules']) counter.take(entryCount(state.get(list)))
  const attributes = new Map<string, FactValue>()
  for (const [name, value] of state) {
    // What begins with an underscore is PyTorch's own.
    if (typeof name !== 'string' || name.startsWith('_')) continue
    const fact = factValue(value)
    if (fact !== undefined) attributes.set(name, fact)
  }
  const tensors = new Map<string, readonly number[]>()
  for (const list of ['_parameters', '_buffers']) {
    for (const [name, value] of entriesOf(state.get(list))) {
      if (value instanceof StoredTensor) tensors.set(name, value.shape)
    }
  }
  const children = entriesOf(state.get('_modules')).filter((child): child is [string, PickledObject] => {
    return child[1] instanceof PickledObject
  })
  return { facts: { className: module.path, attributes, tensors }, children }
}

function entryCount(value: CheckpointValue | undefined): number {
  return isMap(value) ? value.size : 0
}

function entriesOf(value: CheckpointValue | undefined): [string, CheckpointValue][] {
  if (!isMap(value)) return []
  return [...value].filter((entry): entry is [string, CheckpointValue] => typeof entry[0] === 'string')
}
