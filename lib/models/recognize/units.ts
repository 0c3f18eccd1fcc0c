import type { TensorFacts } from '../architecture.js'

/** Names that wrappers put anywhere in a key: DataParallel, torch.compile, FSDP, activation checkpointing, fairscale and deepspeed. */
const WRAPPER_WORDS: ReadonlySet<string> = new Set([
  'module',
  '_orig_mod',
  '_fsdp_wrapped_module',
  '_checkpoint_wrapped_module',
  '_module',
])

/** Tensors that change nothing that a network computes: counters of PyTorch, and what profilers leave behind. */
const BYSTANDERS: ReadonlySet<string> = new Set([
  '_extra_state',
  'num_batches_tracked',
  'n_averaged',
  'total_ops',
  'total_params',
])

/** Modules are nested at most this deep in a key; a longer key belongs to no network. It bounds the nodes for each key. */
const MAX_DEPTH = 32

/** Characters of a key; a longer key belongs to no network. */
export const MAX_KEY_LENGTH = 512

/** Names of all modules of a state dict, those of their parents included: three times those of sixteen ResNet-152. */
const FREE_NAMES = 60_000

/** More names than that, for each key, belong to modules that are nested as no network's are. */
const NAMES_PER_KEY = 4

/** A tensor of a unit: its key in the file, and its shape. */
export interface UnitTensor {
  readonly key: string
  readonly shape: readonly number[]
}

/** What the tensors of a module show of it. */
export type UnitKind = 'conv' | 'norm' | 'linear' | 'other'

/** A module with tensors of its own. */
export interface Unit {
  /** Names from the root, without those of wrappers. */
  readonly path: readonly string[]
  readonly kind: UnitKind
  readonly tensors: ReadonlyMap<string, UnitTensor>
  /** Outputs of a convolution or linear layer, channels of a normalization. */
  readonly out: number
  /** Inputs of a linear layer; of a convolution, those of each group. */
  readonly in: number
  /** Size of the kernel of a convolution, else 0. */
  readonly kernel: number
  readonly hasBias: boolean
}

/** A module and all below it. */
export interface TreeNode {
  readonly path: readonly string[]
  readonly children: Map<string, TreeNode>
  unit: Unit | null
  /** Units of this module and of all below it. */
  units: number
}

/** The modules that the keys of a state dict name, and the keys that name none. */
export interface ModuleTree {
  readonly root: TreeNode
  readonly units: readonly Unit[]
  readonly strangers: readonly string[]
  /** There are too many modules to be one of ours; then none is here. */
  readonly isTooLarge: boolean
}

/** What stands before the last name of a key: the module, with and without the names of wrappers. */
interface Parent {
  readonly full: readonly string[]
  readonly plain: readonly string[]
  readonly id: string
}

/**
 * Sorts the tensors of a state dict into the modules that hold them. The names of wrappers are dropped wherever they stand.
 *
 * Each key is split once for its module, and what the modules are called is bounded, which bounds all that
 * follows: blocks, stems and heads are looked for at each level of each path.
 */
export function readUnits(state: Iterable<readonly [string, TensorFacts]>): ModuleTree {
  const modules = new Map<string, { path: readonly string[]; tensors: Map<string, UnitTensor> }>()
  const parents = new Map<string, Parent | null>()
  const strangers: string[] = []
  let names = 0
  let keys = 0
  for (const [key, { shape }] of state) {
    keys++
    const end = key.length > MAX_KEY_LENGTH ? -1 : key.lastIndexOf(separatorOf(key))
    const front = key.slice(0, Math.max(end, 0))
    const known = end === -1 ? null : parents.get(front)
    const parent = known === undefined ? parentOf(front) : known
    if (known === undefined) parents.set(front, parent)
    if (parent === null) {
      strangers.push(key)
      continue
    }
    const { full, plain, id: plainId } = parent
    const name = key.slice(end + 1)
    // A wrapped network beside a plain one keeps the names of its wrapper, so that both are seen.
    const isTaken = modules.get(plainId)?.tensors.has(name) === true
    const path = isTaken ? full : plain
    const id = isTaken ? full.join('.') : plainId
    let module = modules.get(id)
    if (module === undefined) {
      names += path.length
      if (names > FREE_NAMES + NAMES_PER_KEY * keys)
        return { root: makeTree([]), units: [], strangers: [], isTooLarge: true }
      module = { path, tensors: new Map<string, UnitTensor>() }
      modules.set(id, module)
    }
    if (module.tensors.has(name)) strangers.push(key)
    else module.tensors.set(name, { key, shape })
  }
  const units = [...modules.values()].map(({ path, tensors }) => describeUnit(path, tensors))
  return { root: makeTree(units), units, strangers, isTooLarge: false }
}

function parentOf(front: string): Parent | null {
  const full = splitKey(front)
  if (full.length >= MAX_DEPTH) return null
  const plain = full.filter((part) => !WRAPPER_WORDS.has(part))
  return { full, plain, id: plain.join('.') }
}

/** Splits a key at its dots, or at the bars that older versions of tch-rs write. */
export function splitKey(key: string): string[] {
  return key.split(separatorOf(key))
}

function separatorOf(key: string): string {
  return key.includes('|') && !key.includes('.') ? '|' : '.'
}

/** Drops the names of wrappers from a path. */
export function withoutWrappers(path: readonly string[]): string[] {
  return path.filter((part) => !WRAPPER_WORDS.has(part))
}

const COUNTING = new Intl.Collator('en', { numeric: true })

/** Compares paths name by name, and names as people count: `layer2` before `layer10`. */
export function comparePaths(a: readonly string[], b: readonly string[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] === b[index]) continue
    const order = COUNTING.compare(a[index] ?? '', b[index] ?? '')
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** Gives every unit below a node, in the order of the file. */
export function unitsBelow(node: TreeNode): Unit[] {
  const found: Unit[] = []
  const open = [node]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.unit !== null) found.push(next.unit)
    for (const child of [...next.children.values()].reverse()) open.push(child)
  }
  return found
}

/** Tells whether a unit may change what a network computes. */
export function matters({ tensors }: Unit): boolean {
  return [...tensors.keys()].some((name) => !BYSTANDERS.has(name))
}

/** Tells whether a tensor changes nothing that a network computes, by its key. */
export function isBystander(key: string): boolean {
  return BYSTANDERS.has(key.slice(key.lastIndexOf('.') + 1))
}

/** Tells whether `path` lies at or below `ancestor`. */
export function isBelow(path: readonly string[], ancestor: readonly string[]): boolean {
  return ancestor.every((part, index) => path[index] === part)
}

function describeUnit(path: readonly string[], tensors: ReadonlyMap<string, UnitTensor>): Unit {
  const shape = tensors.get('weight')?.shape ?? []
  const [out = 0, input = 0, height = 0, width] = shape
  const hasBias = tensors.has('bias')
  const isSquare = height === width
  const base = { path, tensors, hasBias, out, in: input, kernel: 0 }
  if (shape.includes(0)) return { ...base, kind: 'other' }
  if (shape.length === 1 && hasBias && tensors.has('running_mean') && tensors.has('running_var')) {
    return { ...base, kind: 'norm' }
  }
  if (shape.length === 4 && isSquare) return { ...base, kind: 'conv', kernel: height }
  return { ...base, kind: shape.length === 2 ? 'linear' : 'other' }
}

function makeTree(units: readonly Unit[]): TreeNode {
  const root: TreeNode = { path: [], children: new Map(), unit: null, units: 0 }
  for (const unit of units) {
    let node = root
    node.units++
    for (const [depth, name] of unit.path.entries()) {
      const child: TreeNode = node.children.get(name) ?? {
        path: depth + 1 === unit.path.length ? unit.path : unit.path.slice(0, depth + 1),
        children: new Map(),
        unit: null,
        units: 0,
      }
      node.children.set(name, child)
      child.units++
      node = child
    }
    node.unit = unit
  }
  return root
}
