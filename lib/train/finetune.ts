import { createHash } from 'node:crypto'

import { manualSeed, setRngState } from '../tensor/random.js'
import { noGrad } from '../autograd/modes.js'
import { Module } from '../nn/module.js'
import type { AdamW } from '../optim/adam.js'
import type { OneCycleLR } from '../optim/one_cycle_lr.js'
import type { StateDict } from '../tensor/state_dict.js'
import { expected } from '../util/check.js'
import { scope, withoutScope } from '../util/scope.js'
import { Dataset } from '../vision/dataset.js'
import { checkData, contentsOf } from './check_data.js'
import { featuresOf } from './features.js'
import { headPhase } from './head_phase.js'
import {
  checkFinetune,
  type CheckedFinetune,
  type FinetuneEpoch,
  type FinetuneOptions,
  type FinetuneResult,
} from './options.js'
import { copyState, replaceHead, tunedState, type TunedParts } from './parts.js'
import { lrOf, optimizerOf, trainStep, type Phase } from './phase.js'
import { readTrainingState, removeTrainingState, writeTrainingState } from './training_state.js'
import { splitByContent, type Split } from './split_by_content.js'
import { stagesPhase } from './stages_phase.js'

/**
 * Trains a model for the classes of a dataset: gives it a new head, trains that on the features of the images, which the engine
 * computes once, and then the last stages with it on the images, with one cycle of the learning rate. It stops where nothing becomes
 * better any more, and the model, **which is changed in place**, has the best weights at the end, in eval mode.
 *
 * It seeds the default generator, for dropout.
 *
 * @param model Its last linear layer is the head; such as that of `openModel`.
 * @param dataset Such as an `ImageFolder`.
 * @throws {TorchError} `TORCH_DATASET` for images that cannot be read, one class, classes of few images, and files of one content in
 * several classes, all in one message; `TORCH_TRAINING` if a loss is not finite, or `stateFolder` holds another training;
 * `TORCH_ARCHITECTURE` for a model without a linear layer.
 */
export async function finetune(model: Module, dataset: Dataset, options: FinetuneOptions): Promise<FinetuneResult> {
  if (!(model instanceof Module)) throw expected('a Module', 'model', model)
  if (!(dataset instanceof Dataset)) throw expected('a Dataset', 'dataset', dataset)
  const checked = checkFinetune(options)
  return new Finetuning(model, dataset, checked).run()
}

/** One training, from the images to the best weights. */
class Finetuning {
  readonly #model: Module
  readonly #dataset: Dataset
  readonly #options: CheckedFinetune
  readonly #key: string
  readonly #epochs: FinetuneEpoch[] = []
  #best: FinetuneEpoch | null = null
  #bestTuned: StateDict | null = null
  #isResumed = false

  constructor(model: Module, dataset: Dataset, options: CheckedFinetune) {
    this.#model = model
    this.#dataset = dataset
    this.#options = options
    this.#key = keyOf(dataset, options)
  }

  async run(): Promise<FinetuneResult> {
    const { stateFolder, signal, seed, stages, epochs } = this.#options
    const [model, dataset, options] = [this.#model, this.#dataset, this.#options]
    signal?.throwIfAborted()
    // Before hours of work, not after.
    if (stateFolder !== undefined) await scope(async () => (await readTrainingState(stateFolder, this.#key)) !== null)
    const contents = await contentsOf(dataset, signal)
    const features = await featuresOf(model.eval(), dataset, options, this.#key)
    try {
      const facts = { labels: features.labels, contents }
      for (const note of checkData(dataset, facts, features.unreadable, options)) options.onNote?.(note)
      const split = splitByContent(facts, options.validation, seed)

      manualSeed(seed)
      const parts = replaceHead(model, dataset.classes.length, stages)
      await this.#train(parts, headPhase(parts, features, split, dataset, options))
      let last = headPhase(parts, features, split, dataset, options)
      if (epochs > 0 && parts.stages.length > 0) {
        last = stagesPhase(model, parts, split, dataset, options)
        await this.#train(parts, last)
      }
      return await this.#end(split, last)
    } finally {
      features.values.dispose()
      this.#bestTuned?.dispose()
    }
  }

  async #end(split: Split, phase: Phase): Promise<FinetuneResult> {
    this.#model.eval().requiresGrad_(true)
    const { confusion } = await phase.measure()
    const { stateFolder } = this.#options
    if (stateFolder !== undefined) await removeTrainingState(stateFolder)
    if (this.#best === null) throw expected('at least one epoch', 'headEpochs', this.#options.headEpochs)
    const { classes } = this.#dataset
    const { train, validation } = split
    return { classes, epochs: this.#epochs, best: this.#best, confusion, train, validation, isResumed: this.#isResumed }
  }

  /** Trains until the last epoch or until nothing becomes better, and puts the best weights into the model. */
  async #train(parts: TunedParts, phase: Phase): Promise<void> {
    const { weightDecay, patience, signal } = this.#options
    const { optimizer, scheduler } = withoutScope(() => optimizerOf(phase, weightDecay))
    try {
      await this.#resume(phase, optimizer, scheduler)
      // What was resumed may be beyond this phase.
      let epoch = this.#epochs.some(({ phase: name }) => name !== phase.name && name === 'stages')
        ? phase.maxEpochs
        : this.#epochs.filter(({ phase: name }) => name === phase.name).length
      while (epoch < phase.maxEpochs && !this.#isStale(phase, patience)) {
        epoch++
        const trainLoss = await this.#epoch(phase, epoch, optimizer, scheduler)
        const { loss, accuracy } = await phase.measure()
        signal?.throwIfAborted()
        this.#keep({ phase: phase.name, epoch, trainLoss, loss, accuracy, lr: lrOf(optimizer) }, parts)
        await this.#save(parts, optimizer, scheduler)
        const last = this.#epochs.at(-1)
        if (last !== undefined) this.#options.onEpoch?.(last)
      }
    } finally {
      optimizer.dispose()
    }
    this.#load(this.#bestTuned)
  }

  /** Gives the mean loss of the steps. */
  async #epoch(phase: Phase, epoch: number, optimizer: AdamW, scheduler: OneCycleLR): Promise<number> {
    const { signal, onProgress } = this.#options
    const total = phase.maxEpochs * phase.stepsPerEpoch
    let [step, sum] = [0, 0]
    for await (const batch of phase.batches(epoch)) {
      signal?.throwIfAborted()
      step++
      const lr = lrOf(optimizer)
      const loss = await trainStep(batch, optimizer, scheduler, { phase: phase.name, epoch, step })
      sum += loss
      const done = (epoch - 1) * phase.stepsPerEpoch + step
      const accuracy = this.#epochs.at(-1)?.accuracy ?? null
      onProgress?.({ phase: phase.name, done, total, epoch, loss, accuracy, lr })
    }
    return sum / step
  }

  #keep(epoch: FinetuneEpoch, parts: TunedParts): void {
    this.#epochs.push(epoch)
    if (this.#best === null || isBetter(epoch, this.#best)) {
      this.#best = epoch
      this.#bestTuned?.dispose()
      this.#bestTuned = copyState(tunedState(this.#model, parts))
    }
  }

  #isStale({ name }: Phase, patience: number): boolean {
    const own = this.#epochs.filter(({ phase }) => phase === name)
    const best = own.reduce<FinetuneEpoch | null>(
      (most, each) => (most === null || isBetter(each, most) ? each : most),
      null,
    )
    return best !== null && own.length - best.epoch >= patience
  }

  async #save(parts: TunedParts, optimizer: AdamW, scheduler: OneCycleLR): Promise<void> {
    const { stateFolder } = this.#options
    if (stateFolder === undefined || this.#bestTuned === null) return
    await writeTrainingState(stateFolder, this.#key, {
      epochs: this.#epochs,
      best: this.#best,
      tuned: tunedState(this.#model, parts),
      bestTuned: this.#bestTuned,
      optimizer: optimizer.stateDict(),
      scheduler: scheduler.stateDict(),
    })
  }

  /** Takes a training up that was ended in this phase, or in a later one. */
  async #resume(phase: Phase, optimizer: AdamW, scheduler: OneCycleLR): Promise<void> {
    const { stateFolder } = this.#options
    if (stateFolder === undefined) return
    await scope(async () => {
      const state = await readTrainingState(stateFolder, this.#key)
      if (state === null || state.epochs.length < this.#epochs.length) return
      const isOfPhase = state.epochs.at(-1)?.phase === phase.name
      if (this.#epochs.length === 0) {
        this.#isResumed = true
        this.#epochs.push(...state.epochs)
        this.#best = state.best
        this.#bestTuned = copyState(state.bestTuned)
      }
      if (!isOfPhase) return
      this.#load(state.tuned)
      optimizer.loadStateDict(state.optimizer)
      scheduler.loadStateDict(state.scheduler)
      setRngState(state.rng)
    })
  }

  #load(tuned: StateDict | null): void {
    if (tuned === null) return
    const state = this.#model.stateDict()
    noGrad(() => {
      for (const [key, tensor] of tuned) state.get(key)?.copy_(tensor)
    })
  }
}

/** What a training depends on, apart from the content of its images. */
function keyOf(dataset: Dataset, options: CheckedFinetune): string {
  const { preset, validation, seed, batchSize, headEpochs, headLr, epochs, lr, stages, weightDecay } = options
  const { patience, dtype, crop, flip, minImages, skipErrors, fingerprint } = options
  const text = JSON.stringify([
    ...[dataset.length, dataset.classes, String(preset), fingerprint],
    ...[validation, seed, batchSize, headEpochs, headLr, epochs, lr, stages, weightDecay],
    ...[patience, dtype, crop, flip, minImages, skipErrors],
  ])
  return createHash('sha256').update(text).digest('hex')
}

function isBetter(one: FinetuneEpoch, other: FinetuneEpoch): boolean {
  return one.accuracy > other.accuracy || (one.accuracy === other.accuracy && one.loss < other.loss)
}
