/** Characters that are written at once: a report of many tensors is never in memory as a whole. */
const CHUNK_LENGTH = 2 ** 16

/**
 * Writes a value as `JSON.stringify(value, null, 2)` does, piece by piece, and lists of numbers in one line: a shape is easier to
 * read so.
 */
export function writeJson(value: unknown, write: (text: string) => void): void {
  let lines: string[] = []
  let length = 0
  const put = (text: string): void => {
    lines.push(text)
    length += text.length
    if (length < CHUNK_LENGTH) return
    write(lines.join(''))
    lines = []
    length = 0
  }
  putValue(value, '', put)
  put('\n')
  write(lines.join(''))
}

function putValue(given: unknown, indent: string, put: (text: string) => void): void {
  const value: unknown = hasToJson(given) ? given.toJSON() : given
  if (typeof value !== 'object' || value === null) {
    put(JSON.stringify(value) ?? 'null')
    return
  }
  const isList = Array.isArray(value)
  if (isList && value.length > 0 && value.every((item) => typeof item === 'number')) {
    put(`[${value.map((item) => JSON.stringify(item)).join(', ')}]`)
    return
  }
  const entries = isList
    ? (value as unknown[]).map((item) => ['', item] as const)
    : Object.entries(value).filter(hasJson)
  const [open, close] = isList ? '[]' : '{}'
  const inner = `${indent}  `
  let separator = `${open}\n${inner}`
  for (const [name, item] of entries) {
    put(isList ? separator : `${separator}${JSON.stringify(name)}: `)
    putValue(item, inner, put)
    separator = `,\n${inner}`
  }
  put(entries.length === 0 ? `${open}${close}` : `\n${indent}${close}`)
}

function hasToJson(value: unknown): value is { toJSON(): unknown } {
  return typeof value === 'object' && value !== null && 'toJSON' in value && typeof value.toJSON === 'function'
}

function hasJson([, value]: readonly [string, unknown]): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol'
}
