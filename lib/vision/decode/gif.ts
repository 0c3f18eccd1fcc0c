// Layout: GIF89a specification, W3C. What a frame leaves open takes a color of the palette, as in Pillow.
import { native } from '../../libtorch/binding.js'
import { refusal, type ImageHeader } from './format.js'
import { grayTable, isGrayPalette, paletteTable } from './pixels.js'

const HEADER_SIZE = 13
const IMAGE_DESCRIPTOR = 0x2c
const EXTENSION = 0x21
const TRAILER = 0x3b
const GRAPHIC_CONTROL = 0xf9

/** Reads the logical screen and the first frame of a GIF. */
export function readGifHeader(bytes: Buffer): ImageHeader {
  const { position, transparent } = findFrame(bytes)
  const [left, top] = [bytes.readUInt16LE(position + 1), bytes.readUInt16LE(position + 3)]
  const [width, height] = [bytes.readUInt16LE(position + 5), bytes.readUInt16LE(position + 7)]
  const flags = bytes.readUInt8(position + 9)
  if (width * height === 0) throw refusal(`Its frame has ${width} × ${height} pixels`)
  const localSize = paletteSize(flags)
  const offset = position + 10 + localSize
  const codeBits = bytes.readUInt8(offset)
  if (codeBits < 1 || codeBits > 8) throw refusal(`Its LZW codes have ${codeBits} bits, expected 1 to 8`)

  // A frame that reaches beyond the screen widens it.
  const screenWidth = Math.max(bytes.readUInt16LE(6), left + width)
  const screenHeight = Math.max(bytes.readUInt16LE(8), top + height)
  return {
    width: screenWidth,
    height: screenHeight,
    held: { row: 0, pixel: 0 },
    decode: async (file) => {
      const data = await native.decodeGif({
        data: file.bytes,
        size: [screenHeight, screenWidth],
        offset: offset + 1,
        codeBits,
        corner: [top, left],
        frame: [height, width],
        interlaced: (flags & 0x40) !== 0,
        background: transparent,
        table: tableOf(bytes, bytes.subarray(position + 10, offset)),
      })
      return { data, height: screenHeight, width: screenWidth, channels: 3 }
    },
  }
}

/** The colors of a frame. A palette of grays in order counts as none, also where it stands before another one. */
function tableOf(bytes: Buffer, local: Uint8Array): Uint8Array {
  if (!isGrayPalette(local)) return paletteTable(local)
  const global = bytes.subarray(HEADER_SIZE, HEADER_SIZE + paletteSize(bytes.readUInt8(10)))
  return isGrayPalette(global) ? grayTable(8) : paletteTable(global)
}

function findFrame(bytes: Buffer): { readonly position: number; readonly transparent: number } {
  let position = HEADER_SIZE + paletteSize(bytes.readUInt8(10))
  let transparent = 0
  for (;;) {
    const block = bytes.readUInt8(position)
    if (block === IMAGE_DESCRIPTOR) return { position, transparent }
    if (block === TRAILER) throw refusal('It has no frame')
    if (block !== EXTENSION) {
      position += 1 // Bytes between blocks are skipped.
      continue
    }
    if (bytes.readUInt8(position + 1) === GRAPHIC_CONTROL && bytes.readUInt8(position + 2) >= 4) {
      if ((bytes.readUInt8(position + 3) & 1) === 1) transparent = bytes.readUInt8(position + 6)
    }
    position = skipBlocks(bytes, position + 2)
  }
}

function paletteSize(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)
}

function skipBlocks(bytes: Buffer, start: number): number {
  let position = start
  while (bytes.readUInt8(position) !== 0) position += bytes.readUInt8(position) + 1
  return position + 1
}
