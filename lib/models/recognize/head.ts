import type { HeadLayer } from '../architecture.js'
import { comparePaths, type Unit } from './units.js'

/** The layers behind the last stage, and the units that they come from. */
export interface Head {
  readonly layers: readonly HeadLayer[]
  /** Unit of each layer; null for a layer without tensors. */
  readonly units: readonly (Unit | null)[]
  /** The first layer reads maxima and averages. */
  readonly isConcatenated: boolean
}

/** What heads are called, the usual names first, where several linear layers could be one. */
const NAMES = ['fc', 'linear', 'classifier', 'head', 'last_linear', 'logits', 'output', 'cls', 'heads']

/** What our models call their heads. */
const OWN_NAMES: ReadonlySet<string> = new Set(['fc', 'linear'])

/** Layers of a head. */
const MAX_LAYERS = 64

/**
 * Finds the head among units that belong to no block: linear layers and normalizations, the first of which reads `features`
 * channels. What stands between them has no tensors; a layer without tensors behind a linear one is taken for its ReLU, any
 * other changes nothing in eval mode.
 *
 * @param home - The module whose own layers may be a head, beside those of modules in it.
 * @returns Null if nothing reads the features.
 */
export function findHead(units: readonly Unit[], home: readonly string[], features: number): Head | null {
  const groups = [...groupUnits(units, home).values()]
    .map((group) => readHead(group, features))
    .filter((head) => head !== null)
  const [best] = groups.sort((a, b) => rankOf(a) - rankOf(b))
  return best ?? null
}

/** Gives a linear layer that is called like a head, but reads another number of features. */
export function misfit(units: readonly Unit[]): Unit | undefined {
  return units.find(({ kind, path }) => kind === 'linear' && NAMES.includes(path.at(-1) ?? ''))
}

/** Gives a normalization beside the layers of a head that reads what one of them makes: its place among them shows in no key. */
export function strayNorm(head: Head, units: readonly Unit[]): Unit | undefined {
  const known = head.units.filter((unit) => unit !== null)
  const parents = new Set(known.map(({ path }) => path.slice(0, -1).join('.')))
  const hidden = new Set(known.slice(0, -1).map(({ out }) => out))
  return units.find((unit) => {
    return (
      unit.kind === 'norm' &&
      !known.includes(unit) &&
      hidden.has(unit.out) &&
      parents.has(unit.path.slice(0, -1).join('.'))
    )
  })
}

/** Layers of one Sequential stand together; each other layer stands alone, or with those that count on from its name. */
function groupUnits(units: readonly Unit[], home: readonly string[]): Map<string, Unit[]> {
  const groups = new Map<string, Unit[]>()
  for (const unit of units) {
    if (unit.kind !== 'linear' && unit.kind !== 'norm') continue
    const name = unit.path.at(-1) ?? ''
    const isListed = unit.path.length > home.length + 1
    const stem = unit.path.slice(0, -1).join('.')
    // `fc1` and `fc2` of one module belong together; `fc` and `auxiliary` do not.
    const id = /^\d+$/.test(name) || isListed ? `${stem}.` : `${stem}.${name.replace(/\d{1,3}$/, '')}`
    const group = groups.get(id)
    if (group === undefined) groups.set(id, [unit])
    else group.push(unit)
  }
  return groups
}

function readHead(group: readonly Unit[], features: number): Head | null {
  const sorted = [...group].sort((a, b) => comparePaths(a.path, b.path))
  const entry = sorted.findIndex((unit) => reads(unit) === features || reads(unit) === 2 * features)
  const chain = entry === -1 ? [] : chainFrom(sorted.slice(entry))
  const linear = chain.filter(({ kind }) => kind === 'linear')
  const [first] = chain
  if (first === undefined || linear.length === 0) return null

  const layers: HeadLayer[] = []
  const sources: (Unit | null)[] = []
  const push = (layer: HeadLayer, source: Unit | null): void => {
    layers.push(layer)
    sources.push(source)
  }
  const places = chain.map(({ path }) => (/^\d{1,3}$/.test(path.at(-1) ?? '') ? Number(path.at(-1)) : -1))
  const isNumbered = places.every((place) => place >= 0 && place < MAX_LAYERS)
  // In a Sequential that is the whole head, a layer keeps its number: a Dropout stands in front of it.
  const isOwn = OWN_NAMES.has(first.path.at(-2) ?? '')
  const start = isOwn ? 0 : (places[0] ?? 0)
  let isActive = true
  for (const [index, unit] of chain.entries()) {
    const place = places[index] ?? 0
    const gap = isNumbered ? place - start - layers.length : index === 0 ? 0 : 1
    for (let left = gap; left > 0; left--) {
      const isReLU = !isActive && (unit.kind === 'linear' || left === gap)
      push({ type: isReLU ? 'ReLU' : 'Identity' }, null)
      if (isReLU) isActive = true
    }
    if (unit.kind === 'linear') isActive = false
    push(describeLayer(unit), unit)
  }
  return { layers, units: sources, isConcatenated: reads(first) === 2 * features }
}

function chainFrom(units: readonly Unit[]): Unit[] {
  const chain: Unit[] = []
  for (const unit of units) {
    const last = chain.at(-1)
    if (last === undefined || reads(unit) === last.out) chain.push(unit)
  }
  while (chain.at(-1)?.kind === 'norm') chain.pop()
  return chain
}

function describeLayer(unit: Unit): HeadLayer {
  if (unit.kind === 'norm') return { type: 'BatchNorm1d', numFeatures: unit.out, affine: true }
  return { type: 'Linear', inFeatures: unit.in, outFeatures: unit.out, bias: unit.hasBias }
}

function reads(unit: Unit): number {
  return unit.kind === 'linear' ? unit.in : unit.out
}

function rankOf({ units, isConcatenated }: Head): number {
  const path = units.find((unit) => unit !== null)?.path ?? []
  const named = NAMES.findIndex((name) => path.some((part) => part === name || part.startsWith(`${name}_`)))
  return (named === -1 ? NAMES.length : named) + (isConcatenated ? NAMES.length + 1 : 0)
}
