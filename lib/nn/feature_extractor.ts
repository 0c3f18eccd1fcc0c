import { checkString, expected } from '../util/check.js'
import { isPlainObject } from '../util/realm.js'
import { keep } from '../util/scope.js'
import type { Tensor } from '../tensor/tensor.js'
import { isTensor } from './checks.js'
import { Module } from './module.js'

/** Names in an error. */
const MAX_SHOWN = 3

/**
 * Gives the output of a module within a model, such as a feature map, instead of the model's own. The model is not changed, and may
 * be compiled through this one: `compile(new LayerOutput(model, 'layer3'), …)`.
 *
 * State keys: `model`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `namedModules()` of the model has no module of that name, with the nearest names.
 */
export class LayerOutput extends Module {
  readonly model: Module
  readonly layer: string

  constructor(model: Module, layer: string) {
    super()
    checkLayers(model, [layer])
    this.model = model
    this.layer = layer
    this.training = model.training
  }

  override forward(...inputs: Tensor[]): Tensor {
    const { model, layer } = this
    const output = outputsOf(model, [layer], inputs).get(layer)
    return output ?? neverRan(model, layer)
  }

  override extraRepr(): string {
    return `layer=${this.layer}`
  }
}

/**
 * Gives the outputs of several modules within a model, by names that the caller chooses. The model is not changed.
 *
 * State keys: `model`. Follows `torchvision.models.feature_extraction.create_feature_extractor`, **with a path of `namedModules()`
 * for each output, all of the model being run**. What a later layer changes in place is given as it was.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `namedModules()` of the model has no module of that name, with the nearest names.
 */
export class FeatureExtractor extends Module<Readonly<Record<string, Tensor>>> {
  readonly model: Module
  readonly layers: Readonly<Record<string, string>>

  constructor(model: Module, layers: Readonly<Record<string, string>>) {
    super()
    if (!isPlainObject(layers)) throw expected('an object of names by layer', 'layers', layers)
    const paths = Object.keys(layers)
    if (paths.length === 0) throw expected('at least one layer', 'layers', layers)
    for (const path of paths) checkString(`the name of ${path}`, layers[path])
    checkLayers(model, paths)
    this.model = model
    this.layers = { ...layers }
    this.training = model.training
  }

  override forward(...inputs: Tensor[]): Readonly<Record<string, Tensor>> {
    const { model, layers } = this
    const outputs = outputsOf(model, Object.keys(layers), inputs)
    const named = Object.entries(layers).map(([path, name]) => [name, outputs.get(path) ?? neverRan(model, path)])
    return Object.fromEntries(named) as Readonly<Record<string, Tensor>>
  }
}

/**
 * Makes a module that gives the outputs of modules within a model: the path of each, with the name that its output gets.
 *
 * @example
 * createFeatureExtractor(resnet50().eval(), { layer3: 'f3', layer4: 'f4' }).forward(images).f3
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the model has no layer of that name, with the nearest names.
 */
export function createFeatureExtractor(model: Module, layers: Readonly<Record<string, string>>): FeatureExtractor {
  return new FeatureExtractor(model, layers)
}

/** Runs a model, and gives the outputs of its modules; of a module that runs several times, the last. */
function outputsOf(model: Module, paths: readonly string[], inputs: readonly Tensor[]): Map<string, Tensor> {
  const kept = new Map<string, Tensor>()
  const hooks = paths.map((path) =>
    model.getSubmodule(path).registerForwardHook((_module, _inputs, output) => {
      if (!isTensor(output)) throw expected('a layer that gives one tensor', 'layer', path)
      kept.get(path)?.dispose()
      // A later layer may change the output in place.
      kept.set(path, keep(output.clone()))
    }),
  )
  try {
    model.forward(...inputs)
    // A view belongs to the call that is under way, as a result does.
    return new Map([...kept].map(([path, output]) => [path, output.view(output.shape)]))
  } finally {
    for (const hook of hooks) hook.remove()
    for (const output of kept.values()) output.dispose()
  }
}

function neverRan(model: Module, path: string): never {
  throw expected(`a layer that ${model.constructor.name} runs`, 'layer', path)
}

function checkLayers(model: Module, paths: readonly string[]): void {
  if (!(model instanceof Module)) throw expected('a Module', 'model', model)
  const names = model.namedModules().map(([name]) => name)
  for (const path of paths) {
    if (path !== '' && names.includes(path)) continue
    const near = [...names].sort((a, b) => distance(a, path) - distance(b, path)).slice(0, MAX_SHOWN)
    throw expected(`the name of a layer (such as ${near.join(', ')})`, 'layer', path)
  }
}

/** How far two names are apart: characters that are not common to their beginnings or ends. */
function distance(a: string, b: string): number {
  if (a === '') return Infinity
  const [length, shorter] = [Math.max(a.length, b.length), Math.min(a.length, b.length)]
  let start = 0
  while (start < shorter && a[start] === b[start]) start++
  let end = 0
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end++
  return length - start - end
}
