import type { ConfusionMatrix } from '../../evaluation/evaluate.js'
import { count, percent, plural } from '../output/text.js'
import { cut, xml } from './xml.js'

/** Classes of the largest matrix whose cells show their numbers. */
const MAX_WITH_NUMBERS = 25
/** Classes of the largest matrix that names all of them; a larger one names every n-th. */
const MAX_WITH_NAMES = 60
const MAX_NAME = 20

/** Height of a line of names and width of a letter in pixels, at a font size of 12 pixels. */
const LINE = 14
const LETTER = 7
const MARGIN = 16
const TITLE = 56

/** Heading of the matrix. */
export interface ConfusionTitle {
  /** Such as the names of model and dataset. */
  readonly title: string
}

/**
 * Draws a confusion matrix as SVG: a row for each class, a column for each predicted class. Right predictions are green, wrong
 * ones are red, and stronger the larger their share of the row. It is readable on light and dark pages, and a cell shows its
 * numbers under the pointer.
 */
export function confusionSvg(confusion: ConfusionMatrix, labels: readonly string[], { title }: ConfusionTitle): string {
  const { numClasses, total, correct } = confusion
  const cell = numClasses <= MAX_WITH_NUMBERS ? 44 : Math.max(2, Math.min(20, Math.floor(1000 / numClasses)))
  const names = Array.from({ length: numClasses }, (_, index) => cut(labels[index] ?? `class ${index}`, MAX_NAME))
  const side = cell * numClasses
  const room = Math.max(...names.map((name) => name.length)) * LETTER + MARGIN
  // The names above are tilted: they need less height than their length, and the last one needs room on the right.
  const [left, top] = [MARGIN + LINE + room, TITLE + LINE + Math.round(room * 0.8)]
  const width = left + side + Math.max(MARGIN, Math.round(room * 0.75))
  const height = top + side + MARGIN
  const right = `${percent(correct / total)} of ${count(total)} images right`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${xml(`Confusion matrix, ${title}: ${right}`)}</title>`,
    STYLE,
    `<rect class="page" width="100%" height="100%"/>`,
    `<text class="title" x="${MARGIN}" y="28">${xml(title)}</text>`,
    `<text class="quiet" x="${MARGIN}" y="48">${xml(right)} · share of each row: green right, red wrong</text>`,
    ...namesOf(names, { left, top, cell }),
    `<text class="quiet" text-anchor="middle" x="${left + side / 2}" y="${TITLE + LINE}">predicted</text>`,
    `<text class="quiet" text-anchor="middle" transform="translate(${MARGIN + 10} ${top + side / 2}) rotate(-90)">actual</text>`,
    `<rect class="frame" x="${left - 0.5}" y="${top - 0.5}" width="${side + 1}" height="${side + 1}"/>`,
    ...cellsOf(confusion, names, { left, top, cell }),
    '</svg>',
    '',
  ].join('\n')
}

const STYLE = `<style>
text { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328 }
.title { font-size: 16px; font-weight: 600 }
.quiet { fill: #59636e }
.page { fill: #ffffff }
.frame { fill: none; stroke: #d1d9e0 }
.right { fill: #2da44e }
.wrong { fill: #e5534b }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .quiet { fill: #9198a1 }
  .page { fill: #0d1117 }
  .frame { stroke: #3d444d }
}
</style>`

interface Layout {
  readonly left: number
  readonly top: number
  readonly cell: number
}

function* namesOf(names: readonly string[], { left, top, cell }: Layout): Generator<string> {
  const step = names.length <= MAX_WITH_NAMES ? 1 : Math.ceil((LINE + 2) / cell)
  for (let index = 0; index < names.length; index += step) {
    const name = xml(names[index] ?? '')
    const middle = (index + 0.5) * cell
    yield `<text text-anchor="end" x="${left - 8}" y="${top + middle + 4}">${name}</text>`
    yield `<text transform="translate(${left + middle + 4} ${top - 8}) rotate(-50)">${name}</text>`
  }
}

function* cellsOf(confusion: ConfusionMatrix, names: readonly string[], layout: Layout): Generator<string> {
  const { left, top, cell } = layout
  for (let label = 0; label < confusion.numClasses; label++) {
    const support = confusion.support(label)
    for (let prediction = 0; prediction < confusion.numClasses; prediction++) {
      const images = confusion.at(label, prediction)
      if (images === 0) continue
      const share = images / support
      const isRight = label === prediction
      // Errors are rare: the square root makes a share of 1 % visible, and of 10 % distinct.
      const strength = isRight ? 0.1 + 0.6 * share : 0.08 + 0.87 * Math.sqrt(share)
      const [x, y] = [left + prediction * cell, top + label * cell]
      const what = isRight ? 'right' : `taken for ${names[prediction]}`
      const told = `${names[label]} ${what}: ${plural(images, 'image')} (${percent(share, 1)})`
      const size = `x="${x}" y="${y}" width="${cell}" height="${cell}"`
      const kind = isRight ? 'right' : 'wrong'
      yield `<rect class="${kind}" ${size} fill-opacity="${strength.toFixed(2)}"><title>${xml(told)}</title></rect>`
      if (confusion.numClasses > MAX_WITH_NUMBERS) continue
      yield `<text text-anchor="middle" x="${x + cell / 2}" y="${y + cell / 2 + 4}" pointer-events="none">${images}</text>`
    }
  }
}
