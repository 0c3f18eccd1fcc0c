// Netpbm's formats, and the PFM of gray floats, as Pillow's PpmImagePlugin reads them.
import { native, type NativeLayout } from '../../libtorch/binding.js'
import type { Image } from '../image.js'
import { refusal, type EncodedImage, type ImageHeader } from './format.js'
import { grayTable } from './pixels.js'

interface Pnm {
  readonly width: number
  readonly height: number
  readonly kind: string
  /** The largest value of a pixel; 0 for bitmaps. */
  readonly maxValue: number
  readonly bigEndian: boolean
  /** Where the pixels begin. */
  readonly offset: number
}

const MAX_TOKEN = 10

/** Reads the header of a PBM, PGM, PPM or PFM file. */
export function readPnmHeader(bytes: Buffer): ImageHeader {
  const pnm = readPnm(bytes)
  const { width, height } = pnm
  return { width, height, held: { row: 0, pixel: 0 }, decode: (file) => decodePnm(file, pnm) }
}

function readPnm(bytes: Buffer): Pnm {
  const kind = bytes.toString('latin1', 1, 2)
  // After the magic number and the space that ends it.
  let position = 3
  const next = (): string => {
    const token = readToken(bytes, position)
    position = token.end
    return token.text
  }
  const [width, height] = [toInteger(next()), toInteger(next())]
  let maxValue = 0
  let bigEndian = true
  if (kind === 'f') {
    const scale = Number(next())
    if (!Number.isFinite(scale) || scale === 0) throw refusal('Its scale is not a number other than 0')
    bigEndian = scale > 0
  } else if (kind !== '1' && kind !== '4') {
    maxValue = toInteger(next())
    if (maxValue < 1 || maxValue > 65535) throw refusal(`Its maximum is ${maxValue}, expected 1 to 65535`)
  }
  return { width, height, kind, maxValue, bigEndian, offset: position }
}

async function decodePnm({ bytes }: EncodedImage, pnm: Pnm): Promise<Image> {
  const { width, height, kind, offset } = pnm
  const size = [height, width] as const
  const channels = kind === '3' || kind === '6' ? 3 : 1
  const data =
    kind >= '1' && kind <= '3'
      ? await native.decodePnmText({ data: bytes, size, offset, channels, maxValue: pnm.maxValue })
      : await native.decodeRows({ data: bytes, size, offset, ...rowsOf(pnm) })
  return { data, height, width, channels: 3 }
}

function rowsOf({ kind, width, maxValue, bigEndian }: Pnm): {
  readonly step: number
  readonly bottomUp: boolean
  readonly layout: NativeLayout
} {
  if (kind === '4') {
    const layout = { kind: 'index', bits: 1, table: grayTable(1, true) } as const
    return { step: Math.ceil(width / 8), bottomUp: false, layout }
  }
  if (kind === 'f') {
    return { step: width * 4, bottomUp: true, layout: { kind: 'clip', type: 'float32', bigEndian } }
  }
  const channels = kind === '6' ? 3 : 1
  if (maxValue === 255) {
    const layout = { kind: 'pick', stride: channels, offsets: channels === 3 ? [0, 1, 2] : [0, 0, 0] } as const
    return { step: width * channels, bottomUp: false, layout }
  }
  const step = width * channels * (maxValue < 256 ? 1 : 2)
  return { step, bottomUp: false, layout: { kind: 'scale', channels, maxValue } }
}

/** The next word, without comments, which may stand inside of it; one byte of space after it is skipped. */
function readToken(bytes: Buffer, start: number): { readonly text: string; readonly end: number } {
  let text = ''
  let position = start
  while (text.length <= MAX_TOKEN) {
    const character = String.fromCharCode(bytes.readUInt8(position++))
    if (/[ \t\n\v\f\r]/.test(character)) {
      if (text !== '') return { text, end: position }
    } else if (character === '#') {
      while (bytes[position] !== undefined && bytes[position] !== 0x0a && bytes[position] !== 0x0d) position++
      position++
    } else {
      text += character
    }
  }
  throw refusal(`Its header has a word of more than ${MAX_TOKEN} characters`)
}

function toInteger(text: string): number {
  if (!/^\d+$/.test(text)) throw refusal('Its header has other characters than digits in a number')
  return Number(text)
}
