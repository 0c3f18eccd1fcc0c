import type { Budget } from '../budget.js'
import type { Fail } from '../failure.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import type { StoredTensor } from '../stored.js'
import { OrderedDict, type PickledObject } from '../values.js'

/** What a module has, by name. */
export interface Members {
  /** Parameters, then buffers. */
  readonly tensors: readonly (readonly [name: string, tensor: StoredTensor])[]
  readonly children: readonly (readonly [name: string, module: PickledObject])[]
}

/** Counts entries that are looked at: dicts of attributes can be shared by modules, as modules can by others. */
export class EntryCounter {
  readonly #budget: Budget
  readonly #fail: Fail

  constructor(budget: Budget, fail: Fail) {
    this.#budget = budget
    this.#fail = fail
  }

  /** @throws {CheckpointError} `TORCH_CHECKPOINT_LIMIT` past `workRatio`. */
  take(entries: number): void {
    this.#budget.takeWork(entries, this.#fail)
  }
}

/** What the modules of a file are put together with. */
export interface TreeOptions {
  readonly limits: CheckpointLimits
  readonly budget: Budget
  readonly fail: Fail
}

/** Gives the members of a module; `path` says where it is, for messages. Long paths cost time to make. */
export type MembersOf = (module: PickledObject, path: () => string, counter: EntryCounter) => Members

/** A module that was looked at, and whether the walk is within it. */
interface KnownModule {
  readonly members: Members
  // A flag, and no set of the modules that the walk is in: one that is added and deleted again and again costs V8's sets more each time.
  isOpen: boolean
}

interface ModuleVisit {
  readonly module: KnownModule
  readonly prefix: string
  readonly children: Iterator<Members['children'][number]>
}

/**
 * Gives the state dict of a tree of modules, in PyTorch's order: of each module its own tensors, then those of its
 * children. A module that stands in two places has its tensors under both paths, as in PyTorch.
 *
 * Modules may be nested as deep as the file has them. As shared modules multiply, the tensors, the entries that are looked at and
 * the characters of the keys are counted.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` if a module contains itself; `TORCH_CHECKPOINT_LIMIT`.
 */
export function collectState(
  root: PickledObject,
  membersOf: MembersOf,
  { limits, budget, fail }: TreeOptions,
): OrderedDict {
  const state = new OrderedDict()
  const known = new Map<PickledObject, KnownModule>()
  const frames: ModuleVisit[] = []
  const counter = new EntryCounter(budget, fail)
  let characters = 0

  const look = (value: PickledObject, path: () => string): KnownModule => {
    const module = { members: membersOf(value, path, counter), isOpen: false }
    known.set(value, module)
    return module
  }

  const enter = (value: PickledObject, prefix: string): void => {
    const path = (): string => describePath(prefix)
    const module = known.get(value) ?? look(value, path)
    if (module.isOpen) throw fail('TORCH_CHECKPOINT_UNSUPPORTED', `The module at ${path()} contains itself`)
    const { members } = module
    counter.take(ENTRIES_PER_VISIT * (1 + members.tensors.length))
    for (const [name, tensor] of members.tensors) {
      // Before the key is made: a long name that is shared costs its length again and again.
      characters += prefix.length + name.length
      if (characters > limits.nameCharacters) {
        throw pastLimit(fail, limits, 'nameCharacters', `The keys of the module have ${characters} characters`)
      }
      budget.takeMemory(KEY_BYTES + prefix.length + name.length, fail)
      const key = prefix + name
      if (state.has(key)) throw fail('TORCH_CHECKPOINT_CORRUPT', `Two tensors of the module have the key ${cut(key)}`)
      state.set(key, tensor)
    }
    if (state.size > limits.tensors) throw pastLimit(fail, limits, 'tensors', `The module has ${state.size} tensors`)
    module.isOpen = true
    frames.push({ module, prefix, children: members.children.values() })
  }

  enter(root, '')
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const next = frame.children.next()
    if (next.done !== true) {
      const [name, child] = next.value
      enter(child, `${frame.prefix}${name}.`)
      continue
    }
    frames.pop()
    frame.module.isOpen = false
  }
  return state
}

/** What visiting a module costs, and what each tensor and its key, compared with looking at an entry. */
const ENTRIES_PER_VISIT = 32

/** What a key takes beside its characters. */
const KEY_BYTES = 128

const MAX_PATH_LENGTH = 200

function describePath(prefix: string): string {
  return prefix === '' ? 'the root' : cut(prefix.slice(0, -1))
}

function cut(text: string): string {
  return text.length > MAX_PATH_LENGTH ? `…${text.slice(-MAX_PATH_LENGTH)}` : text
}
