import { PATH_COLUMNS } from './columns.js'
import { faultAt, linesOf } from './lines.js'

/**
 * Reads a file with a JSON value a line: a path, or an object that has one under a name of {@link PATH_COLUMNS}. Blank lines
 * count for nothing.
 *
 * @throws {TorchError} `TORCH_DATASET` if the file cannot be read, or a line is not such a value.
 */
export async function* jsonlItems(path: string): AsyncGenerator<string, void, undefined> {
  for await (const { text, number } of linesOf(path)) {
    if (text.trim() === '') continue
    const item = itemOf(parse(path, text, number))
    if (item === null) throw faultAt(path, number, `Has no path, under none of ${PATH_COLUMNS.join(', ')}`)
    yield item
  }
}

function itemOf(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value
  if (typeof value !== 'object' || value === null) return null
  for (const name of PATH_COLUMNS) {
    const item: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
    if (typeof item === 'string' && item !== '') return item
  }
  return null
}

function parse(path: string, text: string, number: number): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw faultAt(path, number, 'Is not valid JSON')
  }
}
