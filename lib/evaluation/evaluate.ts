import { setImmediate } from 'node:timers/promises'

import { inGradModeNow } from '../libtorch/grad_mode.js'
import { checkOptions, expected } from '../util/check.js'
import { checkDevice, type Device } from '../util/device.js'
import { Engine } from '../engine/engine.js'
import { TorchError } from '../util/errors.js'
import { ConfusionMatrix } from './confusion.js'
import { Module } from '../nn/module.js'
import { scope } from '../util/scope.js'
import { Tensor } from '../tensor/tensor.js'

export { ConfusionMatrix } from './confusion.js'

/** Images with their classes, such as a `Batch` of a `Dataset`. */
export interface LabeledBatch {
  /** Input of the model, (N, C, H, W). {@link evaluate} disposes it. */
  readonly images: Tensor
  /** Class index of each of the N images. */
  readonly labels: ArrayLike<number>
}

/** An image of a labeled dataset, with the prediction of the model for it. */
export interface EvaluatedImage {
  /** Index of its class. */
  readonly label: number
  /** Index of the most probable class. */
  readonly prediction: number
  /** Number of classes that are more probable than its class: `0` if the prediction is right. */
  readonly rank: number
}

/** Predictions of an evaluation that was interrupted. */
export interface EarlierPredictions {
  /** Number of classes of the model. */
  readonly numClasses: number
  readonly predictions: readonly EvaluatedImage[]
}

/** Progress of {@link evaluate}. */
export interface EvaluationProgress {
  /** Predictions for the latest batch, in its order. */
  readonly predictions: readonly EvaluatedImage[]
  /** Number of images so far, including earlier ones. */
  readonly images: number
  /** Number of these whose prediction is right. */
  readonly correct: number
  /** Milliseconds since the beginning. */
  readonly elapsedMs: number
}

/** Options of {@link evaluate}. */
export interface EvaluateOptions {
  /** Device of the module, to which batches are moved. Default: `cpu`, which is right for every engine. */
  readonly device?: Device | undefined
  /** Predictions for images that come before those of `batches`; they count like those that are made now. Default: none. */
  readonly earlier?: EarlierPredictions | undefined
  /** Called after each batch. */
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined
  /** Stops the evaluation before its next batch; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Size of a batch, and its time from the images in memory to the logits in memory. */
export interface BatchTime {
  readonly images: number
  readonly ms: number
}

/** What {@link evaluate} measures. */
export interface Evaluation {
  /** Number of images. */
  readonly images: number
  /** Number of images whose most probable class is right. */
  readonly correct: number
  /** Share of images whose most probable class is right, 0 to 1. */
  readonly top1: number
  /** Share of images whose class is among the five most probable ones, 0 to 1; 1 for a model of five classes or fewer. */
  readonly top5: number
  readonly confusion: ConfusionMatrix
  readonly batches: readonly BatchTime[]
  /** Milliseconds from the first image to the last prediction, including the reading of images, without earlier images. */
  readonly elapsedMs: number
}

/** Classes that count for {@link Evaluation.top5}. */
const TOP = 5

/**
 * Measures the accuracy of a classifier on a labeled dataset.
 *
 * The model maps (N, C, H, W) to logits (N, classes): a module, which should be in eval mode, or an engine, which computes
 * a batch while the next one is read. `batches` come from a `Dataset` with a transform, or are your own. The images of a batch
 * are disposed when the batch is done, so that memory stays flat. The event loop gets a turn between two batches.
 *
 * @throws {TorchError} `TORCH_DATASET` if there is no image, or a label that is no class of the model;
 * `TORCH_INVALID_ARGUMENT`.
 */
export async function evaluate(
  model: Module | Engine,
  batches: Iterable<LabeledBatch> | AsyncIterable<LabeledBatch>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkOptions('options', options, ['device', 'earlier', 'onProgress', 'signal'])
  const { device = 'cpu', earlier, onProgress, signal } = options
  checkDevice('device', device)
  if (model instanceof Engine && device !== 'cpu') throw expected("'cpu' for an engine", 'device', device)

  if (!(model instanceof Module) && !(model instanceof Engine)) throw expected('a Module or an Engine', 'model', model)
  if (!isIterable(batches)) throw expected('batches of images and labels', 'batches', batches)
  if (earlier !== undefined && !Array.isArray(earlier.predictions)) throw expected('predictions', 'earlier', earlier)

  const tally = new Tally(earlier)
  const compute = async (batch: LabeledBatch): Promise<void> => {
    try {
      const begin = performance.now()
      const logits = await logitsOf(batch, model, device)
      tally.add(batch, logits, performance.now() - begin)
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
      checkBatch(batch)
      await current.catch((error: unknown) => {
        batch.images.dispose()
        throw error
      })
      current = compute(batch)
      // A failure is thrown where it is awaited; until then it must not count as an unhandled rejection.
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

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)
}

function checkBatch(batch: unknown): void {
  const isBatch = typeof batch === 'object' && batch !== null && 'images' in batch && batch.images instanceof Tensor
  if (!isBatch) throw expected('a batch { images, labels }', 'batches', batch)
}

async function logitsOf({ images, labels }: LabeledBatch, model: Module | Engine, device: Device): Promise<Logits> {
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
    const output = inGradModeNow('inference', () => model.forward(images.to(device)))
    const [rows, classes] = output.shape
    if (output.ndim !== 2 || rows !== labels.length || classes === undefined || classes === 0) {
      throw expected(`logits (${labels.length}, classes)`, 'the output of the model', output)
    }
    return { values: output.toFloat32Array(), classes }
  })
}

/** The results so far. */
class Tally {
  readonly #begin = performance.now()
  readonly #batches: BatchTime[] = []
  #inTop = 0
  #confusion: ConfusionMatrix | null = null
  #latest: readonly EvaluatedImage[] = []

  constructor(earlier: EarlierPredictions | undefined) {
    if (earlier === undefined) return
    this.#confusion = new ConfusionMatrix(earlier.numClasses)
    for (const prediction of earlier.predictions) this.#count(prediction, this.#confusion)
  }

  /** Counts the predictions for a batch. */
  add({ labels }: LabeledBatch, { values, classes }: Logits, ms: number): void {
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
    if (confusion === null || confusion.total === 0)
      throw new TorchError('TORCH_DATASET', 'The dataset contains no images')
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

  #count({ label, prediction, rank }: EvaluatedImage, confusion: ConfusionMatrix): void {
    confusion.add(label, prediction)
    if (rank < TOP) this.#inTop++
  }
}

function predictionOf(logits: Float32Array, label: number): EvaluatedImage {
  const logit = logits[label]
  if (logit === undefined) {
    const message = `The dataset has a class ${label}, but the model has only ${logits.length} classes`
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

/** NaN comes first, as in torch.argmax: a broken model must not look like a good one. */
function isAhead(one: number, other: number): boolean {
  return one > other || (Number.isNaN(one) && !Number.isNaN(other))
}
