import type { NamedArchitecture, NamedOptions, TensorFacts } from '../architecture.js'
import { keysOfModel, modelsByFirstKey, type ModelKey, type Size } from './model_keys.js'
import { isBelow, isBystander, MAX_KEY_LENGTH, splitKey, withoutWrappers } from './units.js'
import { vitNames } from './vit_names.js'

/** A model of torchvision's that was found in a state dict by its keys and shapes. */
export interface NamedModel {
  readonly architecture: NamedArchitecture
  /** Names from the root to the model, without those of wrappers. */
  readonly path: readonly string[]
  /** Keys of the model, in its order, each with the key that the state dict has for it. */
  readonly keys: ReadonlyMap<string, string>
}

/** The model of torchvision's that a state dict comes nearest to, and how it differs. */
export interface NearModel {
  readonly name: string
  /** Share of the model's tensors that are there, 0 to 1. */
  readonly share: number
  readonly reason: string
}

/** What {@link findNamed} finds. */
export interface NamedModels {
  readonly found: readonly NamedModel[]
  /** Null where something is found, and where nothing has half of a model's tensors. */
  readonly nearest: NearModel | null
}

/** Places at which the state dict is compared with models: more than there are networks in one file. */
const MAX_CANDIDATES = 64
/** Places at which the nearest model is looked for, with each of the models that begin alike. */
const MAX_NEAR_CANDIDATES = 2
const MIN_SHARE = 0.5
const MAX_SHOWN = 2
const MAX_KEY_SHOWN = 80

/** How torchvision, in older versions, called what it now calls otherwise, and still reads. */
const OLD_NAMES = [
  // DenseNet until 0.3.
  [/(denselayer\d{1,3}\.(?:norm|conv))\.([12])(?=\.\w+$)/, '$1$2'],
  // Vision Transformer until 0.13.
  [/(encoder_layer_\d{1,3}\.mlp)\.linear_1(?=\.\w+$)/, '$1.0'],
  [/(encoder_layer_\d{1,3}\.mlp)\.linear_2(?=\.\w+$)/, '$1.3'],
] as const

/** A tensor of the state dict. */
interface Entry {
  readonly key: string
  readonly shape: readonly number[]
}

/** Tensors by their keys without the names of wrappers and under torchvision's names of today. */
type Entries = ReadonlyMap<string, Entry>

/** A part of the state dict, such as `student.`, which may hold the models whose first key stands there. */
interface Candidate {
  /** Ends in a dot, or is empty. */
  readonly prefix: string
  readonly names: readonly string[]
}

/** Finds each model of torchvision's, its ResNets apart, whose tensors are there, under `wanted` if that is not empty. */
export function findNamed(tensors: ReadonlyMap<string, TensorFacts>, wanted: readonly string[]): NamedModels {
  const entries = plainEntries(tensors)
  const candidates = findCandidates(entries, wanted)
  const found: NamedModel[] = []
  const near: NearModel[] = []
  for (const [index, { prefix, names }] of candidates.entries()) {
    for (const name of names) {
      const match = compare(name, prefix, entries)
      if (match.reason === null) {
        found.push(describe(name, { ...match, prefix, entries, tensors }))
        break
      }
      // A model that is like this one but for its size fails at once.
      if (index < MAX_NEAR_CANDIDATES) near.push({ name, ...shareOf(name, prefix, entries), reason: match.reason })
    }
  }
  const [nearest] = near.sort((a, b) => b.share - a.share)
  const isNear = found.length === 0 && nearest !== undefined && nearest.share >= MIN_SHARE
  return { found, nearest: isNear ? nearest : null }
}

/** Of two tensors that differ in the names of wrappers alone, the second keeps its whole key. */
function plainEntries(tensors: ReadonlyMap<string, TensorFacts>): Entries {
  const entries = new Map<string, Entry>()
  const all = [...tensors].filter(([key]) => key.length <= MAX_KEY_LENGTH)
  const plainKeys = all.map(([key]) => withoutWrappers(splitKey(key)).join('.'))
  const rename = vitNames(plainKeys)
  for (const [index, [key, { shape }]] of all.entries()) {
    const plain = rename(plainKeys[index] ?? key)
    const name = OLD_NAMES.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), plain)
    entries.set(entries.has(name) ? key : name, { key, shape })
  }
  return entries
}

function findCandidates(entries: Entries, wanted: readonly string[]): Candidate[] {
  const models = modelsByFirstKey()
  const candidates: Candidate[] = []
  for (const key of entries.keys()) {
    for (const [first, names] of models) {
      if (candidates.length === MAX_CANDIDATES) return candidates
      const isAt = key.endsWith(first) && (key.length === first.length || key.at(-first.length - 1) === '.')
      const prefix = key.slice(0, isAt ? key.length - first.length : 0)
      if (isAt && isBelow(pathOf(prefix), wanted)) candidates.push({ prefix, names })
    }
  }
  return candidates
}

interface Match {
  /** How the tensors differ from the model's; null if they are the model's. */
  readonly reason: string | null
  readonly letters: ReadonlyMap<Size, number>
  /** The parts that may be missing are there. */
  readonly hasOptional: boolean
}

/** Compares the tensors below a prefix with those of a model, up to the first that differs. */
function compare(name: string, prefix: string, entries: Entries): Match {
  const { keys, modules } = keysOfModel(name)
  const letters = new Map<Size, number>()
  const fail = (reason: string): Match => ({ reason, letters, hasOptional: false })
  for (const each of keys) {
    if (each.isOptional) continue
    const reason = differenceOf(each, entries.get(prefix + each.key), letters)
    if (reason !== null) return fail(reason)
  }
  const positions = letters.get('P')
  if (positions !== undefined && !Number.isInteger(Math.sqrt(positions - 1))) {
    return fail(`has ${positions} positions, which are not those of a square image and one more`)
  }
  const optional = keys.filter(({ isOptional }) => isOptional)
  const hasOptional =
    optional.length > 0 &&
    optional.every((each) => differenceOf(each, entries.get(prefix + each.key), letters) === null)
  const ours = new Set(keys.map(({ key }) => key))
  const strangers = [...entries.keys()].filter((key) => {
    if (!key.startsWith(prefix) || isBystander(key)) return false
    const inside = key.slice(prefix.length)
    return !ours.has(inside) && parentsOf(inside).some((parent) => modules.has(parent))
  })
  if (strangers.length === 0) return { reason: null, letters, hasOptional }
  const theirs = strangers.map((key) => entries.get(key)?.key ?? key)
  const shown = theirs.slice(0, MAX_SHOWN).map(cut).join(', ') + (strangers.length > MAX_SHOWN ? ', …' : '')
  return fail(`has ${strangers.length} ${strangers.length === 1 ? 'key' : 'keys'} that it lacks: ${shown}`)
}

/** Says how a tensor differs from that of a model, null if it does not. A letter stands for one size throughout. */
function differenceOf({ key, sizes }: ModelKey, entry: Entry | undefined, letters: Map<Size, number>): string | null {
  // PyTorch counts batches since 0.4.1.
  if (entry === undefined) return isBystander(key) ? null : `lacks ${key}`
  const { shape } = entry
  const expectedSizes = sizes.map((size, dim) => {
    if (typeof size === 'number') return size
    const value = letters.get(size) ?? shape[dim] ?? 0
    if (value > 0) letters.set(size, value)
    return letters.get(size) ?? 'N'
  })
  if (expectedSizes.join() === shape.join()) return null
  return `has ${cut(entry.key)} of (${shape.join(', ')}), not (${expectedSizes.join(', ')})`
}

function shareOf(name: string, prefix: string, entries: Entries): Pick<NearModel, 'share'> {
  const needed = keysOfModel(name).keys.filter(({ key, isOptional }) => !isOptional && !isBystander(key))
  const there = needed.filter((each) => differenceOf(each, entries.get(prefix + each.key), new Map()) === null)
  return { share: there.length / needed.length }
}

interface Described extends Match {
  readonly prefix: string
  readonly entries: Entries
  readonly tensors: ReadonlyMap<string, TensorFacts>
}

function describe(name: string, { letters, hasOptional, prefix, entries, tensors }: Described): NamedModel {
  const all = keysOfModel(name).keys
  const keys = new Map<string, string>()
  for (const { key, isOptional } of all) {
    const entry = entries.get(prefix + key)
    if (entry !== undefined && (!isOptional || hasOptional)) keys.set(key, entry.key)
  }
  const [[first, source] = ['', '']] = keys
  const front = source.endsWith(first) ? source.slice(0, source.length - first.length) : ''
  const positions = letters.get('P')
  const options: NamedOptions = {
    ...(positions === undefined ? {} : { imageSize: Math.sqrt(positions - 1) * patchSizeOf(prefix, entries) }),
    ...(all.some(({ isOptional }) => isOptional) ? { auxLogits: hasOptional, transformInput: true } : {}),
  }
  const architecture: NamedArchitecture = {
    family: 'torchvision',
    name,
    numClasses: letters.get('K') ?? 0,
    inputChannels: letters.get('I') ?? 0,
    prefix: front,
    dtype: tensors.get(source)?.dtype ?? null,
    options,
  }
  return { architecture, path: pathOf(prefix), keys }
}

/** Pixels of a side of a Vision Transformer's patches. */
function patchSizeOf(prefix: string, entries: Entries): number {
  return entries.get(`${prefix}conv_proj.weight`)?.shape[3] ?? 0
}

function pathOf(prefix: string): string[] {
  return prefix === '' ? [] : prefix.slice(0, -1).split('.')
}

/** The modules around a tensor, the outermost first, without the root. */
function parentsOf(key: string): string[] {
  const parts = key.split('.')
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'))
}

function cut(text: string): string {
  return text.length > MAX_KEY_SHOWN ? `${text.slice(0, MAX_KEY_SHOWN)}…` : text
}
