import type { ConfusionMatrix } from '../evaluation/evaluate.js'
import { percent, plural, printable } from './format.js'
import { bar, table, type Column } from './table.js'
import type { Colors } from './terminal.js'

/** More columns than this do not fit beside the bars. */
const WIDEST_MATRIX = 12

/** Classes, and confusions, that are listed where there are too many for all. */
const LISTED = 10

/** With names of eleven letters, ten classes fit into the 80 columns of a terminal. */
const BAR_WIDTH = 8
const SHORT_NAME = 4
const LONGEST_NAME = 24

/** From this share of a class on, a confusion stands out. */
const NOTABLE = 0.05

/**
 * Shows how well each class is found, and for few classes what each was taken for: a line a class, a column an answer.
 * Of many classes, the worst are listed, and the most frequent confusions.
 */
export function* accuracyLines(
  confusion: ConfusionMatrix,
  labels: readonly string[],
  colors: Colors,
): Generator<string> {
  const { bold, dim } = colors
  const all = Array.from({ length: confusion.numClasses }, (_, index) => index)
  if (confusion.numClasses <= WIDEST_MATRIX) {
    yield `${bold('Accuracy of each class')}${dim(', and what its images were taken for')}`
    yield table(
      [...CLASS_COLUMNS, ...all.map((index): Column => ({ head: shortName(labels, index), align: 'right' }))],
      all.map((label) => [...classCells(confusion, label, labels, colors), ...matrixCells(confusion, label, colors)]),
      { styleHead: dim, gap: 1 },
    )
    return
  }
  const present = all.filter((label) => confusion.support(label) > 0)
  const worst = present.sort((one, other) => confusion.recall(one) - confusion.recall(other)).slice(0, LISTED)
  yield bold(`The ${worst.length} classes with the lowest accuracy`)
  yield table(
    CLASS_COLUMNS,
    worst.map((label) => classCells(confusion, label, labels, colors)),
    { styleHead: dim },
  )
  yield ''
  yield bold('Most frequent confusions')
  for (const { label, prediction, images } of confusionsOf(confusion).slice(0, LISTED)) {
    yield `${nameOf(labels, label)} taken for ${nameOf(labels, prediction)}: ${plural(images, 'image')}`
  }
}

/** How often images of one class were taken for another. */
export interface Confusion {
  readonly label: number
  readonly prediction: number
  readonly images: number
}

/** All confusions that occurred, the most frequent first. */
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
    // One more column sets the matrix apart from what stands before it.
    return style(text.padStart(prediction === 0 ? SHORT_NAME + 1 : SHORT_NAME))
  })
}

function nameOf(labels: readonly string[], index: number): string {
  const name = printable(labels[index] ?? `class ${index}`)
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`
}

function shortName(labels: readonly string[], index: number): string {
  return printable(labels[index] ?? String(index)).slice(0, SHORT_NAME)
}
