import { refusal, truncated, type ImageHeader } from './format.js'
import { rowsOfLibvips } from './memory.js'
import { decodeWithSharp } from './sharp.js'

/** Reads the first chunk of a WebP file (RFC 9649). */
export function readWebpHeader(bytes: Buffer): ImageHeader {
  const { width, height } = readSize(bytes)
  if (bytes.readUInt32LE(4) + 8 > bytes.length) throw truncated()
  return {
    width,
    height,
    // libwebp unpacks the whole frame, with alpha, and blends it on a canvas.
    held: { row: rowsOfLibvips(4), pixel: 8 },
    decode: (file, upright) => decodeWithSharp(file, upright),
  }
}

function readSize(bytes: Buffer): { readonly width: number; readonly height: number } {
  const chunk = bytes.toString('latin1', 12, 16)
  if (chunk === 'VP8X') return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
  if (chunk === 'VP8L') {
    const bits = bytes.readUInt32LE(21)
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
  }
  if (chunk !== 'VP8 ') throw refusal('It does not begin with an image')
  return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
}
