import { PATH_COLUMNS } from './columns.js'
import { MAX_LINE_LENGTH } from '../limits.js'
import { faultAt, linesOf } from './lines.js'

/**
 * Reads the column of paths of a CSV file (RFC 4180), row by row. A first row that has one of {@link PATH_COLUMNS} says which
 * column that is; without one it is the first.
 *
 * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, a quote is out of place, or a row has no path.
 */
export async function* csvItems(path: string): AsyncGenerator<string, void, undefined> {
  let column: number | null = null
  for await (const { cells, number } of recordsOf(path)) {
    if (column === null) {
      const named = cells.findIndex((cell) => PATH_COLUMNS.includes(cell.toLowerCase()))
      column = Math.max(named, 0)
      if (named >= 0) continue
    }
    const item = cells[column] ?? ''
    if (item === '') throw faultAt(path, number, 'Has no path')
    yield item
  }
}

interface Record {
  readonly cells: readonly string[]
  /** Of its first line. */
  readonly number: number
}

/** A quoted cell may hold line breaks: a record ends where its quotes are even. Blank lines are no records. */
async function* recordsOf(path: string): AsyncGenerator<Record, void, undefined> {
  let text = ''
  let first = 0
  let quotes = 0
  for await (const line of linesOf(path)) {
    const isBegun = first > 0
    if (!isBegun && line.text.trim() === '') continue
    text = isBegun ? `${text}\n${line.text}` : line.text
    if (!isBegun) first = line.number
    if (text.length > MAX_LINE_LENGTH) throw faultAt(path, first, 'Has a quote that does not end')
    quotes += line.text.split('"').length - 1
    if (quotes % 2 === 1) continue
    yield { cells: cellsOf(path, text, first), number: first }
    first = 0
  }
  if (first > 0) throw faultAt(path, first, 'Has a quote that does not end')
}

function cellsOf(path: string, text: string, number: number): string[] {
  const cells: string[] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(?:,|$)/gy
  // The comma at the end makes the last cell one like the others.
  const whole = `${text},`
  while (pattern.lastIndex < whole.length) {
    const match = pattern.exec(whole)
    if (match === null) throw faultAt(path, number, 'Has a quote out of place')
    const [, quoted, plain = ''] = match
    cells.push(quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'))
  }
  return cells
}
