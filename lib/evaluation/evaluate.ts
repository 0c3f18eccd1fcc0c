import { setImmediate } from 'node:timers/promises'

import { checkOptions, expected } from '../util/check.js'
import { checkDevice, type Device } from '../util/device.js'
import { Engine } from '../engine/engine.js'
import { TorchError } from '../util/errors.js'
import { ConfusionMatrix } from './confusion.js'
import type { Module } from '../nn/module.js'
import { scope } from '../util/scope.js'
import type { Tensor } from '../tensor/tensor.js'

export { ConfusionMatrix } from './confusion.js'

/** Some images of a dataset and what they show: a `Batch` of a `Dataset` is one. */
export interface LabelledBatch {
  /** What the model reads, (N, C, H, W). {@link evaluate} disposes it. */
  readonly images: Tensor
  /** Class index of each of the N images. */
  readonly labels: ArrayLike<number>
}

/** What a model took an image for. */
export interface Prediction {
  /** Index of the class that the image shows. */
  readonly label: number
  /** Index of the most probable class. */
  readonly prediction: number
  /** Classes that were more probable than the right one: `0` if the answer is right. */
  readonly rank: number
}

/** Predictions of an evaluation that was interrupted. */
export interface EarlierPredictions {
  /** Outputs of the model. */
  readonly numClasses: number
  readonly predictions: readonly Prediction[]
}

/** How far {@link evaluate} is. */
export interface EvaluationProgress {
  /** Of the batch that was computed last, in its order. */
  readonly predictions: readonly Prediction[]
  /** Images so far, earlier ones included. */
  readonly images: number
  /** Of these, how many are right. */
  readonly correct: number
  /** Since the beginning, in ms. */
  readonly elapsedMs: number
}

/** Options of {@link evaluate}. */
export interface EvaluateOptions {
  /** Where the module lies; batches are moved there. Default: `cpu`, where engines compute. */
  readonly device?: Device | undefined
  /** Predictions for images that come before those of `batches`: they count as if they were made now. Default: none. */
  readonly earlier?: EarlierPredictions | undefined
  /** Called after each batch. */
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined
  /** Stops the evaluation before its next batch: it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Size and time of a batch: from the images in memory to the answers in memory. */
export interface BatchTime {
  readonly images: number
  readonly ms: number
}

/** What {@link evaluate} measures. */
export interface Evaluation {
  /** Number of images. */
  readonly images: number
  /** Images whose first answer is right. */
  readonly correct: number
  /** Share of images whose first answer is right, 0 to 1. */
  readonly top1: number
  /** Share of images with the right answer among the first five, 0 to 1; 1 with five classes or less. */
  readonly top5: number
  readonly confusion: ConfusionMatrix
  readonly batches: readonly BatchTime[]
  /** From the first image to the last answer, the reading of images included and earlier ones left out, in ms. */
  readonly elapsedMs: number
}

/** Answers that count for {@link Evaluation.top5}. */
const TOP = 5

/**
 * Measures how often a classifier is right on a labelled dataset.
 *
 * The model maps (N, C, H, W) to logits (N, classes): a module, which should be in eval mode, or an engine, which computes
 * a batch while the next one is read. `batches` are those of a `Dataset` with a transform, or your own. The images of each
 * are disposed when their batch is done, so memory stays flat; the event loop gets a turn between two batches.
 *
 * @throws {TorchError} `TORCH_DATASET` if there is no image, or a label that the model cannot give.
 */
export async function evaluate(
  model: Module | Engine,
  batches: Iterable<LabelledBatch> | AsyncIterable<LabelledBatch>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkOptions('options', options, ['device', 'earlier', 'onProgress', 'signal'])
  const { device = 'cpu', earlier, onProgress, signal } = options
  checkDevice('device', device)
  if (model instanceof Engine && device !== 'cpu') throw expected("'cpu' for an engine", 'device', device)

  if (earlier !== undefined && !Array.isArray(earlier.predictions)) throw expected('predictions', 'earlier', earlier)

  const tally = new Tally(earlier)
  const compute = async (batch: LabelledBatch): Promise<void> => {
    try {
      const begin = performance.now()
      const answer = await answerTo(batch, model, device)
      tally.add(batch, answer, performance.now() - begin)
    } finally {
      batch.images.dispose()
    }
    onProgress?.(tally.progress())
    await setImmediate()
    signal?.throwIfAborted()
  }
  signal?.throwIfAborted()
  let current = Promise.resolve()
  try {
    for await (const batch of batches) {
      await current.catch((error: unknown) => {
        batch.images.dispose()
        throw error
      })
      current = compute(batch)
      // Whoever waits for it will see it fail; until then it is no unhandled rejection.
      current.catch(() => undefined)
      if (!(model instanceof Engine)) await current
    }
  } finally {
    await current
  }
  return tally.result()
}

/** Logits (N, classes) in row-major order. */
interface Logits {
  readonly values: Float32Array
  readonly classes: number
}

async function answerTo({ images, labels }: LabelledBatch, model: Module | Engine, device: Device): Promise<Logits> {
  if (images.size(0) !== labels.length) throw expected(`labels for ${images.size(0)} images`, 'batches', labels.length)
  if (model instanceof Engine) {
    const { outputShape } = model
    const [classes] = outputShape
    if (outputShape.length !== 1 || classes === undefined) {
      throw expected('logits (N, classes)', 'the output of the engine', outputShape)
    }
    return { values: await model.run(images.toFloat32Array()), classes }
  }
  return scope(() => {
    const output = model.forward(images.to(device))
    const [rows, classes] = output.shape
    if (output.ndim !== 2 || rows !== labels.length || classes === undefined || classes === 0) {
      throw expected(`logits (${labels.length}, classes)`, 'the output of the model', output)
    }
    return { values: output.toFloat32Array(), classes }
  })
}

/** What has been found so far. */
class Tally {
  readonly #begin = performance.now()
  readonly #batches: BatchTime[] = []
  #inTop = 0
  #confusion: ConfusionMatrix | null = null
  #latest: readonly Prediction[] = []

  constructor(earlier: EarlierPredictions | undefined) {
    if (earlier === undefined) return
    this.#confusion = new ConfusionMatrix(earlier.numClasses)
    for (const prediction of earlier.predictions) this.#count(prediction, this.#confusion)
  }

  /** Counts what is right in the answer to a batch. */
  add({ labels }: LabelledBatch, { values, classes }: Logits, ms: number): void {
    this.#batches.push({ images: labels.length, ms })
    const confusion = (this.#confusion ??= new ConfusionMatrix(classes))
    this.#latest = Array.from(labels, (label, row) => {
      return predictionOf(values.subarray(row * classes, (row + 1) * classes), label)
    })
    for (const prediction of this.#latest) this.#count(prediction, confusion)
  }

  progress(): EvaluationProgress {
    const { total = 0, correct = 0 } = this.#confusion ?? {}
    return { predictions: this.#latest, images: total, correct, elapsedMs: performance.now() - this.#begin }
  }

  result(): Evaluation {
    const confusion = this.#confusion
    if (confusion === null || confusion.total === 0) throw new TorchError('TORCH_DATASET', 'The dataset holds no image')
    const { total: images, correct } = confusion
    return {
      images,
      correct,
      top1: correct / images,
      top5: this.#inTop / images,
      confusion,
      batches: this.#batches,
      elapsedMs: performance.now() - this.#begin,
    }
  }

  #count({ label, prediction, rank }: Prediction, confusion: ConfusionMatrix): void {
    confusion.add(label, prediction)
    if (rank < TOP) this.#inTop++
  }
}

function predictionOf(logits: Float32Array, label: number): Prediction {
  const logit = logits[label]
  if (logit === undefined) {
    const message = `The dataset has a class ${label}, but the model knows ${logits.length} classes only`
    throw new TorchError('TORCH_DATASET', message)
  }
  let prediction = 0
  let rank = 0
  for (const [index, other] of logits.entries()) {
    if (isAhead(other, logits[prediction] ?? 0)) prediction = index
    if (index !== label && (isAhead(other, logit) || (other === logit && index < label))) rank++
  }
  return { label, prediction, rank }
}

/** NaN comes first, as in torch.argmax: a broken model must not count as a good one. */
function isAhead(one: number, other: number): boolean {
  return one > other || (Number.isNaN(one) && !Number.isNaN(other))
}
