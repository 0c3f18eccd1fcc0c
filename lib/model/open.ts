import { loadFound } from '../checkpoint/load.js'
import { readCheckpoint, type Checkpoint } from '../checkpoint/read.js'
import { findStateDict } from '../checkpoint/state_dict/find.js'
import { compile } from '../engine/compile.js'
import type { CompileOptions } from '../engine/compile_options.js'
import type { Engine } from '../engine/engine.js'
import { inGradModeNow } from '../libtorch/grad_mode.js'
import { createModel } from '../models/create.js'
import type { Architecture, ModelArchitecture } from '../models/architecture.js'
import { convertForInference } from '../nn/convert.js'
import { Module } from '../nn/module.js'
import { withoutMemory } from '../nn/parameter.js'
import { zeros } from '../tensor/creation.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkSignal } from '../util/abort.js'
import { checkOptions, checkString, describeShape, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import type { FileInput } from '../util/file_input.js'
import { HELD, scope } from '../util/scope.js'
import { Slices } from '../util/slices.js'
import type { OutputActivation } from '../vision/activations.js'
import type { Preset } from '../vision/presets.js'
import { applyFacts, correctHead } from './file_facts.js'
import { fitState } from './fit.js'
import { buildModuleFile } from './module_file.js'
import { replaceLayerNorms } from './network_config.js'
import { choosePreset, inputShapeOf, nameClasses, type PresetOptions } from './preset.js'
import { findModel, READ_MODEL_OPTIONS, type FoundModel, type ModelDescription, type ReadModelOptions } from './read.js'

/** Options of {@link openModel}. */
export interface OpenModelOptions extends ReadModelOptions {
  /** Stops opening; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link OpenedModel.createEngine}: those of `compile`, with defaults that fit the model. */
export interface CreateEngineOptions extends Omit<CompileOptions, 'input'> {
  /** Shape (C, H, W) of a sample. Default: the shape that the preset makes, {@link OpenedModel.inputShape}. */
  readonly input?: readonly number[] | undefined
  /** The module that is compiled, such as a part of the model. Default: the model. */
  readonly module?: Module | undefined
}

/** What an {@link OpenedModel} is made of. */
interface Parts {
  readonly model: Module
  readonly inputShape: readonly number[]
  readonly description: ModelDescription
  /** Whether the weights are disposed with this object. */
  readonly isOwner: boolean
}

/**
 * Opens the model of a checkpoint: reads the file once, recognizes the model in it, loads its weights, and finds how images
 * are prepared and what the classes are called. Compile it with {@link OpenedModel.createEngine}, or call `model.forward`.
 *
 * @example
 * ```ts
 * using opened = await openModel('resnet18.pth')
 * await using engine = await opened.createEngine({ maxBatchSize: 8 })
 * ```
 *
 * @param file - A path, a `file:` URL, bytes, a `Blob`, a `Response`, or a stream of bytes.
 * @throws {TorchError} `TORCH_ARCHITECTURE` if it is no known model, or not the one that `arch` names; `TORCH_LABELS` if the labels
 * do not fit; `TORCH_STATE_DICT`; `TORCH_INVALID_ARGUMENT`; and what `loadCheckpoint` throws. Nothing is left alive.
 */
export async function openModel(file: FileInput, options: OpenModelOptions = {}): Promise<OpenedModel> {
  checkOptions('openModel()', options, [...READ_MODEL_OPTIONS, 'signal'])
  const signal = checkSignal(options.signal)
  signal?.throwIfAborted()
  if (options.module !== undefined) return openWithModule(file, { ...options, module: options.module, signal })
  const found = await findModel(file, options)
  signal?.throwIfAborted()
  const { model, architecture } = await loadModule(found, signal)
  try {
    const description = { ...found.description, architecture }
    const inputShape = await inputShapeOf(description.preset, description.architecture)
    signal?.throwIfAborted()
    return new OpenedModel({ model, inputShape, description, isOwner: true })
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** Opens a model that the user's own file builds, with the weights of a checkpoint. */
async function openWithModule(
  file: FileInput,
  {
    module: path,
    key,
    wholeModule,
    prefix,
    stem,
    arch,
    signal,
    ...options
  }: OpenModelOptions & { readonly module: string },
): Promise<OpenedModel> {
  checkString('module', path)
  for (const [name, value] of Object.entries({ stem, arch })) {
    if (value !== undefined) throw expected('nothing where a module file builds the model', name, value)
  }
  const checkpoint = await readCheckpoint(file)
  const found = findStateDict(checkpoint, { key, wholeModule })
  const place = { path: checkpoint.path ?? undefined }
  const model = (await buildModuleFile(path)).eval()
  try {
    signal?.throwIfAborted()
    const { stored, unused } = fitState(found, new Set(model.stateDict().keys()), { prefix, place })
    using state = await loadFound(stored)
    model.loadStateDict(state)
    const { path: home, metadata, root } = checkpoint
    return await openModule(model, { ...options, signal }, { path: home, metadata, root, source: found.source, unused })
  } catch (error) {
    model.dispose()
    throw error
  }
}

/** Options of {@link openModule}. */
export interface OpenModuleOptions extends PresetOptions {
  /** Stops opening; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Where a module's weights come from; nothing for a module that the user filled. */
interface Origin extends Pick<Checkpoint, 'path' | 'metadata' | 'root'> {
  readonly source: string
  readonly unused: readonly string[]
}

const NO_FILE: Origin = { path: null, metadata: null, root: null, source: '', unused: [] }

/**
 * Opens a module that is already built and loaded: finds how many outputs it has for an image of the preset, and what its classes are
 * called. The module belongs to the caller where it was passed without a file.
 *
 * @throws {TorchError} `TORCH_ARCHITECTURE` if its output is not (N, classes); `TORCH_INVALID_ARGUMENT` without a preset.
 */
export async function openModule(
  model: Module,
  options: OpenModuleOptions = {},
  origin: Origin = NO_FILE,
): Promise<OpenedModel> {
  if (!(model instanceof Module)) throw expected('a Module', 'model', model)
  if (model.modules().some(({ training }) => training))
    throw expected('a model in eval mode (call model.eval())', 'model', model)
  checkOptions('openModule()', options, ['preset', 'labels', 'activation', 'exifOrientation', 'invert', 'signal'])
  const signal = checkSignal(options.signal)
  const own = { family: 'own', name: model.constructor.name } as const
  const chosen = await choosePreset(origin, own, options)
  const inputShape = await inputShapeOf(chosen.preset, { inputChannels: 3 })
  signal?.throwIfAborted()
  const [batch, numClasses = 0, ...more] = inGradModeNow('inference', () =>
    scope(() => model.forward(zeros([1, ...inputShape])).shape),
  )
  if (batch !== 1 || numClasses === 0 || more.length > 0) {
    const shape = describeShape([batch ?? 0, numClasses, ...more])
    throw new TorchError(
      'TORCH_ARCHITECTURE',
      `Expected a model whose output is (N, classes), ${own.name} gives ${shape} for one image`,
    )
  }
  const architecture = { ...own, numClasses, inputChannels: inputShape[0] ?? 3 }
  const selected = await nameClasses(chosen, origin.root, architecture, options)
  const { metadata, source, unused } = origin
  const description = { ...selected, architecture, metadata, source, unused, renamed: new Map<string, string>() }
  return new OpenedModel({ model, inputShape, description, isOwner: origin !== NO_FILE })
}

/**
 * A model whose weights are loaded, and what its checkpoint says about it. Made by {@link openModel}.
 *
 * It owns the weights: {@link dispose} them, or let a `using` declaration or a scope do so. Engines own what they need.
 */
export class OpenedModel implements Disposable, AsyncDisposable {
  /** The module, in eval mode, on the CPU, in float32 and in channels-last layout, which convolutions compute fastest. */
  readonly model: Module
  /** Architecture that was recognized from keys and shapes. */
  readonly architecture: ModelArchitecture
  /** How images are prepared. */
  readonly preset: Preset
  /** Name of the preset; `own` where it was passed as a transform without a name. */
  readonly presetName: string
  /** True if the preset follows from the architecture alone: no option, checkpoint or file names one. */
  readonly isPresetGuessed: boolean
  /** One name for each class, in the order of the model's outputs, or null where the classes have no names. */
  readonly labels: readonly string[] | null
  /** Where the labels come from: a file, a list, `own` where they were passed as an array, or `none`. */
  readonly labelsName: string
  /** Where the state dict lies in the file; `''` if it is the whole file. */
  readonly source: string
  /** Texts that the writer of the file attached: safetensors' `__metadata__`. Null where there are none. */
  readonly metadata: ReadonlyMap<string, string> | null
  /** Keys of the model, each with the key that the file has for it, where they differ by more than the prefix. */
  readonly renamed: ReadonlyMap<string, string>
  /** Keys of the state dict beside the network's own, which were not used. */
  readonly unused: readonly string[]
  /** Shape (C, H, W) that the preset makes of an image. */
  readonly inputShape: readonly number[]

  /** How outputs become probabilities. */
  readonly activation: OutputActivation
  /** Whether image files are turned as their EXIF or XMP data say. */
  readonly exifOrientation: boolean
  readonly #isOwner: boolean

  /** @internal */
  constructor({ model, inputShape, description, isOwner }: Parts) {
    this.#isOwner = isOwner
    this.activation = description.activation
    this.exifOrientation = description.exifOrientation
    this.model = model
    this.architecture = description.architecture
    this.preset = description.preset
    this.presetName = description.presetName
    this.isPresetGuessed = description.isPresetGuessed
    this.labels = description.labels
    this.labelsName = description.labelsName
    this.source = description.source
    this.metadata = description.metadata
    this.renamed = description.renamed
    this.unused = description.unused
    this.inputShape = inputShape
  }

  /**
   * Compiles the model for inference off the main thread. The engine belongs to the caller and outlives this object: dispose
   * this one as soon as no further engine is needed, and close the engine at the end.
   *
   * @throws {TorchError} As `compile`.
   */
  async createEngine(options: CreateEngineOptions = {}): Promise<Engine> {
    const { module = this.model, input = this.inputShape, ...rest } = options
    return compile(module, { ...rest, input }).catch((cause: unknown) => {
      const isOfForward = cause instanceof TorchError && cause.modulePath !== undefined
      if (!isOfForward || options.input !== undefined) throw cause
      // A layer refused what reached it: the usual reason is a preset of another size.
      const text = `The preset ${this.presetName} makes images of ${describeShape(input)}, which the model does not take`
      throw new TorchError(cause.code, `${text}: ${cause.message}`, { cause })
    })
  }

  /** Releases the weights, unless the module was the user's own. */
  dispose(): void {
    if (this.#isOwner) this.model.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Does what {@link dispose} does, in slices between which the event loop goes on: for large models. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOwner) return
    await disposeInSlices([...this.model.parameters(), ...this.model.buffers()])
    this.model.dispose()
  }

  /** @internal */
  [HELD](): Tensor[] {
    return this.model[HELD]()
  }
}

/** Gives the model, and its architecture with what the file says beyond keys and shapes. */
async function loadModule(
  { description, stored, facts, modules, layerNormEps }: FoundModel,
  signal?: AbortSignal,
): Promise<{ readonly model: Module; readonly architecture: Architecture }> {
  const slices = new Slices(signal)
  const state = await loadFound(stored)
  try {
    const { architecture } = description
    const built = facts === null ? architecture : correctHead(architecture, facts, modules)
    await slices.next()
    const model = withoutMemory(() => createModel(built)).eval()
    try {
      if (facts !== null) applyFacts(model, facts, modules)
      if (layerNormEps !== null) withoutMemory(() => replaceLayerNorms(model, layerNormEps))
      await slices.next()
      // The tensors of the file become the model's. Of oneDNN's convolutions those of weights that are channels-last are faster.
      model.loadStateDict(state, { assign: true })
      for (const tensor of [...model.parameters(), ...model.buffers()]) {
        await slices.run(convertForInference(tensor))
      }
      return { model, architecture: built }
    } catch (error) {
      model.dispose()
      throw error
    }
  } finally {
    await disposeInSlices(state.values())
  }
}

/** Gives the memory of many tensors back bit by bit: for 240 MB that takes 30 ms. */
async function disposeInSlices(tensors: Iterable<Tensor>): Promise<void> {
  const slices = new Slices()
  for (const tensor of tensors) {
    await slices.next()
    tensor.dispose()
  }
}
