import { lineError, linesOf, MAX_LINE_LENGTH } from './lines.js'

// Not csv-parse, which was tried (7.0.3): its limit on the size of a record does not count delimiters, so that 20 MB of commas become
// one record of 20 million cells; its line numbers go wrong after a quoted `\r\n`; and with line numbers it takes 2.5 times as long.

/** A row of a CSV file. */
export interface CsvRow {
  readonly cells: readonly string[]
  /** Number of its first line, from 1. */
  readonly line: number
}

/** What stands between two cells. */
export type Delimiter = ',' | ';' | '\t'

/** Patterns of a cell and of what ends it. */
interface CellPatterns {
  /** A cell without quotes. */
  readonly plain: RegExp
  /** A quoted cell up to its closing quote, or up to the end of the line if the cell goes on in the next one. */
  readonly quoted: RegExp
  /** The rest of a cell that was begun in an earlier line. */
  readonly continued: RegExp
}

function patternsFor(delimiter: Delimiter): CellPatterns {
  const end = `(${delimiter}|$)`
  return {
    plain: new RegExp(`([^"${delimiter}]*)${end}`, 'y'),
    quoted: new RegExp(`"([^"]*(?:""[^"]*)*)(?:"${end}|$)`, 'y'),
    continued: new RegExp(`([^"]*(?:""[^"]*)*)(?:"${end}|$)`, 'y'),
  }
}

/**
 * Reads the rows of a CSV file (RFC 4180, UTF-8; or with another delimiter), one at a time. Quoted cells may hold commas, doubled quotes and line breaks; cells
 * without quotes are trimmed; rows whose cells are all empty are left out.
 *
 * @throws {TorchError} `TORCH_DATASET`, with the number of the line, if a quote is out of place or does not end, or if a line or a row
 * has more than {@link MAX_LINE_LENGTH} characters; without a number if the file cannot be read.
 */
export async function* csvRows(
  path: string,
  { delimiter = ',' }: { readonly delimiter?: Delimiter } = {},
): AsyncGenerator<CsvRow, void, undefined> {
  const patterns = patternsFor(delimiter)
  let row: OpenRow | null = null
  for await (const { text, end, number } of linesOf(path)) {
    row ??= new OpenRow(number, patterns)
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
  readonly #patterns: CellPatterns

  constructor(line: number, patterns: CellPatterns) {
    this.line = line
    this.#patterns = patterns
  }

  get isOpen(): boolean {
    return this.#open !== null
  }

  /** Takes the cells of a line. Gives false if a quote in it is out of place. */
  add(text: string, end: string): boolean {
    this.length += text.length + end.length
    let at = 0
    const { plain, quoted, continued } = this.#patterns
    let isLast = false
    while (!isLast) {
      const isContinued = this.#open !== null
      const pattern = isContinued ? continued : text.startsWith('"', at) ? quoted : plain
      pattern.lastIndex = at
      const match = pattern.exec(text)
      if (match === null) return false
      at = pattern.lastIndex
      const cell = match[1] ?? ''
      const delimiter = match[2]
      isLast = delimiter === undefined || delimiter === ''
      if (delimiter === undefined) (this.#open ??= []).push(cell, end)
      else this.#close(cell, pattern === plain)
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
