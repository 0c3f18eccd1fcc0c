import { fileURLToPath } from 'node:url'

import { checkOneOf, checkOptions, checkPositiveInteger, describeShape, expected } from '../util/check.js'
import { answersOf, type Answer } from './answers.js'
import { compileFor, type CompileForOptions } from './compile_for.js'
import { Headless } from './headless.js'
import { isImageSource, readImage, type ImageSource } from './image_source.js'
import { loadModel, type LoadedModel } from './load_model.js'
import { lookAhead } from './look_ahead.js'
import type { PresetName } from './preset_names.js'
import { findRecipe, inputShapeOf, type Recipe } from './recipe.js'
import { Semaphore } from '../util/semaphore.js'
import { checkDevice, type Device } from '../util/device.js'
import { checkSignal } from '../util/abort.js'
import { ENGINE_DTYPES, type EngineDType } from '../engine/compile_options.js'
import type { Engine } from '../engine/engine.js'
import { TorchError } from '../util/errors.js'
import type { Architecture } from '../models/detect.js'
import { scope } from '../util/scope.js'
import { ImagePreset } from '../vision/preset.js'
import type { Preset } from '../vision/presets.js'

export type { Answer } from './answers.js'
export type { ImageSource } from './image_source.js'
export type { PresetName } from './preset_names.js'
export type { Recipe } from './recipe.js'

/** Options of {@link Classifier.load}. */
export interface ClassifierOptions {
  /** Names of the classes: an array, a file (see `loadLabels`), or a list of this package. Default: see `preset`. */
  readonly labels?: string | readonly string[] | undefined
  /**
   * How images are prepared: a preset, or the name of one. Default: as the metadata of a safetensors checkpoint or the file
   * `preset.json` beside it says, else as the architecture was trained; then `recipe.isGuess` is true.
   */
  readonly preset?: PresetName | Preset | undefined
  /** Refuse a checkpoint of another architecture, such as `resnet18`. Default: any that is recognised. */
  readonly arch?: string | undefined
  /** Where the state dict lies in the file, such as `model.ema`. Default: it is found by itself. */
  readonly key?: string | undefined
  /** Take the weights of a module that was pickled as a whole, without running its code. Default: `false`. */
  readonly wholeModule?: boolean | undefined
  /** Where the model is computed. Default: `cpu`. */
  readonly device?: Device | undefined
  /** In which the model keeps what stands between layers; `float16` on CUDA alone. Default: `float32`. */
  readonly dtype?: EngineDType | undefined
  /** As `threads` of {@link CompileOptions}. Default: as many as one operator may use. */
  readonly threads?: number | undefined
  /** Images that are computed together at most. Default: `16`. */
  readonly maxBatchSize?: number | undefined
  /** Gives up loading; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Classifier.classify}. */
export interface ClassifyOptions {
  /** Answers for each image, at most. Default: `5`. */
  readonly topK?: number | undefined
  /** Gives up; the promise then rejects, or the iteration ends, with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Classifier.features}. */
export type FeaturesOptions = Pick<ClassifyOptions, 'signal'>

/** What {@link Classifier.classify} yields for an image of a stream: answers, or the error of an image without any. */
export type ClassifiedImage =
  | { readonly image: ImageSource; readonly answers: readonly Answer[]; readonly error: null }
  | { readonly image: ImageSource; readonly answers: null; readonly error: Error }

const LOAD_OPTIONS = [
  'labels',
  'preset',
  'arch',
  'key',
  'wholeModule',
  'device',
  'dtype',
  'threads',
  'maxBatchSize',
] as const

/** Its plans take up to eight photos: two of these, so that one is put together while the other is computed. */
const DEFAULT_MAX_BATCH_SIZE = 16
const DEFAULT_TOP_K = 5

/** Images that are decoded and transformed at a time: the threads of Node's pool. A decoded photo has some 10 MB. */
const PREPARED_AT_A_TIME = 4

/** What a {@link Classifier} is made of. */
interface Parts extends LoadedModel {
  readonly recipe: Recipe
  readonly engine: Engine
  readonly compileOptions: CompileForOptions
}

/**
 * Tells what images show: a checkpoint, the way in which its images are prepared, and the names of its classes. Made by
 * {@link Classifier.load}.
 *
 * Images are decoded, transformed and computed off the event loop, and at the same time: while one batch is computed, the
 * next ones are prepared. Whatever waits is computed together, from whichever call it came. However many images a call
 * brings, a few batches are in memory at a time.
 *
 * Close it when it is no longer needed: `await using`, or {@link close}.
 */
export class Classifier implements AsyncDisposable {
  /** How images are prepared, what the classes are called, and who said so. */
  readonly recipe: Recipe
  /** What the checkpoint holds. */
  readonly architecture: Architecture
  readonly #model: LoadedModel['model']
  readonly #engine: Engine
  readonly #compileOptions: CompileForOptions
  readonly #shape: string
  /** Images begun and not yet answered: those of two batches, and those that are prepared meanwhile. */
  readonly #limit: number
  readonly #begun: Semaphore
  readonly #preparing = new Semaphore(PREPARED_AT_A_TIME)
  #features: Promise<Engine> | undefined
  #active = 0
  #isClosed = false
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  /**
   * Loads a checkpoint and compiles its model.
   *
   * @param checkpoint - A path, a `file:` URL, or the bytes of a file.
   * @throws {TorchError} `TORCH_ARCHITECTURE` if it is no ResNet, or not the one that was asked for; `TORCH_LABELS` if the
   * labels do not fit; `TORCH_CUDA_UNAVAILABLE`; `TORCH_INVALID_ARGUMENT`; and whatever `loadCheckpoint` throws. Nothing is left alive.
   */
  static async load(checkpoint: string | URL | Uint8Array, options: ClassifierOptions = {}): Promise<Classifier> {
    checkOptions('Classifier.load()', options, [...LOAD_OPTIONS, 'signal'])
    const { labels, preset, arch, key, wholeModule, device = 'cpu', dtype = 'float32', threads } = options
    const { maxBatchSize = DEFAULT_MAX_BATCH_SIZE } = options
    const signal = checkSignal(options.signal)
    checkDevice('device', device)
    checkOneOf('dtype', dtype, ENGINE_DTYPES)
    checkPositiveInteger('maxBatchSize', maxBatchSize)
    if (threads !== undefined) checkPositiveInteger('threads', threads)
    signal?.throwIfAborted()

    const file = checkpoint instanceof URL ? fileURLToPath(checkpoint) : checkpoint
    const loaded = await loadModel(file, { key, wholeModule, arch })
    try {
      const recipe = await findRecipe(file, loaded.architecture, { preset, labels })
      const input = await inputShapeOf(recipe.preset, loaded.architecture)
      signal?.throwIfAborted()
      const maxQueueSize = 2 * maxBatchSize + PREPARED_AT_A_TIME
      const compileOptions = { input, device, dtype, threads, maxBatchSize, maxQueueSize }
      const engine = await compileFor(loaded.model, { ...compileOptions, signal })
      return new Classifier({ ...loaded, recipe, engine, compileOptions })
    } catch (error) {
      loaded.model.dispose()
      throw error
    }
  }

  private constructor({ model, architecture, recipe, engine, compileOptions }: Parts) {
    this.architecture = architecture
    this.recipe = recipe
    this.#model = model
    this.#engine = engine
    this.#compileOptions = compileOptions
    this.#shape = describeShape(compileOptions.input)
    this.#limit = compileOptions.maxQueueSize
    this.#begun = new Semaphore(this.#limit)
  }

  /** Names of the classes, in the order of the model's outputs; null where nobody has named them. */
  get labels(): readonly string[] | null {
    return this.recipe.labels
  }

  /** How images are prepared. */
  get preset(): Preset {
    return this.recipe.preset
  }

  /**
   * Tells what an image shows: the most probable classes, best first.
   *
   * @throws {TorchError} `TORCH_FILE`, `TORCH_IMAGE`, `TORCH_INVALID_ARGUMENT`, `TORCH_ENGINE_CLOSED`.
   */
  classify(image: ImageSource, options?: ClassifyOptions): Promise<Answer[]>
  /** Tells what each of several images shows, in their order. **The first image that cannot be read fails the call.** */
  classify(images: readonly ImageSource[], options?: ClassifyOptions): Promise<Answer[][]>
  /**
   * Tells what each image of a stream shows, in its order, for as long as it is: `imageFiles(folder)`, a generator, or
   * `images.values()` of an array. **An image that cannot be read ends nothing**: its entry has the error instead of
   * answers. Images are taken ahead, two batches at most, and no more of them while nobody consumes the answers.
   */
  classify(
    images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options?: ClassifyOptions,
  ): AsyncGenerator<ClassifiedImage, void, undefined>
  classify(
    images: ImageSource | Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: ClassifyOptions = {},
  ): Promise<Answer[] | Answer[][]> | AsyncGenerator<ClassifiedImage, void, undefined> {
    if (isImageSource(images)) return this.#classifyOne(images, options)
    if (Array.isArray(images)) return this.#classifyAll(images as readonly ImageSource[], options)
    if (isIterable(images)) return this.#classifyEach(images, options)
    return Promise.reject(expected('an image, an array of images, or a stream of images,', 'images', images))
  }

  /**
   * Gives the vector that the last layer of the model reads, pooled over the image: 512 numbers of a ResNet-18. The model
   * is compiled without that layer at the first call.
   *
   * @throws {TorchError} As {@link classify} does.
   */
  features(image: ImageSource, options?: FeaturesOptions): Promise<Float32Array>
  /** Gives the vectors of several images, in their order. */
  features(images: readonly ImageSource[], options?: FeaturesOptions): Promise<Float32Array[]>
  async features(
    images: ImageSource | readonly ImageSource[],
    options: FeaturesOptions = {},
  ): Promise<Float32Array | Float32Array[]> {
    checkOptions('features()', options, ['signal'])
    const signal = checkSignal(options.signal)
    this.#checkOpen()
    return this.#follow(async () => {
      const engine = await this.#featureEngine()
      const compute = (image: ImageSource): Promise<Float32Array> => this.#compute(image, engine, signal)
      return isImageSource(images) ? compute(images) : this.#all(images, compute, signal)
    })
  }

  /** Refuses new images, waits for those that are under way, and lets all memory go. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #classifyOne(image: ImageSource, options: ClassifyOptions): Promise<Answer[]> {
    const answer = this.#answering(options)
    return this.#follow(() => answer(image))
  }

  async #classifyAll(images: readonly ImageSource[], options: ClassifyOptions): Promise<Answer[][]> {
    const answer = this.#answering(options)
    return this.#follow(() => this.#all(images, answer, options.signal))
  }

  async *#classifyEach(
    images: Iterable<ImageSource> | AsyncIterable<ImageSource>,
    options: ClassifyOptions,
  ): AsyncGenerator<ClassifiedImage, void, undefined> {
    const answer = this.#answering(options)
    const { signal } = options
    const work = async (image: ImageSource): Promise<ClassifiedImage> => {
      this.#checkOpen()
      try {
        return { image, answers: await this.#follow(() => answer(image)), error: null }
      } catch (error) {
        if (signal?.aborted === true || !(error instanceof Error)) throw error
        return { image, answers: null, error }
      }
    }
    yield* lookAhead(images, work, { limit: this.#limit, signal })
  }

  /** Checks the options of a call, and gives what answers its images. */
  #answering(options: ClassifyOptions): (image: ImageSource) => Promise<Answer[]> {
    checkOptions('classify()', options, ['topK', 'signal'])
    const { topK = DEFAULT_TOP_K } = options
    checkPositiveInteger('topK', topK)
    const signal = checkSignal(options.signal)
    this.#checkOpen()
    return async (image) => answersOf(await this.#compute(image, this.#engine, signal), topK, this.labels)
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

  /** Gives the outputs of a model for an image. */
  async #compute(image: ImageSource, engine: Engine, signal: AbortSignal | undefined): Promise<Float32Array> {
    return this.#begun.use(async () => {
      const sample = await this.#preparing.use(async () => {
        signal?.throwIfAborted()
        return this.#prepare(image)
      })
      return engine.infer(sample, { signal })
    })
  }

  async #prepare(source: ImageSource): Promise<Float32Array> {
    return scope(async () => {
      const image = await readImage(source, this.architecture.inputChannels)
      const { preset } = this
      if (preset instanceof ImagePreset) {
        const sample = new Float32Array(preset.shape.reduce((product, size) => product * size, 1))
        await preset.applyInto(image, sample)
        return sample
      }
      const sample = await preset.apply(image)
      const shape = describeShape(sample.shape)
      if (shape !== this.#shape) throw expected(`a tensor ${this.#shape}`, 'what the preset makes', sample)
      return sample.toFloat32Array()
    })
  }

  #featureEngine(): Promise<Engine> {
    this.#features ??= compileFor(new Headless(this.#model), this.#compileOptions).catch((error: unknown) => {
      this.#features = undefined
      throw error
    })
    return this.#features
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
    await Promise.all([this.#engine.close(), this.#features?.then((engine) => engine.close())])
    this.#model.dispose()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TorchError('TORCH_ENGINE_CLOSED', 'The classifier is closed')
  }
}

function isIterable(value: unknown): value is Iterable<ImageSource> | AsyncIterable<ImageSource> {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
}
