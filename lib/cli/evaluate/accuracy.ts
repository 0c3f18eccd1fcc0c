import type { ConfusionMatrix } from '../../evaluation/evaluate.js'
import { bar, table, type Column } from '../output/table.js'
import type { Colors } from '../output/terminal.js'
import { percent, plural, printable } from '../output/text.js'

/** Classes of the largest matrix that fits beside the bars. */
const MAX_MATRIX = 12

/** Classes and confusions that are listed where there are too many to list all. */
const MAX_LISTED = 10

/** With names of eleven letters, ten classes fit into the 80 columns of a terminal. */
const BAR_WIDTH = 8
const SHORT_NAME = 4
const MAX_NAME = 24

/** Share of a class from which on a confusion is highlighted. */
const NOTABLE = 0.05

/**
 * Prints the accuracy of each class, with a confusion matrix: a line for each class, a column for each prediction. If there
 * are too many classes, prints the worst ones and the most frequent confusions.
 */
export function* accuracyLines(
  confusion: ConfusionMatrix,
  labels: readonly string[],
  colors: Colors,
): Generator<string> {
  const { bold, dim } = colors
  const all = Array.from({ length: confusion.numClasses }, (_, index) => index)
  if (confusion.numClasses <= MAX_MATRIX) {
    yield `${bold('Accuracy by class')}${dim(', with the number of images by predicted class')}`
    yield table(
      [...CLASS_COLUMNS, ...all.map((index): Column => ({ head: shortName(labels, index), align: 'right' }))],
      all.map((label) => [...classCells(confusion, label, labels, colors), ...matrixCells(confusion, label, colors)]),
      { styleHead: dim, gap: 1 },
    )
    return
  }
  const present = all.filter((label) => confusion.support(label) > 0)
  const worst = present.sort((one, other) => confusion.recall(one) - confusion.recall(other)).slice(0, MAX_LISTED)
  yield bold(`The ${worst.length} classes with the lowest accuracy`)
  yield table(
    CLASS_COLUMNS,
    worst.map((label) => classCells(confusion, label, labels, colors)),
    { styleHead: dim },
  )
  yield ''
  yield bold('Most frequent confusions')
  for (const { label, prediction, images } of confusionsOf(confusion).slice(0, MAX_LISTED)) {
    yield `${nameOf(labels, label)} taken for ${nameOf(labels, prediction)}: ${plural(images, 'image')}`
  }
}

/** How often images of class `label` were taken for class `prediction`. */
export interface Confusion {
  readonly label: number
  readonly prediction: number
  readonly images: number
}

/** Lists the confusions that occurred, the most frequent first. */
export function confusionsOf(confusion: ConfusionMatrix): Confusion[] {
  const confusions: Confusion[] = []
  for (let label = 0; label < confusion.numClasses; label++) {
    for (let prediction = 0; prediction < confusion.numClasses; prediction++) {
      const images = label === prediction ? 0 : confusion.at(label, prediction)
      if (images > 0) confusions.push({ label, prediction, images })
    }
  }
  return confusions.sort((one, other) => other.images - one.images)
}

const CLASS_COLUMNS: readonly Column[] = [{ head: 'class' }, {}, { head: 'right', align: 'right' }]

function classCells(confusion: ConfusionMatrix, label: number, labels: readonly string[], { cyan }: Colors): string[] {
  const recall = confusion.recall(label)
  const drawn = Number.isNaN(recall) ? '' : cyan(bar(recall, BAR_WIDTH))
  return [nameOf(labels, label), drawn, percent(recall, recall === 1 ? 0 : 1)]
}

function matrixCells(confusion: ConfusionMatrix, label: number, { dim, green, yellow }: Colors): string[] {
  return Array.from({ length: confusion.numClasses }, (_, prediction) => {
    const images = confusion.at(label, prediction)
    const style =
      prediction === label ? green : images === 0 ? dim : images >= NOTABLE * confusion.support(label) ? yellow : String
    const text = images === 0 ? '·' : String(images)
    // One more column separates the matrix from the accuracy.
    return style(text.padStart(prediction === 0 ? SHORT_NAME + 1 : SHORT_NAME))
  })
}

function nameOf(labels: readonly string[], index: number): string {
  const name = printable(labels[index] ?? `class ${index}`)
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 1)}…`
}

function shortName(labels: readonly string[], index: number): string {
  return printable(labels[index] ?? String(index)).slice(0, SHORT_NAME)
}
