import type { Engine } from '../../engine/engine.js'
import {
  evaluate,
  type EarlierPredictions,
  type EvaluatedImage,
  type Evaluation,
  type LabeledBatch,
} from '../../evaluation/evaluate.js'
import type { OpenedModel } from '../../model/open.js'
import type { Module } from '../../nn/module.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Device } from '../../util/device.js'
import type { Batch, Dataset } from '../../vision/dataset.js'
import type { Preset } from '../../vision/presets.js'
import { Progress } from '../output/progress.js'
import type { Terminal } from '../output/terminal.js'
import { count, percent, rate } from '../output/text.js'

/** How {@link withEngine} compiles. */
export interface EngineFlags {
  readonly batchSize: number
  readonly device: Device
  readonly signal: AbortSignal
}

/** Calls `body` with the compiled model, or with the module if the dataset is empty. The engine is closed afterwards. */
export async function withEngine<T>(
  opened: OpenedModel,
  dataset: Dataset,
  { batchSize, device, signal }: EngineFlags,
  body: (model: Module | Engine) => Promise<T>,
): Promise<T> {
  if (dataset.length === 0) return body(opened.model)
  const engine = await opened.createEngine({ device, maxBatchSize: batchSize, signal })
  try {
    return await body(engine)
  } finally {
    await engine.close()
  }
}

/** What {@link evaluateDataset} works on. */
export interface DatasetEvaluation {
  readonly model: Module | Engine
  readonly dataset: Dataset
  readonly preset: Preset
  readonly batchSize: number
  /** Class of the model for each class of the dataset. Default: the same index. */
  readonly classOf?: readonly number[] | undefined
  readonly terminal: Terminal
  readonly signal: AbortSignal
  /** Predictions for images that come before those of the dataset. */
  readonly earlier?: EarlierPredictions | undefined
  /** Called after each batch. */
  readonly onPredictions?: ((predictions: readonly EvaluatedImage[]) => void) | undefined
  /** Called for each image that cannot be read, by its index in the dataset. Default: the evaluation fails. */
  readonly onError?: ((error: unknown, index: number) => void) | undefined
}

/** Evaluates a model on a dataset and shows the progress. */
export async function evaluateDataset(work: DatasetEvaluation): Promise<Evaluation> {
  const { model, dataset, preset, batchSize, classOf, terminal, signal, earlier, onPredictions, onError } = work
  const batches = dataset.batches({ batchSize, transform: preset, signal, onError })
  const before = earlier?.predictions.length ?? 0
  const amount = (done: number, total: number): string => `${count(done)} of ${count(total)}`
  const progress = new Progress(terminal, before + dataset.length, amount, before)
  try {
    return await evaluate(model, classOf === undefined ? batches : relabeled(batches, classOf), {
      signal,
      earlier,
      onProgress: ({ images, correct, elapsedMs, predictions }) => {
        onPredictions?.(predictions)
        const speed = rate((1000 * (images - before)) / elapsedMs)
        progress.update(images, `${percent(correct / images)} right · ${speed} images/s`)
      },
    })
  } finally {
    progress.stop()
  }
}

async function* relabeled(
  batches: AsyncIterable<Batch<Tensor>>,
  classOf: readonly number[],
): AsyncGenerator<LabeledBatch> {
  for await (const { images, labels } of batches) yield { images, labels: labels.map((label) => classOf[label] ?? -1) }
}
