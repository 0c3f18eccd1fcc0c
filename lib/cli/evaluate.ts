import { basename } from 'node:path'

import { writeAtomically } from '../util/atomic_file.js'
import { loadModel } from '../classifier/load_model.js'
import { findRecipe, type Recipe } from '../classifier/recipe.js'
import type { Engine } from '../engine/engine.js'
import {
  evaluate as measure,
  type EarlierPredictions,
  type Evaluation,
  type LabelledBatch,
  type Prediction,
} from '../evaluation/evaluate.js'
import type { Module } from '../nn/module.js'
import type { Tensor } from '../tensor/tensor.js'
import type { Batch, Dataset } from '../vision/dataset.js'
import { withCompiled } from './compile_model.js'
import { confusionSvg } from './confusion_svg.js'
import { contactSheet, MOST_TILES } from './contact_sheet.js'
import type { Context } from './context.js'
import { matchClasses, openDataset } from './evaluation_dataset.js'
import { linesOf, reportOf } from './evaluation_report.js'
import { EvaluationState, fingerprintOf } from './evaluation_state.js'
import { EXIT } from './exit_codes.js'
import { count, percent, plural, rate } from './format.js'
import { PartOfDataset } from './part_of_dataset.js'
import type { EvaluateFlags } from './program.js'
import { Progress } from './progress.js'
import type { Terminal } from './terminal.js'

/** Measures the accuracy of a checkpoint on a labelled dataset. */
export async function evaluate(
  checkpoint: string,
  path: string,
  flags: EvaluateFlags,
  { terminal, signal }: Context,
): Promise<number> {
  // Of what can fail, the quick things come first.
  const dataset = await openDataset(path)
  const loaded = await loadModel(checkpoint, flags)
  try {
    const { architecture, source } = loaded
    const recipe = await findRecipe(checkpoint, architecture, flags)
    const { labels, classOf } = matchClasses(dataset, recipe, architecture)
    const evaluated = { checkpoint, source, path, dataset, classOf, recipe }
    const state =
      flags.resume === undefined
        ? null
        : await EvaluationState.open(flags.resume, await fingerprintOf(evaluated), architecture.numClasses)

    const predictions: Prediction[] = []
    const work = { model: loaded.model, dataset, classOf, recipe, flags, terminal, signal }
    const evaluation = await evaluateWith(state, work, predictions)
    const title = `${architecture.name} on ${basename(path)}`
    try {
      // Before the figures: whoever reads those may have seen enough of them, which ends the command.
      if (flags.svg !== undefined) await write(flags.svg, confusionSvg(evaluation.confusion, labels, { title }))
      if (flags.wrong !== undefined) await writeWrong(flags.wrong, { dataset, predictions, labels, terminal, signal })
    } finally {
      if (flags.json === true) terminal.printJson(reportOf(path, loaded, recipe, evaluation, labels))
      else for (const line of linesOf(loaded, recipe, evaluation, labels, terminal.colors)) terminal.print(line)
    }
    return EXIT.ok
  } finally {
    loaded.model.dispose()
  }
}

/** Evaluates what an earlier run has left, and keeps all predictions in its file and in `predictions`. */
async function evaluateWith(
  state: EvaluationState | null,
  work: DatasetEvaluation & { readonly model: Module },
  predictions: Prediction[],
): Promise<Evaluation> {
  const earlier = state?.earlier
  predictions.push(...(earlier?.predictions ?? []))
  const rest = new PartOfDataset(work.dataset, predictions.length, work.dataset.length)
  const onPredictions = (latest: readonly Prediction[]): void => {
    predictions.push(...latest)
    state?.add(latest)
  }
  const { recipe, flags, signal } = work
  try {
    return await withCompiled(work.model, rest, recipe, { ...flags, signal }, (model) =>
      evaluateDataset({ ...work, model, dataset: rest, earlier, onPredictions }),
    )
  } finally {
    await state?.save()
  }
}

/** What {@link evaluateDataset} works on. */
export interface DatasetEvaluation {
  readonly model: Module | Engine
  readonly dataset: Dataset
  /** Class of the model for each class of the dataset. Default: the same. */
  readonly classOf?: readonly number[] | undefined
  readonly recipe: Recipe
  readonly flags: Pick<EvaluateFlags, 'batchSize' | 'device'>
  readonly terminal: Terminal
  readonly signal: AbortSignal
  /** Predictions for images that come before those of the dataset. */
  readonly earlier?: EarlierPredictions | undefined
  /** Called after each batch. */
  readonly onPredictions?: ((predictions: readonly Prediction[]) => void) | undefined
}

/** Evaluates a model on a dataset and shows how far it is. */
export async function evaluateDataset(work: DatasetEvaluation): Promise<Evaluation> {
  const { model, dataset, classOf, recipe, flags, terminal, signal, earlier, onPredictions } = work
  const { batchSize } = flags
  const batches = dataset.batches({ batchSize, transform: recipe.preset, signal })
  const before = earlier?.predictions.length ?? 0
  const amount = (done: number, total: number): string => `${count(done)} of ${count(total)}`
  const progress = new Progress(terminal, before + dataset.length, amount, before)
  try {
    return await measure(model, classOf === undefined ? batches : relabelled(batches, classOf), {
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

async function* relabelled(
  batches: AsyncIterable<Batch<Tensor>>,
  classOf: readonly number[],
): AsyncGenerator<LabelledBatch> {
  for await (const { images, labels } of batches) yield { images, labels: labels.map((label) => classOf[label] ?? -1) }
}

interface WrongImages {
  readonly dataset: Dataset
  /** One for each image of the dataset. */
  readonly predictions: readonly Prediction[]
  readonly labels: readonly string[]
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

async function writeWrong(
  file: string,
  { dataset, predictions, labels, terminal, signal }: WrongImages,
): Promise<void> {
  const all = predictions.map((prediction, index) => ({ ...prediction, index }))
  const wrong = all.filter(({ label, prediction }) => label !== prediction)
  if (wrong.length === 0) {
    terminal.note(`${file}: Not written, as no image is wrong`)
    return
  }
  if (wrong.length > MOST_TILES) {
    terminal.note(`${file}: Shows the first ${count(MOST_TILES)} of ${plural(wrong.length, 'wrong image')}`)
  }
  await write(file, await contactSheet(dataset, wrong, labels, signal))
}

async function write(path: string, contents: string | Buffer): Promise<void> {
  await writeAtomically(path, (sink) => sink(Buffer.from(contents)))
}
