import { csvRows, type CsvRow, type Delimiter } from '../util/csv.js'
import { lineError, linesOf } from '../util/lines.js'
import { IMAGE_FILE } from './image_extensions.js'

/** An image of a list. */
export interface ListedImage {
  /** As it stands in the list. */
  readonly path: string
  readonly label: string
  /** Number of its line, from 1. */
  readonly line: number
}

/** Names of the columns in a first row that names them, without case and punctuation; the first in this order counts. */
const PATH_NAMES =
  'path paths filepath file files filename filenames image images imagepath imagefile imagename img imgpath imageid'
const LABEL_NAMES =
  'label labels class classes classid classname classindex classidx classlabel target targets category categoryid categoryname ' +
  'labelname labelid labelindex labelidx y groundtruth truth gt'

/** A line of an image file and a label, both of which may hold blanks, and one of any path and a label without blanks. */
const IMAGE_AND_LABEL = new RegExp(`^(.+?${IMAGE_FILE.source.slice(0, -1)})\\s+(\\S.*)$`, 'i')
const PATH_AND_LABEL = /^(.+?)\s+(\S+)$/

/** Rows that are read before the columns are known: the header, and the first image. */
const HEAD_ROWS = 2

/**
 * Reads a list of image files with their labels: a table whose cells are separated by commas, semicolons or tabs, or lines of a path,
 * blanks and a label. A first row that names the columns is recognized; without one, the column of the paths is recognized by the
 * endings of images, and the first other column holds the labels. In a `.lst` file of three columns, an index stands first.
 *
 * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, a quote is out of place, or a row lacks a path or a label.
 */
export async function* listedImages(path: string): AsyncGenerator<ListedImage, void, undefined> {
  const delimiter = await findDelimiter(path)
  let columns: Columns | null = null
  let head: CsvRow[] = []
  for await (const row of delimiter === ' ' ? blankRows(path) : csvRows(path, { delimiter })) {
    if (columns === null) {
      head.push(row)
      if (head.length < HEAD_ROWS) continue
      columns = columnsOf(path, head)
      yield* imagesOf(path, head, columns)
      head = []
    } else {
      yield* imagesOf(path, [row], columns)
    }
  }
  if (columns === null && head.length > 0) yield* imagesOf(path, head, columnsOf(path, head))
}

interface Columns {
  readonly path: number
  readonly label: number
  /** The first row that is no header. */
  readonly firstLine: number
}

function* imagesOf(list: string, rows: readonly CsvRow[], columns: Columns): Generator<ListedImage> {
  for (const { cells, line } of rows) {
    if (line < columns.firstLine) continue
    const [path = '', label = ''] = [cells[columns.path], cells[columns.label]]
    if (path === '') throw lineError(list, line, 'Has no path')
    if (label === '') throw lineError(list, line, 'Has no label')
    yield { path, label, line }
  }
}

function columnsOf(list: string, [first, second]: readonly CsvRow[]): Columns {
  const { cells = [], line = 1 } = first ?? {}
  const named = { path: namedColumn(cells, PATH_NAMES), label: namedColumn(cells, LABEL_NAMES) }
  if (named.path >= 0 && named.label >= 0) return { ...named, firstLine: line + 1 }

  const images = (row: readonly string[]): number => row.findIndex((cell) => IMAGE_FILE.test(cell))
  const [inFirst, inSecond] = [images(cells), images(second?.cells ?? [])]
  const isHeader = inFirst < 0 && inSecond >= 0
  const path = named.path >= 0 && isHeader ? named.path : Math.max(isHeader ? inSecond : inFirst, 0)
  if (isHeader && named.label < 0 && cells.length !== 2) {
    throw lineError(list, line, `Has no column called label, but ${cells.slice(0, 8).join(', ')}`)
  }
  if (isHeader && named.label >= 0) return { path, label: named.label, firstLine: line + 1 }
  const isIndexed = /\.lst$/i.test(list) && cells.length === 3 && path === 2
  return { path, label: isIndexed ? 1 : path === 0 ? 1 : 0, firstLine: isHeader ? line + 1 : line }
}

function namedColumn(cells: readonly string[], names: string): number {
  const plain = cells.map((cell) => cell.toLowerCase().replace(/[^a-z0-9]/g, ''))
  const name = names.split(' ').find((candidate) => plain.includes(candidate))
  return name === undefined ? -1 : plain.indexOf(name)
}

/** Tells by the first line that is not blank what separates the cells; a blank where that is no delimiter of tables. */
async function findDelimiter(path: string): Promise<Delimiter | ' '> {
  for await (const { text } of linesOf(path)) {
    if (text.trim() === '') continue
    if (text.includes('\t')) return '\t'
    const isList = !/\.csv$/i.test(path)
    if (isList && IMAGE_AND_LABEL.test(text.trim())) return ' '
    const unquoted = text.replace(/"[^"]*"/g, '')
    const [commas, semicolons] = [unquoted.split(',').length, unquoted.split(';').length]
    if (commas === 1 && semicolons === 1 && isList) return ' '
    return semicolons > commas ? ';' : ','
  }
  return ','
}

/** Rows of a path, which may hold blanks, and a label. */
async function* blankRows(path: string): AsyncGenerator<CsvRow, void, undefined> {
  for await (const { text, number } of linesOf(path)) {
    const line = text.trim()
    if (line === '') continue
    const [, image, label] = IMAGE_AND_LABEL.exec(line) ?? PATH_AND_LABEL.exec(line) ?? []
    yield { cells: [image ?? line, label ?? ''], line: number }
  }
}
