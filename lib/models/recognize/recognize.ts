import { checkOneOf, checkOptions, checkString, expected } from '../../util/check.js'
import { TorchError, type SuggestedOption } from '../../util/errors.js'
import type { Architecture, TensorFacts } from '../architecture.js'
import { findBlocks } from './blocks.js'
import { describeNetwork, prefixOf, type Refuse } from './describe.js'
import { ourNames } from './names.js'
import { findNamed, type NamedModel } from './named.js'
import { findNetworks, MAX_NETWORKS, type Network } from './network.js'
import { STEMS, type StemOption } from './stems.js'
import { joinBlocks, type Body } from './stages.js'
import { readUnits, splitKey, withoutWrappers, type ModuleTree } from './units.js'

/** What the user says about a state dict that its keys do not. */
export interface RecognizeOptions {
  /** Which network is meant, where the state dict holds several: what stands before its keys, such as `student.`. */
  readonly prefix?: string | undefined
  /** Whether a max-pool follows the first convolution, where that is not clear. */
  readonly stem?: StemOption | undefined
}

/** A network that was found in a state dict. */
export interface Recognized {
  readonly architecture: Architecture
  /** Keys of the model that is built, in its order, each with the key that the state dict has for it. */
  readonly keys: ReadonlyMap<string, string>
  /** Keys of the state dict that are no part of the network. */
  readonly unused: readonly string[]
}

/**
 * Finds the model in a state dict. A ResNet is found by its structure: residual blocks that read what the ones before them make, a
 * stem in front of them, and a head behind; what its modules are called, and what stands before and beside them, does not matter.
 * torchvision's other models are found by their keys and shapes.
 *
 * @throws {TorchError} `TORCH_ARCHITECTURE` if there is none, if there are several, or if it is none that is built here.
 */
export function recognize(state: Iterable<readonly [string, TensorFacts]>, options: RecognizeOptions = {}): Recognized {
  checkOptions('options', options, ['prefix', 'stem'])
  const { prefix, stem } = options
  if (prefix !== undefined) checkString('prefix', prefix)
  if (stem !== undefined) checkOneOf('stem', stem, STEMS)
  const tensors = new Map(state)
  const wanted = prefix === undefined ? [] : withoutWrappers(splitKey(prefix).filter((part) => part !== ''))
  const named = findNamed(tensors, wanted)
  const [model] = named.found
  if (model?.keys.size === tensors.size) return { architecture: model.architecture, keys: model.keys, unused: [] }
  const tree = readUnits(tensors)
  const refuse: Refuse = (reason) => {
    const keys = [...tensors.keys()]
    const shown = keys.slice(0, 4).map(cut).join(', ') + (keys.length > 4 ? ', …' : '')
    const { nearest } = named
    const nearer = nearest === null ? reason : `it is like ${nearest.name}, but ${nearest.reason}`
    const text = keys.length === 0 ? 'the state dict is empty' : `${nearer} (${keys.length} tensors: ${shown})`
    throw new TorchError('TORCH_ARCHITECTURE', `No known model: ${text}`)
  }

  if (tree.isTooLarge) refuse('its keys name more modules than any model has')
  const bodies = joinBlocks(findBlocks(tree.root))
  const found = besideNamed(findNetworks(tree, bodies, wanted), named.found)
  const [network] = found
  if (found.length + named.found.length !== 1) {
    const prefixes = prefixesOf(found, named.found)
    if (prefixes.length > 0) throw severalNetworks(prefixes, undefined)
    const all = prefix === undefined ? [] : allPrefixes(tensors, findNetworks(tree, bodies, []))
    if (all.length === 0) refuse(nearestReason(tree, bodies))
    throw severalNetworks(all, prefix)
  }
  if (model !== undefined) {
    const { architecture, keys } = model
    return { architecture, keys, unused: unusedOf(tensors, keys) }
  }
  if (network === undefined) return refuse(nearestReason(tree, bodies))
  const dtypeOf = (key: string): string | null => tensors.get(key)?.dtype ?? null
  const architecture = describeNetwork(network, { stem, refuse, dtypeOf })
  const keys = ourNames(network, architecture)
  return { architecture, keys, unused: unusedOf(tensors, keys) }
}

function unusedOf(tensors: ReadonlyMap<string, TensorFacts>, keys: ReadonlyMap<string, string>): string[] {
  const used = new Set(keys.values())
  return [...tensors.keys()].filter((key) => !used.has(key))
}

/** Leaves out what looks like a ResNet within a model that is known by its name, such as a RegNet. */
function besideNamed(networks: readonly Network[], models: readonly NamedModel[]): Network[] {
  const used = new Set(models.flatMap(({ keys }) => [...keys.values()]))
  return networks.filter(({ stem }) => !used.has(stem.convs[0]?.tensors.get('weight')?.key ?? ''))
}

function prefixesOf(networks: readonly Network[], models: readonly NamedModel[]): string[] {
  return [...networks.map(prefixOf), ...models.map(({ architecture }) => architecture.prefix)]
}

function allPrefixes(tensors: ReadonlyMap<string, TensorFacts>, networks: readonly Network[]): string[] {
  const models = findNamed(tensors, []).found
  return prefixesOf(besideNamed(networks, models), models)
}

/** Says which networks there are, and how to choose one; `prefix` fits none of them. */
function severalNetworks(prefixes: readonly string[], prefix: string | undefined): TorchError {
  const [first, ...others] = prefixes.slice(0, MAX_SHOWN).map((value) => {
    return { name: 'prefix', value, text: `{ prefix: '${cut(value)}' }` }
  }) as [SuggestedOption, ...SuggestedOption[]]
  const texts = [first, ...others].map(({ text }) => text).join(' or ')
  const choice = prefixes.length > MAX_SHOWN ? `${texts}, …` : texts
  if (prefix !== undefined) return expected(choice, 'prefix', prefix)
  const count = prefixes.length < MAX_NETWORKS ? String(prefixes.length) : `at least ${MAX_NETWORKS}`
  return new TorchError('TORCH_ARCHITECTURE', `Holds ${count} networks: pass ${choice}`, {
    suggestion: { ...first, others },
  })
}

const MAX_SHOWN = 6
const MAX_KEY_SHOWN = 80

function cut(text: string): string {
  return text.length > MAX_KEY_SHOWN ? `${text.slice(0, MAX_KEY_SHOWN)}…` : text
}

/** Says what comes nearest to a network. */
function nearestReason({ units }: ModuleTree, bodies: readonly Body[]): string {
  const stages = bodies.reduce((most, body) => Math.max(most, body.stages.length), 0)
  const hasConvs = units.some(({ kind }) => kind === 'conv')
  if (!hasConvs) return 'it has no convolutions'
  if (stages === 0) {
    const groupNorm = units.some(
      ({ kind, tensors, hasBias }) => kind === 'other' && hasBias && tensors.get('weight')?.shape.length === 1,
    )
    return groupNorm
      ? 'its normalizations have no running_mean, which BatchNorm2d has'
      : 'it has no residual blocks of two 3×3, or of 1×1, 3×3 and 1×1 convolutions'
  }
  if (stages < 3)
    return `its residual blocks make ${stages} ${stages === 1 ? 'stage' : 'stages'}, a ResNet has four, or three for small images`
  return 'there is no convolution in front of its residual blocks'
}
