import { csvRows, lineError, linesOf } from 'napi-torch/internal'

/** Names of the column or the field that holds the images; of several, the first in this order counts. */
export const PATH_NAMES: readonly string[] = [
  'path',
  'file',
  'filename',
  'file_name',
  'image',
  'image_path',
  'url',
  'image_url',
]

/**
 * Reads the column of paths of a CSV file (RFC 4180), row by row. A first row that has one of {@link PATH_NAMES} tells which column
 * that is; without one it is the first.
 *
 * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, a quote is out of place, or a row has no path.
 */
export async function* csvItems(path: string): AsyncGenerator<string, void, undefined> {
  let column: number | null = null
  for await (const { cells, line } of csvRows(path)) {
    if (column === null) {
      const named = cells.findIndex((cell) => PATH_NAMES.includes(cell.toLowerCase()))
      column = Math.max(named, 0)
      if (named >= 0) continue
    }
    const item = cells[column] ?? ''
    if (item === '') throw lineError(path, line, 'Has no path')
    yield item
  }
}

/**
 * Reads a file with one JSON value per line: a path, or an object that has one under a name of {@link PATH_NAMES}. Blank lines are
 * skipped.
 *
 * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, or a line has no path.
 */
export async function* jsonlItems(path: string): AsyncGenerator<string, void, undefined> {
  for await (const { text, number } of linesOf(path)) {
    if (text.trim() === '') continue
    const item = itemOf(parse(path, text, number))
    if (item === null) throw lineError(path, number, `Has no path, under none of ${PATH_NAMES.join(', ')}`)
    yield item
  }
}

function itemOf(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value
  if (typeof value !== 'object' || value === null) return null
  for (const name of PATH_NAMES) {
    const item: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
    if (typeof item === 'string' && item !== '') return item
  }
  return null
}

function parse(path: string, text: string, number: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw lineError(path, number, 'Is not valid JSON')
  }
}
