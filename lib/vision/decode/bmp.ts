// Windows bitmaps, as Pillow's BmpImagePlugin reads them.
import { native, type NativeLayout } from '../../libtorch/binding.js'
import { refusal, truncated, type DecodeFile, type ImageHeader } from './format.js'
import { grayTable, isGrayPalette, paletteTable } from './pixels.js'

const FILE_HEADER = 14
const CORE_HEADER = 12
const HEADERS: readonly number[] = [CORE_HEADER, 40, 52, 56, 64, 108, 124]
const [RAW, RLE8, RLE4, BITFIELDS] = [0, 1, 2, 3]

/** Where red, green and blue lie in a pixel of 32 bits, by the masks of red, green, blue and alpha that Pillow reads. */
const ORDERS_32: Readonly<Record<string, readonly number[]>> = {
  'ff0000,ff00,ff,0': [2, 1, 0],
  'ff000000,ff0000,ff00,0': [3, 2, 1],
  'ff000000,ff00,ff,0': [3, 1, 0],
  'ff000000,ff0000,ff00,ff': [3, 2, 1],
  'ff,ff00,ff0000,ff000000': [0, 1, 2],
  'ff0000,ff00,ff,ff000000': [2, 1, 0],
  'ff000000,ff00,ff,ff0000': [3, 1, 0],
  '0,0,0,0': [2, 1, 0],
}

interface Bmp {
  readonly width: number
  readonly height: number
  readonly bottomUp: boolean
  readonly bits: number
  readonly compression: number
  readonly colors: number
  /** Bytes of an entry of the palette. */
  readonly entry: number
  /** Where the header ends: there stand the masks, then the palette. */
  readonly end: number
}

/** Reads the header of a BMP file. */
export function readBmpHeader(bytes: Buffer): ImageHeader {
  const bmp = readBmp(bytes)
  const { width, height } = bmp
  return { width, height, held: { row: 0, pixel: 0 }, decode: decoderOf(bytes, bmp) }
}

function readBmp(bytes: Buffer): Bmp {
  const headerSize = bytes.readUInt32LE(FILE_HEADER)
  if (!HEADERS.includes(headerSize))
    throw refusal(`It has a header of ${headerSize} bytes, expected ${HEADERS.join(', ')}`)
  const end = FILE_HEADER + headerSize
  if (end > bytes.length) throw truncated()
  if (headerSize === CORE_HEADER) {
    const [width, height, bits] = [bytes.readUInt16LE(18), bytes.readUInt16LE(20), bytes.readUInt16LE(24)]
    return { width, height, bottomUp: true, bits, compression: RAW, colors: 2 ** bits, entry: 3, end }
  }
  // A negative height counts from the top. Pillow looks at its highest byte alone.
  const bottomUp = bytes[25] !== 0xff
  const storedHeight = bytes.readUInt32LE(22)
  const bits = bytes.readUInt16LE(28)
  return {
    width: bytes.readUInt32LE(18),
    height: bottomUp ? storedHeight : 2 ** 32 - storedHeight,
    bottomUp,
    bits,
    compression: bytes.readUInt32LE(30),
    colors: bytes.readUInt32LE(46) || 2 ** bits,
    entry: 4,
    end,
  }
}

function decoderOf(bytes: Buffer, bmp: Bmp): DecodeFile {
  const { width, height, bottomUp, bits, compression } = bmp
  const size = [height, width] as const
  const masks = compression === BITFIELDS ? readMasks(bytes, bmp) : null
  const pixels = bits <= 8 ? readPalette(bytes, bmp, masks === null ? 0 : masks.length) : null
  const stored = bytes.readUInt32LE(10)
  const palette = stored === bmp.end && bits <= 8 ? bmp.entry * bmp.colors : 0
  const offset = stored > 0 ? stored + palette : (pixels?.end ?? bmp.end + (masks?.length ?? 0))

  if (compression === RLE8 || compression === RLE4) {
    if (pixels === null) throw refusal(`It has runs of pixels of ${bits} bits, expected a palette`)
    if (pixels.isGray && pixels.colors === 2) throw refusal('It has runs of bits, of which there is no reading')
    const { table } = pixels
    return async (file) => {
      const data = await native.decodeBmpRuns({
        data: file.bytes,
        size,
        offset,
        halfBytes: compression === RLE4,
        bottomUp,
        table,
      })
      return { data, height, width, channels: 3 }
    }
  }
  if (compression !== RAW && masks === null) throw refusal(`Its compression is ${compression}, expected 0 to 3`)
  const layout = pixels === null ? colorLayout(bits, masks?.text ?? null) : indexLayout(bits, pixels)
  const step = Math.floor((width * bits + 31) / 32) * 4
  return async (file) => {
    const data = await native.decodeRows({ data: file.bytes, size, offset, step, bottomUp, layout })
    return { data, height, width, channels: 3 }
  }
}

interface Masks {
  readonly text: string
  /** Bytes of the masks behind the header. */
  readonly length: number
}

function readMasks(bytes: Buffer, { end }: Bmp): Masks {
  const at = FILE_HEADER + 40
  const alpha = end >= FILE_HEADER + 56 ? bytes.readUInt32LE(at + 12) : 0
  const masks = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8), alpha]
  return { text: masks.map((mask) => mask.toString(16)).join(), length: end >= FILE_HEADER + 52 ? 0 : 12 }
}

function colorLayout(bits: number, masks: string | null): NativeLayout {
  if (bits === 16) {
    if (masks === null || masks.startsWith('7c00,3e0,1f,')) return { kind: 'rgb555' }
    if (masks.startsWith('f800,7e0,1f,')) return { kind: 'rgb565' }
  }
  if (bits === 24 && (masks === null || masks.startsWith('ff0000,ff00,ff,'))) {
    return { kind: 'pick', stride: 3, offsets: [2, 1, 0] }
  }
  if (bits === 32) {
    const offsets = masks === null ? [2, 1, 0] : ORDERS_32[masks]
    if (offsets !== undefined) return { kind: 'pick', stride: 4, offsets }
  }
  if (masks !== null) throw refusal(`It has color masks that are not read: ${masks}`)
  throw refusal(`It has pixels of ${bits} bits, expected 1, 4, 8, 16, 24 or 32`)
}

interface Palette {
  readonly table: Uint8Array
  /** All of its colors are the grays of their index, so that Pillow drops it. */
  readonly isGray: boolean
  readonly colors: number
  readonly end: number
}

function readPalette(bytes: Buffer, { bits, colors, entry, end }: Bmp, maskBytes: number): Palette {
  if (![1, 4, 8].includes(bits)) throw refusal(`It has pixels of ${bits} bits, expected 1, 4, 8, 16, 24 or 32`)
  if (maskBytes > 0 || colors > 256) throw refusal(`It has a palette of ${colors} colors, expected 1 to 256`)
  const stored = bytes.subarray(end, end + entry * colors)
  const rgb = new Uint8Array(3 * Math.floor(stored.length / entry))
  for (let index = 0; index < rgb.length; index++) {
    rgb[index] = stored[Math.floor(index / 3) * entry + 2 - (index % 3)] ?? 0
  }
  const blackAndWhite = [0, 0, 0, 255, 255, 255]
  const isGray = colors === 2 ? rgb.join() === blackAndWhite.join() : rgb.length === colors * 3 && isGrayPalette(rgb)
  const table = !isGray ? paletteTable(rgb) : grayTable(colors === 2 ? 1 : 8)
  return { table, isGray, colors, end: end + stored.length }
}

function indexLayout(bits: number, { table, isGray, colors }: Palette): NativeLayout {
  // Pillow would read the pixels of such a file in another depth than that of the file.
  if (isGray && bits !== (colors === 2 ? 1 : 8)) {
    throw refusal(`It has ${colors} grays in pixels of ${bits} bits, of which there is no reading`)
  }
  return { kind: 'index', bits, table }
}
