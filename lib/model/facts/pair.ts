import type { FileFacts, ModuleFacts } from '../../checkpoint/facts.js'
import type { Module } from '../../nn/module.js'
import { isKnownClass, kindOfFacts, kindOfModule, shortName, type LayerKind } from './layers.js'

/** Which module of the file stands for which module of ours. */
export interface Pairs {
  /** Their leaf, and the leaf of ours that it stands for. */
  readonly leaves: ReadonlyMap<string, string>
  /** Their path of each module of ours that holds others, by our path; `''` is the network. */
  readonly containers: ReadonlyMap<string, string>
  /** Their modules that hold no others. */
  readonly theirLeaves: ReadonlySet<string>
}

/**
 * Finds counterparts for the modules without tensors, of which no key tells: what has the same name under the same parent, else
 * what stands between the same neighbors and is of the same kind.
 *
 * @param names - Their path of a module with tensors, and ours.
 */
export function pairModules(model: Module<unknown>, facts: FileFacts, names: ReadonlyMap<string, string>): Pairs {
  const containers = pairContainers(names)
  const leaves = new Map([...names].filter(([theirs]) => facts.has(theirs)))
  const taken = new Set(leaves.values())
  const modules = new Map(model.namedModules({ removeDuplicate: false }))
  const ourLeaves = [...modules].filter(([, module]) => module.children().length === 0).map(([path]) => path)
  const root = containers.get('') ?? ''
  const theirLeaves = leafPaths(facts).filter((path) => isWithin(path, root))
  const leavesOfNetwork = new Set(theirLeaves)
  // What a Sequential holds is run: a single layer cannot stand for all of it.
  const isSequence = (path: string, layer: ModuleFacts): boolean =>
    shortName(layer) === 'Sequential' && !leavesOfNetwork.has(path)
  for (const ours of ourLeaves) {
    if (taken.has(ours)) continue
    const [parent, name] = split(ours)
    const theirParent = containers.get(parent)
    const theirs = theirParent === undefined ? undefined : join(theirParent, name)
    const layer = facts.get(theirs ?? '')
    if (theirs === undefined || layer === undefined || leaves.has(theirs) || isSequence(theirs, layer)) continue
    leaves.set(theirs, ours)
    taken.add(ours)
  }
  pairNeighbors({ modules, facts, ourLeaves, theirLeaves }, leaves)
  return { leaves, containers, theirLeaves: leavesOfNetwork }
}

interface Sequences {
  readonly modules: ReadonlyMap<string, Module<unknown>>
  readonly facts: FileFacts
  readonly ourLeaves: readonly string[]
  readonly theirLeaves: readonly string[]
}

/** Pairs what stands between two leaves that have counterparts. */
function pairNeighbors({ modules, facts, ourLeaves, theirLeaves }: Sequences, leaves: Map<string, string>): void {
  const theirsOf = new Map([...leaves].map(([theirs, ours]) => [ours, theirs]))
  const places = new Map(theirLeaves.map((path, index) => [path, index]))
  const placeOf = (ours: string | undefined): number | undefined => places.get(theirsOf.get(ours ?? '') ?? '')
  let before = -1
  for (const [index, ours] of ourLeaves.entries()) {
    const place = placeOf(ours)
    if (place !== undefined) before = place
    if (theirsOf.has(ours)) continue
    const next = ourLeaves.slice(index + 1).find((path) => placeOf(path) !== undefined)
    const end = placeOf(next) ?? theirLeaves.length
    const module = modules.get(ours)
    if (module === undefined) continue
    const kind = kindOfModule(module)
    const between = theirLeaves.slice(before + 1, end).filter((path) => {
      return !leaves.has(path) && facts.get(path)?.tensors.size === 0
    })
    const kinds = between.map((path) => kindOf(facts, path))
    const fitting = kind === 'other' ? -1 : kinds.indexOf(kind)
    // The order of a Sequential is that of forward, so an Identity there stands for what was taken away.
    const identity = between.findIndex((path) => {
      return kindOf(facts, path) === 'none' && facts.get(split(path)[0])?.className.endsWith('.Sequential') === true
    })
    const found = between[fitting === -1 ? identity : fitting]
    if (found === undefined) continue
    leaves.set(found, ours)
    theirsOf.set(ours, found)
    before = places.get(found) ?? before
  }
}

function kindOf(facts: FileFacts, path: string): LayerKind {
  const layer = facts.get(path)
  return layer === undefined ? 'other' : kindOfFacts(layer)
}

/** Modules that hold the same modules are the same: by their names, else by what their paths have in common. */
function pairContainers(names: ReadonlyMap<string, string>): Map<string, string> {
  const found = new Map<string, string>()
  const shared = new Map<string, string[]>()
  for (const [theirs, ours] of names) {
    const [start, theirName] = split(theirs)
    let theirParent = start
    let [parent, name] = split(ours)
    let isNamed = theirName === name
    for (;;) {
      if (isNamed && !found.has(parent)) found.set(parent, theirParent)
      const common = shared.get(parent)
      const parts = theirParent === '' ? [] : theirParent.split('.')
      shared.set(parent, common === undefined ? parts : commonStart(common, parts))
      if (parent === '') break
      ;[parent, name] = split(parent)
      const [above, last] = isNamed ? split(theirParent) : [theirParent, '']
      isNamed = isNamed && last === name
      if (isNamed) theirParent = above
    }
  }
  for (const [ours, parts] of shared) if (!found.has(ours)) found.set(ours, parts.join('.'))
  return found
}

function commonStart(a: readonly string[], b: readonly string[]): string[] {
  const end = a.findIndex((part, index) => part !== b[index])
  return a.slice(0, end === -1 ? a.length : end)
}

/** Modules that hold no others. */
function leafPaths(facts: FileFacts): string[] {
  const parents = new Set<string>()
  for (const path of facts.keys()) if (path !== '') parents.add(split(path)[0])
  return [...facts.keys()].filter((path) => !parents.has(path))
}

/** Tells whether `path` lies below `parent`. */
export function isWithin(path: string, parent: string): boolean {
  return parent === '' || path === parent || path.startsWith(`${parent}.`)
}

/** Parts the path of the parent from the last name. */
export function split(path: string): [parent: string, name: string] {
  const end = path.lastIndexOf('.')
  return [path.slice(0, Math.max(end, 0)), path.slice(end + 1)]
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** Observers and other helpers of quantization; what trains a network, or measures it. */
const BYSTANDERS = /^torch\.(?:ao|quantization)\.|(?:Loss|Metric|Accuracy)$/

/**
 * Tells whether a module computes something. Of someone else's class that is known where it holds no other modules: it is a layer;
 * and else only of what it holds.
 */
export function isComputing(layer: ModuleFacts, isLeaf: boolean): boolean {
  const kind = kindOfFacts(layer)
  if (kind === 'none' || BYSTANDERS.test(layer.className)) return false
  return kind === 'other' ? isLeaf : isKnownClass(layer)
}
