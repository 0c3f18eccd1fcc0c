import { TorchError } from 'napi-torch'
import { observeBatches, type BatchFacts } from 'napi-torch/internal'
import { Admission } from './admission.js'
import { DEFAULT_OUTPUTS, type ModelOutput } from './oip/response.js'
import { DEFAULT_INPUT } from './oip/samples.js'
import { loadClassifier, type LoadedClassifier } from './load_classifier.js'
import { versionOf, type ModelSettings, type Settings } from './settings.js'
import { coresOf, shareOf, threadsOf } from './workers/share.js'

/** Is told what becomes of a model. */
export interface ModelObserver {
  /** Called for each batch. */
  batch(model: ServedModel, batch: BatchFacts): void
  /** Called when it was replaced or unloaded. */
  retired(model: ServedModel): void
}

/** A model that is loaded: engine, preset and labels. It stays open while requests use it, also after it was replaced. */
export class ServedModel {
  readonly name: string
  readonly version: string
  readonly settings: ModelSettings
  readonly classifier: LoadedClassifier
  /** Name of its input in requests. */
  readonly inputName: string
  /** Its outputs, in the order of responses. */
  readonly outputs: readonly ModelOutput[]
  readonly admission: Admission
  readonly maxBatchSize: number
  readonly maxDelayMs: number
  #users = 0
  #closing: Promise<void> | null = null
  #onUnused: (() => void) | undefined

  private constructor(settings: ModelSettings, classifier: LoadedClassifier, all: Settings, observer: ModelObserver) {
    this.name = settings.name
    this.version = versionOf(settings)
    this.settings = settings
    this.classifier = classifier
    this.inputName = settings.inputs?.name ?? DEFAULT_INPUT
    this.outputs =
      settings.outputs === undefined
        ? DEFAULT_OUTPUTS
        : Object.entries(settings.outputs).map(([name, kind]) => ({ name, kind }))
    const { maxBatchSize, maxDelayMs, maxQueueSize } = batchingOf(settings, all)
    this.maxBatchSize = maxBatchSize
    this.maxDelayMs = maxDelayMs
    const decodedAtATime = coresOf(all)
    this.admission = new Admission({ maxBatchSize, maxQueueSize, sampleLength: this.inputLength, decodedAtATime })
    observeBatches(classifier.engine, (batch) => {
      this.admission.noteBatch(batch.computeMs)
      observer.batch(this, batch)
    })
  }

  /** Loads, compiles and warms up. */
  static async load(settings: ModelSettings, all: Settings, observer: ModelObserver): Promise<ServedModel> {
    const { checkpoint, key, wholeModule, prefix, stem, module, ...images } = settings
    const classifier = await loadClassifier({
      checkpoint,
      key,
      wholeModule,
      prefix,
      stem,
      module,
      preset: images.preset,
      labels: images.labels,
      activation: images.activation,
      exifOrientation: images.exifOrientation,
      invert: images.invert,
      threads: threadsOf(all),
      ...batchingOf(settings, all),
    })
    return new ServedModel(settings, classifier, all, observer)
  }

  /** Shape of a sample (C, H, W). */
  get inputShape(): readonly number[] {
    return this.classifier.engine.inputShape
  }

  /** Number of elements of a sample. */
  get inputLength(): number {
    return this.inputShape.reduce((product, size) => product * size, 1)
  }

  get classes(): number {
    return this.classifier.engine.outputShape[0] ?? 0
  }

  /** Whether it was replaced or unloaded, perhaps while requests still use it. */
  get isRetired(): boolean {
    return this.#closing !== null
  }

  /** Samples that wait to be prepared or computed. */
  get queued(): number {
    return this.classifier.engine.stats().queued + this.admission.waiting
  }

  /** Calls `body`, and stays open until it has settled. */
  async use<T>(body: (model: this) => Promise<T>): Promise<T> {
    if (this.#closing !== null) throw new TorchError('TORCH_NOT_READY', `The model ${this.name} is being unloaded`)
    this.#users++
    try {
      return await body(this)
    } finally {
      this.#users--
      if (this.#users === 0) this.#onUnused?.()
    }
  }

  /** Waits for the requests that use it, and releases its memory. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#onUnused = resolve))
    await this.classifier.engine.close()
  }
}

/** The settings of a model that have defaults for all models. */
function batchingOf(settings: ModelSettings, all: Settings): Batching {
  return {
    maxBatchSize: settings.maxBatchSize ?? all.maxBatchSize,
    maxDelayMs: settings.maxDelayMs ?? all.maxDelayMs,
    maxQueueSize: shareOf(settings.maxQueueSize ?? all.maxQueueSize, all),
    maxQueueBytes: shareOf(settings.maxQueueBytes ?? all.maxQueueBytes, all),
    dtype: settings.dtype ?? all.dtype,
    weights: settings.weights ?? all.weights,
    winogradTile: settings.winogradTile ?? all.winogradTile,
    device: settings.device ?? all.device,
  }
}

type Batching = Pick<
  Settings,
  'maxBatchSize' | 'maxDelayMs' | 'maxQueueSize' | 'maxQueueBytes' | 'dtype' | 'weights' | 'winogradTile' | 'device'
>
