import type { ConfusionMatrix, Evaluation } from '../../evaluation/evaluate.js'
import type { OpenedModel } from '../../model/open.js'
import type { ModelArchitecture } from '../../models/architecture.js'
import { oneLine } from '../output/errors.js'
import { modelLine } from '../output/model_line.js'
import { table } from '../output/table.js'
import type { Colors } from '../output/terminal.js'
import { count, duration, percent, plural, rate } from '../output/text.js'
import { accuracyLines, confusionsOf, type Confusion } from './accuracy.js'
import type { Match } from './classes.js'
import type { SkippedImage } from './state.js'

/** What `--json` prints; `docs/cli.md` documents it. */
export interface EvaluateReport {
  readonly dataset: string
  readonly architecture: ModelArchitecture
  readonly preset: string
  /** True if the preset follows from the architecture alone: no option, checkpoint or file names one. */
  readonly presetGuessed: boolean
  /** What told the model's classes of those of the dataset. */
  readonly match: Match
  readonly images: number
  readonly correct: number
  /** 0 to 1. */
  readonly top1: number
  /** 0 to 1. */
  readonly top5: number
  /** Images of an earlier run, which `seconds` leaves out. */
  readonly resumed: number
  readonly seconds: number
  readonly imagesPerSecond: number
  readonly classes: readonly ClassReport[]
  /** The most frequent first. */
  readonly confusions: readonly Confusion[]
  /** Images that could not be read, and count nowhere. */
  readonly skipped: readonly SkippedImage[]
}

/** What an evaluation has found. */
export interface Results {
  readonly evaluation: Evaluation
  readonly labels: readonly string[]
  readonly match: Match
  readonly skipped: readonly SkippedImage[]
}

/** Skipped images that are listed; `--json` has them all. */
const MAX_SKIPPED = 20

/** A class in an {@link EvaluateReport}. */
export interface ClassReport {
  readonly index: number
  readonly label: string
  readonly images: number
  readonly correct: number
  /** Share of its images that were predicted right, 0 to 1; null without images. */
  readonly recall: number | null
  /** Share of the predictions of this class that were right, 0 to 1; null without any. */
  readonly precision: number | null
}

/** Makes the report that `--json` prints. */
export function reportOf(
  dataset: string,
  { architecture, presetName, isPresetGuessed }: OpenedModel,
  { evaluation, labels, match, skipped }: Results,
): EvaluateReport {
  const { images, correct, top1, top5, elapsedMs, confusion, batches } = evaluation
  const computed = batches.reduce((sum, batch) => sum + batch.images, 0)
  return {
    dataset,
    architecture,
    preset: presetName,
    presetGuessed: isPresetGuessed,
    match,
    images,
    correct,
    top1,
    top5,
    resumed: images - computed,
    seconds: elapsedMs / 1000,
    imagesPerSecond: (1000 * computed) / elapsedMs,
    classes: Array.from({ length: confusion.numClasses }, (_, index) => classReport(confusion, index, labels)),
    confusions: confusionsOf(confusion),
    skipped,
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

/** Prints an evaluation. */
export function* linesOf(
  opened: OpenedModel,
  { evaluation, labels, skipped }: Results,
  colors: Colors,
): Generator<string> {
  const { images, correct, top1, top5, elapsedMs, confusion, batches } = evaluation
  const { bold, dim, green } = colors
  yield dim(`${modelLine(opened)}, ${plural(images, 'image')}`)
  yield ''
  const computed = batches.reduce((sum, batch) => sum + batch.images, 0)
  const rows = [
    [bold('top-1'), green(percent(top1)), `${count(correct)} of ${count(images)}`],
    [bold('top-5'), percent(top5), ''],
    [bold('speed'), ...speedOf(images, computed, elapsedMs)],
  ]
  yield table([{}, {}, {}], rows)
  yield ''
  yield* accuracyLines(confusion, labels, colors)
  if (skipped.length === 0) return
  yield ''
  yield bold(`${plural(skipped.length, 'image')} skipped`)
  for (const { message } of skipped.slice(0, MAX_SKIPPED)) yield `  ${oneLine(message)}`
  if (skipped.length > MAX_SKIPPED) yield dim(`  and ${count(skipped.length - MAX_SKIPPED)} more: --json lists all`)
}

function speedOf(images: number, computed: number, elapsedMs: number): [string, string] {
  if (computed === 0) return ['-', 'all images were evaluated by an earlier run']
  const earlier =
    computed === images ? 'in total' : `for ${count(computed)} images; the others were evaluated by an earlier run`
  return [`${rate((1000 * computed) / elapsedMs)} images/s`, `${duration(elapsedMs)} ${earlier}`]
}
