import type { FileFacts, ModuleFacts } from '../checkpoint/facts.js'
import type { Architecture, HeadLayer, NamedArchitecture } from '../models/architecture.js'
import type { Module } from '../nn/module.js'
import { quote } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { describeFacts, describeModule, isKnownClass, kindOfFacts, layerOf, shortName } from './facts/layers.js'
import { isComputing, isWithin, pairModules, split, type Pairs } from './facts/pair.js'

/** Parts of a training script that take no part in what a network computes of an image. */
const BESIDE = /criterion|loss|metric|accuracy|auroc|confusion|^(?:train|val|test)_acc/i

/**
 * Makes a model compute what the file says: compares its modules with the classes and settings in the file, path by path, and
 * replaces those that differ. Call it before the weights are loaded: new modules have parameters of the same shapes.
 *
 * Classes that are not PyTorch's cannot be seen into: where they hold other modules, those are compared; a layer of such a class is
 * refused, unless it is called as PyTorch's is.
 *
 * @param names - Their path of each module with tensors, such as `backbone.0`, and ours, such as `conv1`.
 * @throws {TorchError} `TORCH_ARCHITECTURE` naming the first module of the file that differs and cannot be built, or that the
 * model lacks.
 */
export function applyFacts(model: Module<unknown>, facts: FileFacts, names: ReadonlyMap<string, string>): void {
  const pairs = pairModules(model, facts, names)
  for (const [theirs, ours] of pairs.leaves) {
    const layer = facts.get(theirs)
    if (layer === undefined) continue
    const old = model.getSubmodule(ours)
    // A class that holds others is what they are.
    const made = isKnownClass(layer) || pairs.theirLeaves.has(theirs) ? layerOf(layer, old) : old
    if (made === old) continue
    if (made === null) {
      throw differs(`The file's ${quote(theirs)} is ${describeFacts(layer)}, the model has ${describeModule(old)}`)
    }
    model.setSubmodule(ours, made.train(old.training))
    old.dispose()
  }
  const withTensors = new Set<string>()
  for (const [path, { tensors }] of facts) {
    if (tensors.size > 0) for (const each of [path, ...parentsOf(path)]) withTensors.add(each)
  }
  const holders = new Set(pairs.containers.values())
  for (const [path, layer] of facts) checkLeftover(path, layer, { model, facts, pairs, withTensors, holders })
}

interface Context {
  readonly model: Module<unknown>
  readonly facts: FileFacts
  readonly pairs: Pairs
  /** Paths of modules that hold tensors, themselves or below. */
  readonly withTensors: ReadonlySet<string>
  /** Paths of modules that hold others and have a counterpart. */
  readonly holders: ReadonlySet<string>
}

/** @throws {TorchError} `TORCH_ARCHITECTURE` if the module computes something that the model does not. */
function checkLeftover(path: string, layer: ModuleFacts, context: Context): void {
  const { model, facts, pairs, withTensors, holders } = context
  const { leaves, containers, theirLeaves } = pairs
  const root = containers.get('') ?? ''
  if (path === '' || !isWithin(path, root) || leaves.has(path) || !isComputing(layer, theirLeaves.has(path))) return
  const parents = parentsOf(path).filter((parent) => parent !== root && isWithin(parent, root))
  if ([path, ...parents].some((each) => BESIDE.test(split(each)[1]))) return
  // What is registered within a layer belongs to it: a parametrization, an observer.
  if (parents.some((parent) => leaves.has(parent))) return
  const isInBlock = parents.some((parent) => holders.has(parent))
  const kind = kindOfFacts(layer)
  // Beside the stages, what has tensors is reported as unused; another head is no part of this one.
  const outermost = parents.at(-1) ?? path
  const isUsed = [...leaves.keys()].some((leaf) => isWithin(leaf, outermost))
  if (!isInBlock && !isUsed && withTensors.has(outermost)) return
  // One ReLU may be written down once for each place, or once for all.
  if (kind === 'activation' && shortName(layer) === 'ReLU') return
  if (kind === 'pool' && isOneOfOurs(layer, model, leaves)) return
  // A block of attention says more by its own name, a Sequential by what it holds.
  const above = parents.filter((parent) => !holders.has(parent)).at(-1)
  const outer = above === undefined ? undefined : facts.get(above)
  const isTelling = outer !== undefined && shortName(outer) !== 'Sequential'
  const [place, named] = above !== undefined && isTelling ? [above, outer] : [path, layer]
  throw differs(`The file's ${quote(place)} is ${describeFacts(named)}, which the model lacks`)
}

/** A pooling of the model that has no counterpart, as its own name is not where it is expected. */
function isOneOfOurs(layer: ModuleFacts, model: Module<unknown>, leaves: ReadonlyMap<string, string>): boolean {
  const taken = new Set(leaves.values())
  return model.namedModules().some(([path, module]) => {
    if (taken.has(path) || !module.constructor.name.endsWith('Pool2d')) return false
    // fastai's own pooling is made of two of PyTorch's.
    if (module.constructor.name === 'MaxAvgPool2d') return /^Adaptive(?:Avg|Max)Pool2d$/.test(shortName(layer))
    return layerOf(layer, module) === module
  })
}

/** The nearest first. */
function parentsOf(path: string): string[] {
  const parents: string[] = []
  for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) parents.push(path.slice(0, end))
  return parents
}

function differs(text: string): TorchError {
  const remedy = 'build it yourself, and load the weights with loadStateDict()'
  return new TorchError('TORCH_ARCHITECTURE', `${text}: ${remedy}`)
}

/**
 * Puts the layers that the file names in the places of a head of which keys tell nothing: a gap between linear layers may be a ReLU,
 * and may be a Dropout.
 *
 * @param names - As of {@link applyFacts}.
 */
export function correctHead(
  architecture: Architecture,
  facts: FileFacts,
  names: ReadonlyMap<string, string>,
): Architecture {
  if (architecture.family === 'torchvision') return withTransformInput(architecture, facts)
  const head = architecture.departures?.head ?? []
  const ours = architecture.family === 'resnet' ? 'fc.' : 'linear.'
  const [theirs] = [...names].find(([, path]) => path.startsWith(ours)) ?? []
  const found = theirs === undefined ? null : headFromFacts(facts, split(theirs)[0])
  const layers = found?.layers ?? []
  // A pooling may stand in front, which is none of ours.
  const offset = layers.length - head.length
  if (head.length < 2 || offset < 0) return architecture
  const isGap = ({ type }: HeadLayer): boolean => type === 'ReLU' || type === 'Identity'
  const corrected = head.map((layer, index) => (isGap(layer) ? (layers[index + offset] ?? layer) : layer))
  return { ...architecture, departures: { ...architecture.departures, head: corrected } }
}

/** A module that was saved as a whole says whether it brings images to deviations of 0.5. */
function withTransformInput(architecture: NamedArchitecture, facts: FileFacts): NamedArchitecture {
  const { options, prefix } = architecture
  const transformInput = facts.get(prefix.replace(/\.$/, ''))?.attributes.get('transform_input')
  if (options.transformInput === undefined || typeof transformInput !== 'boolean') return architecture
  return { ...architecture, options: { ...options, transformInput } }
}

/** A head as the file describes it, or the first layer of it that there is no counterpart for. */
export type HeadFacts =
  | { readonly layers: readonly HeadLayer[]; readonly unbuildable: null }
  | { readonly layers: null; readonly unbuildable: { readonly path: string; readonly className: string } }

/**
 * Gives the layers of a head, in order: of a Sequential those within it, of a single layer that one. Null if the file does not say,
 * as of a class of someone else's.
 *
 * @param path - Where the head lies in the file, such as `fc`.
 */
export function headFromFacts(facts: FileFacts, path: string): HeadFacts | null {
  const head = facts.get(path)
  if (head === undefined || (kindOfFacts(head) === 'other' && !isKnownClass(head))) return null
  const layers: HeadLayer[] = []
  for (const [each, layer] of facts) {
    if (!isWithin(each, path) || shortName(layer) === 'Sequential') continue
    if (isWithin(split(each)[0], path) && each !== path && !isSequence(facts, split(each)[0], path)) {
      if (shortName(facts.get(split(each)[0]) ?? layer) === 'Linear') continue
      return null
    }
    const made = headLayer(layer)
    if (made === undefined) return { layers: null, unbuildable: { path: each, className: layer.className } }
    layers.push(made)
  }
  return { layers, unbuildable: null }
}

/** Tells whether all from `path` up to `top` are Sequentials. */
function isSequence(facts: FileFacts, path: string, top: string): boolean {
  for (const each of [path, ...parentsOf(path)]) {
    if (!isWithin(each, top)) return true
    if (shortName(facts.get(each) ?? { className: '', attributes: new Map(), tensors: new Map() }) !== 'Sequential')
      return false
  }
  return true
}

function headLayer(layer: ModuleFacts): HeadLayer | undefined {
  const { attributes, tensors } = layer
  const name = shortName(layer)
  if (kindOfFacts(layer) === 'none') return { type: 'Identity' }
  if (name === 'ReLU') return { type: 'ReLU' }
  if (name === 'BatchNorm1d') {
    const numFeatures = attributes.get('num_features') ?? tensors.get('running_mean')?.[0]
    if (typeof numFeatures !== 'number') return undefined
    return { type: 'BatchNorm1d', numFeatures, affine: tensors.has('weight') }
  }
  if (name !== 'Linear' && name !== 'NonDynamicallyQuantizableLinear') return undefined
  const [rows, columns] = tensors.get('weight') ?? []
  const inFeatures = attributes.get('in_features') ?? columns
  const outFeatures = attributes.get('out_features') ?? rows
  if (typeof inFeatures !== 'number' || typeof outFeatures !== 'number') return undefined
  const bias = [...tensors.keys()].some((key) => key === 'bias' || key.startsWith('bias_'))
  return { type: 'Linear', inFeatures, outFeatures, bias }
}
