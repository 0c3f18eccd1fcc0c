import { refusal, truncated, type ImageHeader } from './format.js'
import { rowsOfLibvips } from './memory.js'
import { decodeWithSharp } from './sharp.js'

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 }
const GRAY = 0

/** The most bytes into which Deflate unpacks one (RFC 1951): 258 for 2 bits. */
const MAX_DEFLATE_RATIO = 1032

/** Reads the first chunk of a PNG file. */
export function readPngHeader(bytes: Buffer): ImageHeader {
  if (bytes.toString('latin1', 12, 16) !== 'IHDR') throw refusal('It does not begin with a header')
  const [width, height, depth, colorType] = [
    bytes.readUInt32BE(16),
    bytes.readUInt32BE(20),
    bytes[24] ?? 0,
    bytes[25] ?? 0,
  ]
  const interlaced = bytes.readUInt8(28) !== 0
  const channels = CHANNELS[colorType]
  if (channels === undefined) throw refusal(`Its color type is ${colorType}, expected 0, 2, 3, 4 or 6`)
  const stored = Math.ceil((width * depth * (colorType === 3 ? 1 : channels)) / 8) * height

  // A palette may have transparent colors.
  const bytesPerPixel = (colorType === 3 ? 4 : channels) * (depth === 16 ? 2 : 1)
  return {
    width,
    height,
    held: { row: rowsOfLibvips(bytesPerPixel), pixel: interlaced ? bytesPerPixel : 0 },
    decode: (file, upright) => {
      if (stored > bytes.length * MAX_DEFLATE_RATIO) throw truncated()
      // Pillow clips gray of 16 bits. Gray with alpha is another color type, and is not cut off.
      return decodeWithSharp(file, upright, { space: depth === 16 && colorType === GRAY ? 'gray16' : 'rgb' })
    },
  }
}
