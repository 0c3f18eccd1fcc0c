import { ENGINE_DTYPES, type EngineDType } from '../engine/compile_options.js'
import { inferInBatch, type Engine } from '../engine/engine.js'
import { openModel, openModule, type CreateEngineOptions, type OpenedModel } from '../model/open.js'
import type { PresetOptions } from '../model/preset.js'
import { READ_MODEL_OPTIONS, type ReadModelOptions } from '../model/read.js'
import { Module } from '../nn/module.js'
import type { ModelArchitecture } from '../models/architecture.js'
import { releaseFreeMemory } from '../tensor/release.js'
import { checkSignal } from '../util/abort.js'
import { checkOneOf, checkOptions, checkPositiveInteger, checkString, describeShape, expected } from '../util/check.js'
import { checkDevice, type Device } from '../util/device.js'
import { TorchError } from '../util/errors.js'
import type { FileInput } from '../util/file_input.js'
import { isError } from '../util/realm.js'
import { scope } from '../util/scope.js'
import { Semaphore } from '../util/semaphore.js'
import type { OutputActivation } from '../vision/activations.js'
import { isImageSource, type ImageSource } from '../vision/image_source.js'
import { ImagePreset } from '../vision/preset.js'
import type { Preset } from '../vision/presets.js'
import { LayerOutput } from '../nn/feature_extractor.js'
import { Headless } from './headless.js'
import { readImage } from './image_source.js'
import { lookAhead } from './look_ahead.js'
import { predictionsOf, type Prediction } from './predictions.js'

export type { ImageSource } from '../vision/image_source.js'
export type { Prediction } from './predictions.js'

/** Where and how a {@link Classifier} computes. */
export interface ClassifierMachineOptions {
  /** Where the model is computed. Default: `cpu`. */
  readonly device?: Device | undefined
  /** Data type of the activations; `float16` on CUDA only. Default: `float32`. */
  readonly dtype?: EngineDType | undefined
  /** As `threads` of {@link CompileOptions}. Default: as many as one operator may use. */
  readonly threads?: number | undefined
  /** Maximum number of images that are computed together. Default: `16`. */
  readonly maxBatchSize?: number | undefined
  /** Stops loading; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Classifier.load}. */
export interface ClassifierOptions extends ReadModelOptions, ClassifierMachineOptions {}

/** Options of {@link Classifier.from}. */
export interface ClassifierFromOptions extends PresetOptions, ClassifierMachineOptions {}

const MACHINE_OPTIONS = ['device', 'dtype', 'threads', 'maxBatchSize'] as const

interface Machine {
  readonly device: Device
  readonly dtype: EngineDType
  readonly threads: number | undefined
  readonly maxBatchSize: number
}

function checkMachine(options: Pick<ClassifierMachineOptions, (typeof MACHINE_OPTIONS)[number]>): Machine {
  const { device = 'cpu', dtype = 'float32', threads, maxBatchSize = DEFAULT_MAX_BATCH_SIZE } = options
  checkDevice('device', device)
  checkOneOf('dtype', dtype, ENGINE_DTYPES)
  checkPositiveInteger('maxBatchSize', maxBatchSize)
  if (threads !== undefined) checkPositiveInteger('threads', threads)
  return { device, dtype, threads, maxBatchSize }
}

/** Options of {@link Classifier.classify}. */
export interface ClassifyOptions {
  /** Maximum number of predictions for each image. Default: `5`. */
  readonly topK?: number | undefined
  /** Stops the call; the promise then rejects, or the iteration ends, with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Classifier.features}. */
export interface FeaturesOptions extends Pick<ClassifyOptions, 'signal'> {
  /**
   * Path of the module whose output is wanted, as `model.namedModules()` has it: `layer3`. Default: the input of the last linear
   * layer.
   */
  readonly layer?: string | undefined
}

/** What {@link Classifier.classify} yields for an image of a stream: its predictions, or why it has none. */
export type ClassifiedImage =
  | { readonly image: ImageSource; readonly predictions: readonly Prediction[]; readonly error: null }
  | { readonly image: ImageSource; readonly predictions: null; readonly error: Error }

/** Two of the largest batches that a plan takes, 8 photos: one is filled while the other is computed. */
const DEFAULT_MAX_BATCH_SIZE = 16
const DEFAULT_TOP_K = 5

/** Images that are decoded and transformed at the same time, as many as Node's pool has threads. A decoded photo takes some 10 MB. */
const MAX_PREPARED = 4

/**
 * Classifies images: a checkpoint, the preset by which its images are prepared, and the names of its classes. Made by
 * {@link Classifier.load}.
 *
 * Images are decoded, transformed and computed off the event loop, and at the same time: while one batch is computed, the
 * next ones are prepared. Images that wait are computed together, whichever call they came from. However many images a call
 * takes, only a few batches are in memory at a time.
 *
 * Close it when it is no longer needed: `await using`, or {@link close}.
 */
export class Classifier implements AsyncDisposable {
  /** Architecture that was recognized in the checkpoint. */
  readonly architecture: ModelArchitecture
  /** How images are prepared. */
  readonly preset: Preset
  /** Name of the preset; `own` where it was passed as a transform without a name. */
  readonly presetName: string
  /** True if the preset follows from the architecture alone: no option, checkpoint or file names one. */
  readonly isPresetGuessed: boolean
  /** Names of the classes, in the order of the model's outputs; null where the classes have no names. */
  readonly labels: readonly string[] | null
  /** Where the labels come from: a file, a list, `own` where they were passed as an array, or `none`. */
  readonly labelsName: string
  /** Keys of the state dict beside the network's own, which were not used. */
  readonly unused: readonly string[]
  /** How outputs become probabilities. */
  readonly activation: OutputActivation
  readonly #opened: OpenedModel
  readonly #engine: Engine
  readonly #engineOptions: CreateEngineOptions
  readonly #shape: string
  /** Maximum number of images that are under way: two batches, and the images that are prepared meanwhile. */
  readonly #limit: number
  readonly #begun: Semaphore
  readonly #preparing = new Semaphore(MAX_PREPARED)
  /** Engines that give features, by the layer whose output they give; `''` for the input of the last. */
  readonly #features = new Map<string, Promise<Engine>>()
  #active = 0
  #isClosed = false
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  /**
   * Loads a checkpoint and compiles its model.
   *
   * @param checkpoint - A path, a `file:` URL, bytes, a `Blob`, a `Response`, or a stream of bytes.
   * @throws {TorchError} `TORCH_ARCHITECTURE` if it is no ResNet, or not the one that `arch` names; `TORCH_LABELS` if the
   * labels do not fit; `TORCH_CUDA_UNAVAILABLE`; `TORCH_INVALID_ARGUMENT`; and what `loadCheckpoint` throws. Nothing is left
   * alive.
   */
  static async load(checkpoint: FileInput, options: ClassifierOptions = {}): Promise<Classifier> {
    checkOptions('Classifier.load()', options, [...READ_MODEL_OPTIONS, ...MACHINE_OPTIONS, 'signal'])
    const { device, dtype, threads, maxBatchSize, ...reading } = options
    const machine = checkMachine({ device, dtype, threads, maxBatchSize })
    return Classifier.#compile(await openModel(checkpoint, reading), machine, options.signal)
  }

  /**
   * Compiles a model of any architecture, whose output is (N, classes): one of your own modules, with its weights loaded.
   *
   * The module stays the caller's: it is not changed, and may be disposed once the classifier is closed.
   *
   * @param model - In eval mode.
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` without a preset, or if the model is in training mode; `TORCH_ARCHITECTURE` if its
   * output is not (N, classes); `TORCH_LABELS`; and what `compile` throws.
   */
  static async from(model: Module, options: ClassifierFromOptions): Promise<Classifier> {
    checkOptions('Classifier.from()', options, [
      ...MACHINE_OPTIONS,
      'preset',
      'labels',
      'activation',
      'exifOrientation',
      'invert',
      'signal',
    ])
    if (!(model instanceof Module)) throw expected('a Module', 'model', model)
    const { device, dtype, threads, maxBatchSize, ...selection } = options
    const machine = checkMachine({ device, dtype, threads, maxBatchSize })
    return Classifier.#compile(await openModule(model, selection), machine, options.signal)
  }

  static async #compile(opened: OpenedModel, machine: Machine, signal: AbortSignal | undefined): Promise<Classifier> {
    const { device, dtype, threads, maxBatchSize } = machine
    try {
      const maxQueueSize = 2 * maxBatchSize + MAX_PREPARED
      // Images wait in the classifier, where no limit of bytes is met.
      const maxQueueBytes = maxQueueSize * elementsOf(opened.inputShape) * Float32Array.BYTES_PER_ELEMENT
      const engineOptions = { device, dtype, threads, maxBatchSize, maxQueueSize, maxQueueBytes }
      const engine = await opened.createEngine({ ...engineOptions, signal })
      return new Classifier(opened, engine, engineOptions)
    } catch (error) {
      opened.dispose()
      throw error
    }
  }

  private constructor(
    opened: OpenedModel,
    engine: Engine,
    engineOptions: CreateEngineOptions & { readonly maxQueueSize: number },
  ) {
    this.architecture = opened.architecture
    this.preset = opened.preset
    this.presetName = opened.presetName
    this.isPresetGuessed = opened.isPresetGuessed
    this.labels = opened.labels
    this.labelsName = opened.labelsName
    this.activation = opened.activation
    this.unused = opened.unused
    this.#opened = opened
    this.#engine = engine
    this.#engineOptions = engineOptions
    this.#shape = describeShape(opened.inputShape)
    this.#limit = engineOptions.maxQueueSize
    this.#begun = new Semaphore(this.#limit)
  }

  /**
   * Gives the most probable classes of an image, best first.
   *
   * @throws {TorchError} `TORCH_FILE`, `TORCH_IMAGE`, `TORCH_INVALID_ARGUMENT`, `TORCH_ENGINE_CLOSED`.
   */
  classify(image: ImageSource, options?: ClassifyOptions): Promise<Prediction[]>
  /** Classifies several images, in their order. **The first image that cannot be read fails the call.** */
  classify(images: readonly ImageSource[], options?: ClassifyOptions): Promise<Prediction[][]>
  /**
   * Classifies the images of a stream of any length, in its order: `imageFiles(folder)`, a generator, or `images.values()` of
   * an array. **An image that cannot be read does not end the stream**: its entry has the error instead of predictions. At
   * most two batches are read ahead of the consumer.
   */
  classify(
    images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options?: ClassifyOptions,
  ): AsyncGenerator<ClassifiedImage, void, undefined>
  classify(
    images: ImageSource | Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: ClassifyOptions = {},
  ): Promise<Prediction[] | Prediction[][]> | AsyncGenerator<ClassifiedImage, void, undefined> {
    if (isImageSource(images)) return this.#classifyOne(images, options)
    if (Array.isArray(images)) return this.#classifyAll(images as readonly ImageSource[], options)
    if (isIterable(images)) return this.#classifyEach(images, options)
    return Promise.reject(expected('an image, an array of images, or a stream of images,', 'images', images))
  }

  /**
   * Gives the feature vector of an image, which is the input of the model's last layer: 512 numbers for a ResNet-18; or the output
   * of another layer, row-major. The first call for a layer compiles the model once more.
   *
   * @throws {TorchError} The same as {@link classify}, `TORCH_ARCHITECTURE` if the model has no linear
   * layer, and `TORCH_INVALID_ARGUMENT` if it has no layer of that name.
   */
  features(image: ImageSource, options?: FeaturesOptions): Promise<Float32Array>
  /** Gives the feature vectors of several images, in their order. */
  features(images: readonly ImageSource[], options?: FeaturesOptions): Promise<Float32Array[]>
  async features(
    images: ImageSource | readonly ImageSource[],
    options: FeaturesOptions = {},
  ): Promise<Float32Array | Float32Array[]> {
    checkOptions('features()', options, ['layer', 'signal'])
    const { layer } = options
    if (layer !== undefined) checkString('layer', layer)
    const signal = checkSignal(options.signal)
    this.#checkOpen()
    return this.#follow(async () => {
      const engine = await this.#featureEngine(layer)
      const compute = (image: ImageSource): Promise<Float32Array> => this.#compute(image, engine, signal)
      return isImageSource(images) ? compute(images) : this.#all(images, compute, signal)
    })
  }

  /** Refuses new images, waits for those that are under way, and releases all memory. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #classifyOne(image: ImageSource, options: ClassifyOptions): Promise<Prediction[]> {
    const predict = this.#predicting(options)
    return this.#follow(() => predict(image))
  }

  async #classifyAll(images: readonly ImageSource[], options: ClassifyOptions): Promise<Prediction[][]> {
    const predict = this.#predicting(options)
    return this.#follow(() => this.#all(images, predict, options.signal))
  }

  async *#classifyEach(
    images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: ClassifyOptions,
  ): AsyncGenerator<ClassifiedImage, void, undefined> {
    const predict = this.#predicting(options)
    const { signal } = options
    const work = async (image: ImageSource): Promise<ClassifiedImage> => {
      this.#checkOpen()
      try {
        return { image, predictions: await this.#follow(() => predict(image)), error: null }
      } catch (error) {
        if (signal?.aborted === true || !isError(error)) throw error
        return { image, predictions: null, error }
      }
    }
    yield* lookAhead(images, work, { limit: this.#limit, signal })
  }

  /** Checks the options of a call, and gives the function that classifies its images. */
  #predicting(options: ClassifyOptions): (image: ImageSource) => Promise<Prediction[]> {
    checkOptions('classify()', options, ['topK', 'signal'])
    const { topK = DEFAULT_TOP_K } = options
    checkPositiveInteger('topK', topK)
    const signal = checkSignal(options.signal)
    this.#checkOpen()
    if (this.architecture.numClasses === 0) {
      const text = 'The model has no head, and so no classes: use features(), or a checkpoint with its head'
      throw new TorchError('TORCH_ARCHITECTURE', text)
    }
    return async (image) => {
      const logits = await this.#compute(image, this.#engine, signal)
      return predictionsOf(logits, { topK, labels: this.labels, activation: this.activation })
    }
  }

  async #all<T>(
    images: readonly ImageSource[],
    work: (image: ImageSource) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T[]> {
    if (!Array.isArray(images)) throw expected('an image, or an array of images,', 'images', images)
    const results: T[] = []
    for await (const result of lookAhead(images, work, { limit: this.#limit, signal })) results.push(result)
    return results
  }

  /** Prepares an image and computes the output of an engine for it. */
  async #compute(image: ImageSource, engine: Engine, signal: AbortSignal | undefined): Promise<Float32Array> {
    return this.#begun.use(async () => {
      const sample = await this.#preparing.use(async () => {
        signal?.throwIfAborted()
        return this.#prepare(image, signal)
      })
      const { output } = await inferInBatch(engine, sample, { signal })
      return output
    })
  }

  async #prepare(source: ImageSource, signal: AbortSignal | undefined): Promise<Float32Array> {
    return scope(async () => {
      const { exifOrientation } = this.#opened
      const image = await readImage(source, this.architecture.inputChannels, { signal, exifOrientation })
      const { preset } = this
      if (preset instanceof ImagePreset) {
        const sample = new Float32Array(elementsOf(preset.shape))
        await preset.applyInto(image, sample)
        return sample
      }
      const sample = await preset.apply(image)
      const shape = describeShape(sample.shape)
      if (shape !== this.#shape) throw expected(`a tensor ${this.#shape}`, 'what the preset makes', sample)
      return sample.toFloat32Array()
    })
  }

  #featureEngine(layer: string | undefined): Promise<Engine> {
    const known = this.#features.get(layer ?? '')
    if (known !== undefined) return known
    const made = this.#createFeatureEngine(layer).catch((error: unknown) => {
      this.#features.delete(layer ?? '')
      throw error
    })
    this.#features.set(layer ?? '', made)
    return made
  }

  async #createFeatureEngine(layer: string | undefined): Promise<Engine> {
    const { model } = this.#opened
    if (layer !== undefined) {
      return this.#opened.createEngine({ ...this.#engineOptions, module: new LayerOutput(model, layer) })
    }
    // What a model without a head gives are its features.
    if (this.architecture.numClasses === 0) return this.#opened.createEngine(this.#engineOptions)
    return this.#opened.createEngine({ ...this.#engineOptions, module: new Headless(model) })
  }

  async #follow<T>(body: () => Promise<T>): Promise<T> {
    this.#active++
    try {
      return await body()
    } finally {
      this.#active--
      if (this.#active === 0) this.#onIdle?.()
    }
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    if (this.#active > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    const features = [...this.#features.values()].map((made) => made.then((engine) => engine.close()))
    await Promise.all([this.#engine.close(), ...features])
    this.#opened.dispose()
    await releaseFreeMemory()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TorchError('TORCH_ENGINE_CLOSED', 'The classifier is closed')
  }
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

function isIterable(value: unknown): value is Iterable<ImageSource> | AsyncIterable<ImageSource> {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
}
