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
  const pieces = text.split(/(\p{Surrogate})/u).map((piece) => {
    const unit = piece.charCodeAt(0)
    if (piece.length !== 1 || unit < 0xd800 || unit > 0xdfff) return Buffer.from(piece, 'utf8')
    return Buffer.from([0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)])
  })
  return Buffer.concat(pieces)
}

/** Splits at each surrogate, `ED A0..BF xx`, and decodes what lies between strictly. */
function decodeWithSurrogates(bytes: Uint8Array): string | undefined {
  const pieces: string[] = []
  let from = 0
  for (let at = bytes.indexOf(0xed); at >= 0 && at + 2 < bytes.length; at = bytes.indexOf(0xed, at + 1)) {
    const [, second = 0, third = 0] = bytes.subarray(at, at + 3)
    if (second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue
    const before = bytes.subarray(from, at)
    if (!isUtf8(before)) return undefined
    pieces.push(decoder.decode(before), String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f)))
    from = at + 3
  }
  const rest = bytes.subarray(from)
  return isUtf8(rest) ? pieces.join('') + decoder.decode(rest) : undefined
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
