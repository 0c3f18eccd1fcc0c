import { lineError, linesOf, MAX_LINE_LENGTH } from './lines.js'

// Not csv-parse, which was tried (7.0.3): its limit on the size of a record does not count delimiters, so that 20 MB of commas become
// one record of 20 million cells; its line numbers go wrong after a quoted `\r\n`; and with line numbers it takes 2.5 times as long.

/** A row of a CSV file. */
export interface CsvRow {
  readonly cells: readonly string[]
  /** Number of its first line, from 1. */
  readonly line: number
}

/** A cell without quotes, and what ends it. */
const PLAIN = /([^",]*)(,|$)/y
/** A quoted cell up to its closing quote, or up to the end of the line if the cell goes on in the next one. */
const QUOTED = /"([^"]*(?:""[^"]*)*)(?:"(,|$)|$)/y
/** The rest of a cell that was begun in an earlier line. */
const CONTINUED = /([^"]*(?:""[^"]*)*)(?:"(,|$)|$)/y

/**
 * Reads the rows of a CSV file (RFC 4180, UTF-8), one at a time. Quoted cells may hold commas, doubled quotes and line breaks; cells
 * without quotes are trimmed; rows whose cells are all empty are left out.
 *
 * @throws {TorchError} `TORCH_DATASET`, with the number of the line, if a quote is out of place or does not end, or if a line or a row
 * has more than {@link MAX_LINE_LENGTH} characters; without a number if the file cannot be read.
 */
export async function* csvRows(path: string): AsyncGenerator<CsvRow, void, undefined> {
  let row: OpenRow | null = null
  for await (const { text, end, number } of linesOf(path)) {
    row ??= new OpenRow(number)
    if (!row.add(text, end)) throw lineError(path, row.line, 'Has a quote out of place')
    if (row.isOpen) {
      if (row.length > MAX_LINE_LENGTH) throw notClosed(path, row)
      continue
    }
    if (row.cells.some((cell) => cell !== '')) yield row
    row = null
  }
  if (row !== null) throw notClosed(path, row)
}

/** A row, of which more lines may come. */
class OpenRow implements CsvRow {
  readonly cells: string[] = []
  readonly line: number
  /** Of its text, in characters. */
  length = 0
  /** The parts of a quoted cell that goes on in the next line. */
  #open: string[] | null = null

  constructor(line: number) {
    this.line = line
  }

  get isOpen(): boolean {
    return this.#open !== null
  }

  /** Takes the cells of a line. Gives false if a quote in it is out of place. */
  add(text: string, end: string): boolean {
    this.length += text.length + end.length
    let at = 0
    let delimiter: string | undefined = ','
    while (delimiter === ',') {
      const isContinued = this.#open !== null
      const pattern = isContinued ? CONTINUED : text.startsWith('"', at) ? QUOTED : PLAIN
      pattern.lastIndex = at
      const match = pattern.exec(text)
      if (match === null) return false
      at = pattern.lastIndex
      const cell = match[1] ?? ''
      delimiter = match[2]
      if (delimiter === undefined) (this.#open ??= []).push(cell, end)
      else this.#close(cell, pattern === PLAIN)
    }
    return true
  }

  #close(cell: string, isPlain: boolean): void {
    const whole = this.#open === null ? cell : this.#open.join('') + cell
    this.#open = null
    this.cells.push(isPlain ? whole.trim() : whole.replaceAll('""', '"'))
  }
}

function notClosed(path: string, { line }: CsvRow): Error {
  return lineError(path, line, 'Has a quote that does not end')
}
