import { readdir, stat } from 'node:fs/promises'

import { TorchError } from '../errors.js'
import { evaluate as measure, type ConfusionMatrix, type Evaluation, type LabelledBatch } from '../evaluation.js'
import type { Engine } from '../engine/engine.js'
import type { Architecture } from '../models/detect.js'
import type { Module } from '../nn/module.js'
import type { Tensor } from '../tensor.js'
import type { Batch, Dataset } from '../vision/dataset.js'
import { IdxDataset } from '../vision/idx_dataset.js'
import { ImageFolder } from '../vision/image_folder.js'
import { accuracyLines, confusionsOf, type Confusion } from './accuracy.js'
import type { Context } from './context.js'
import { EXIT } from './exit_codes.js'
import { count, duration, percent, plural, rate } from './format.js'
import { loadModel, type LoadedModel } from './load_model.js'
import { withCompiled } from './compile_model.js'
import type { EvaluateFlags } from './program.js'
import { Progress } from './progress.js'
import { findRecipe, type Recipe } from './recipe.js'
import { table } from './table.js'
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
    const recipe = await findRecipe(checkpoint, loaded.architecture, flags)
    const { labels, classOf } = matchClasses(dataset, recipe, loaded.architecture)
    const evaluation = await withCompiled(loaded.model, dataset, recipe, { ...flags, signal }, (model) =>
      evaluateDataset({ model, dataset, classOf, recipe, flags, terminal, signal }),
    )
    if (flags.json === true) terminal.printJson(reportOf(path, loaded, recipe, evaluation, labels))
    else for (const line of linesOf(loaded, recipe, evaluation, labels, terminal.colors)) terminal.print(line)
    return EXIT.ok
  } finally {
    loaded.model.dispose()
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
}

/** Evaluates a model on a dataset and shows how far it is. */
export async function evaluateDataset(work: DatasetEvaluation): Promise<Evaluation> {
  const { model, dataset, classOf, recipe, flags, terminal, signal } = work
  const { batchSize, device } = flags
  const batches = dataset.batches({ batchSize, transform: recipe.preset, signal })
  const progress = new Progress(terminal, dataset.length, (done, total) => `${count(done)} of ${count(total)}`)
  try {
    return await measure(model, classOf === undefined ? batches : relabelled(batches, classOf), {
      device,
      signal,
      onProgress: ({ images, correct, elapsedMs }) => {
        progress.update(images, `${percent(correct / images)} right · ${rate((1000 * images) / elapsedMs)} images/s`)
      },
    })
  } finally {
    progress.stop()
  }
}

/** Tells the layout of a dataset by looking at it. */
async function openDataset(path: string): Promise<Dataset> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new TorchError('TORCH_DATASET', `${path}: No such file or folder`, { cause })
  })
  if (!found.isDirectory()) return IdxDataset.open(path)
  const names = await readdir(path)
  return names.some((name) => /idx3-ubyte(\.gz)?$/.test(name)) ? IdxDataset.open(path) : ImageFolder.open(path)
}

async function* relabelled(
  batches: AsyncIterable<Batch<Tensor>>,
  classOf: readonly number[],
): AsyncGenerator<LabelledBatch> {
  for await (const { images, labels } of batches) yield { images, labels: labels.map((label) => classOf[label] ?? -1) }
}

/**
 * Brings the classes of a dataset and those of the model together: by their names where the model's are known and all
 * folders are named so, else in their order, as a model learnt them from such folders.
 */
function matchClasses(
  dataset: Dataset,
  { labels }: Recipe,
  { numClasses }: Architecture,
): { labels: readonly string[]; classOf?: readonly number[] } {
  const { classes } = dataset
  if (classes.length > numClasses) {
    const known = plural(numClasses, 'class', 'classes')
    const message = `The dataset has ${plural(classes.length, 'class', 'classes')}, but the model knows ${known}`
    throw new TorchError('TORCH_DATASET', message)
  }
  if (!(dataset instanceof ImageFolder)) return { labels: labels ?? classes }
  if (labels === null) return { labels: classes }
  const classOf = classes.map((name) => labels.indexOf(name))
  return classOf.includes(-1) ? { labels: classes } : { labels, classOf }
}

/** What `--json` prints; `docs/cli.md` documents it. */
export interface EvaluateReport {
  readonly dataset: string
  readonly architecture: Architecture
  readonly preset: string
  readonly images: number
  readonly correct: number
  /** 0 to 1. */
  readonly top1: number
  /** 0 to 1. */
  readonly top5: number
  readonly seconds: number
  readonly imagesPerSecond: number
  readonly classes: readonly ClassReport[]
  /** The most frequent first. */
  readonly confusions: readonly Confusion[]
}

/** A class in an {@link EvaluateReport}. */
export interface ClassReport {
  readonly index: number
  readonly label: string
  readonly images: number
  readonly correct: number
  /** Share of its images that were found, 0 to 1; null without images. */
  readonly recall: number | null
  /** Share of right answers among those that named it, 0 to 1; null if none did. */
  readonly precision: number | null
}

function reportOf(
  dataset: string,
  { architecture }: LoadedModel,
  { presetName }: Recipe,
  { images, correct, top1, top5, elapsedMs, confusion }: Evaluation,
  labels: readonly string[],
): EvaluateReport {
  return {
    dataset,
    architecture,
    preset: presetName,
    images,
    correct,
    top1,
    top5,
    seconds: elapsedMs / 1000,
    imagesPerSecond: (1000 * images) / elapsedMs,
    classes: Array.from({ length: confusion.numClasses }, (_, index) => classReport(confusion, index, labels)),
    confusions: confusionsOf(confusion),
  }
}

function classReport(confusion: ConfusionMatrix, index: number, labels: readonly string[]): ClassReport {
  const [recall, precision] = [confusion.recall(index), confusion.precision(index)]
  return {
    index,
    label: labels[index] ?? `class ${index}`,
    images: confusion.support(index),
    correct: confusion.at(index, index),
    recall: Number.isNaN(recall) ? null : recall,
    precision: Number.isNaN(precision) ? null : precision,
  }
}

function* linesOf(
  { architecture }: LoadedModel,
  { presetName }: Recipe,
  { images, correct, top1, top5, elapsedMs, confusion }: Evaluation,
  labels: readonly string[],
  colors: Terminal['colors'],
): Generator<string> {
  const { bold, dim, green } = colors
  yield dim(`${architecture.name}, preset ${presetName}, ${plural(images, 'image')}`)
  yield ''
  const rows = [
    [bold('top-1'), green(percent(top1)), `${count(correct)} of ${count(images)}`],
    [bold('top-5'), percent(top5), ''],
    [bold('speed'), `${rate((1000 * images) / elapsedMs)} images/s`, `${duration(elapsedMs)} in all`],
  ]
  yield table([{}, {}, {}], rows)
  yield ''
  yield* accuracyLines(confusion, labels, colors)
}
