import { TextDecoder } from 'node:util'
import { isUtf8 } from 'node:buffer'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Decodes UTF-8 in which lone surrogates may stand as three bytes each, as Python writes them (`surrogatepass`).
 * Gives undefined for anything else.
 */
export function decodeText(bytes: Uint8Array): string | undefined {
  // Asked first, as an exception for each of a million strings would take seconds.
  return isUtf8(bytes) ? decoder.decode(bytes) : decodeWithSurrogates(bytes)
}

/** Encodes as UTF-8, lone surrogates as three bytes each: the inverse of {@link decodeText}. */
export function encodeText(text: string): Uint8Array {
  if (!/\p{Surrogate}/u.test(text)) return Buffer.from(text, 'utf8')
  // A character of one unit takes up to three bytes, one of two units four.
  const bytes = Buffer.alloc(3 * text.length)
  let end = 0
  let from = 0
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at) ?? 0
    if (point > 0xffff) at++
    if (point < 0xd800 || point > 0xdfff) continue
    if (from < at) end += bytes.write(text.slice(from, at), end, 'utf8')
    bytes[end++] = 0xe0 | (point >> 12)
    bytes[end++] = 0x80 | ((point >> 6) & 0x3f)
    bytes[end++] = 0x80 | (point & 0x3f)
    from = at + 1
  }
  if (from < text.length) end += bytes.write(text.slice(from), end, 'utf8')
  return bytes.subarray(0, end)
}

/** What each surrogate of three bytes begins with. */
const SURROGATE_LEAD = 0xed

/** Units that are made a string at once: as many arguments as every engine takes. */
const CHUNK_UNITS = 8192

/**
 * Decodes unit by unit: a file can be nothing but surrogates, and a string for each of 20 million took 40 seconds. Strict
 * as the decoder is: no overlong forms, nothing above U+10FFFF.
 */
function decodeWithSurrogates(bytes: Uint8Array): string | undefined {
  if (!bytes.includes(SURROGATE_LEAD)) return undefined
  // No more than the bytes can fill: thousands of short strings would each pay for a long one.
  const units = new Uint16Array(Math.min(CHUNK_UNITS, bytes.length + 2))
  const pieces: string[] = []
  let used = 0
  let at = 0
  while (at < bytes.length) {
    if (used > CHUNK_UNITS - 2) {
      pieces.push(String.fromCharCode(...units.subarray(0, used)))
      used = 0
    }
    const first = bytes[at++] ?? 0
    if (first < 0x80) {
      units[used++] = first
      continue
    }
    const length = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0
    if (length === 0 || at + length > bytes.length) return undefined
    let point = first & (0x3f >> length)
    for (const end = at + length; at < end; at++) {
      const next = bytes[at] ?? 0
      if ((next & 0xc0) !== 0x80) return undefined
      point = (point << 6) | (next & 0x3f)
    }
    if ((length === 2 && point < 0x800) || (length === 3 && (point < 0x10000 || point > 0x10ffff))) return undefined
    if (point > 0xffff) {
      units[used++] = 0xd7c0 + (point >> 10)
      units[used++] = 0xdc00 | (point & 0x3ff)
    } else {
      units[used++] = point
    }
  }
  pieces.push(String.fromCharCode(...units.subarray(0, used)))
  return pieces.join('')
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '\n': '',
}

/** Undoes Python's `repr` of a byte string without its quotes, each character a byte. Gives undefined for a bad escape. */
export function unescapeBytes(text: string): string | undefined {
  let good = true
  const result = text.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[^]|$)/g, (_, escape: string) => {
    if (escape === '' || escape === 'x') good = false
    if (escape.length > 1 && escape.startsWith('x')) return String.fromCharCode(parseInt(escape.slice(1), 16))
    if (/^[0-7]/.test(escape)) return String.fromCharCode(parseInt(escape, 8) & 0xff)
    return ESCAPES[escape] ?? (escape === '\\' || escape === "'" || escape === '"' ? escape : `\\${escape}`)
  })
  return good ? result : undefined
}

/** Undoes Python's `raw-unicode-escape`: only `\uXXXX` and `\UXXXXXXXX` mean something. */
export function unescapeUnicode(text: string): string | undefined {
  let good = true
  const result = text.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g, (_, short?: string, long?: string) => {
    const point = parseInt(short ?? long ?? '', 16)
    if (point <= 0x10ffff) return String.fromCodePoint(point)
    good = false
    return ''
  })
  return good ? result : undefined
}
