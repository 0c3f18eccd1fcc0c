import { availableParallelism } from 'node:os'

import { TorchError } from 'napi-torch'
import { SamplePool, Semaphore } from 'napi-torch/internal'
import { Gate } from './gate.js'
import { loadClassifier, type LoadedClassifier } from './load_classifier.js'
import { Pace } from './pace.js'
import { Scheduler, type BatchFacts } from './scheduler.js'
import { versionOf, type ModelSettings, type Settings } from './settings.js'

/** What is told of each batch and request of a model. */
export interface ModelObserver {
  batch(model: ServedModel, batch: BatchFacts): void
}

/**
 * A model that is loaded: engine, preset and labels. Requests hold on to it while they use it, so that one that was swapped
 * out finishes what it began.
 */
export class ServedModel {
  readonly name: string
  readonly version: string
  readonly settings: ModelSettings
  readonly classifier: LoadedClassifier
  readonly scheduler: Scheduler
  /** Images that are prepared or computed. */
  readonly begun: Gate
  /** Images that are decoded and prepared. */
  readonly preparing: Semaphore
  /** Of images, from when they are begun. */
  readonly pace = new Pace()
  /** Memory of prepared images. */
  readonly samples: SamplePool
  readonly loadedAt = Date.now()
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
    const { maxBatchSize, maxDelayMs, maxQueueSize, maxQueueBytes } = all
    const limits = {
      maxBatchSize: settings.maxBatchSize ?? maxBatchSize,
      maxDelayMs: settings.maxDelayMs ?? maxDelayMs,
      maxQueueSize: settings.maxQueueSize ?? maxQueueSize,
      maxQueueBytes: settings.maxQueueBytes ?? maxQueueBytes,
    }
    this.maxBatchSize = limits.maxBatchSize
    this.maxDelayMs = limits.maxDelayMs
    this.scheduler = new Scheduler(classifier.engine, limits, (batch) => observer.batch(this, batch))
    const preparedAtATime = availableParallelism()
    // As many as keep the engine busy: one batch that is computed, and one that is put together.
    const begun = 2 * limits.maxBatchSize + preparedAtATime
    this.begun = new Gate(begun, limits.maxQueueSize)
    this.preparing = new Semaphore(preparedAtATime)
    this.samples = new SamplePool(this.inputLength, begun)
  }

  /** Loads, compiles and warms up. */
  static async load(settings: ModelSettings, all: Settings, observer: ModelObserver): Promise<ServedModel> {
    const { checkpoint, key, wholeModule, preset, labels } = settings
    const classifier = await loadClassifier({
      checkpoint,
      key,
      wholeModule,
      preset,
      labels,
      threads: all.threads === 0 ? undefined : all.threads,
      maxBatchSize: settings.maxBatchSize ?? all.maxBatchSize,
      dtype: settings.dtype ?? all.dtype,
      device: settings.device ?? all.device,
    })
    return new ServedModel(settings, classifier, all, observer)
  }

  /** Shape of a sample (C, H, W). */
  get inputShape(): readonly number[] {
    return this.classifier.engine.inputShape
  }

  /** Elements of a sample. */
  get inputLength(): number {
    return this.inputShape.reduce((product, size) => product * size, 1)
  }

  get classes(): number {
    return this.classifier.engine.outputShape[0] ?? 0
  }

  /** Samples that wait, to be prepared or computed. */
  get queued(): number {
    return this.scheduler.queued + this.begun.waiting
  }

  /** Calls `body` and keeps the model alive meanwhile. */
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

  /** Waits for those who use it, and lets all memory go. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#onUnused = resolve))
    await this.scheduler.drain()
    await this.classifier.engine.close()
  }
}
