// What libvips loses of a GIF: the color of pixels that the first frame leaves transparent or does not cover. Pillow
// paints both in a color of the palette. Layout: GIF89a specification, W3C.

/** The first frame of a GIF, and the color of what it leaves open. */
export interface GifFrame {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  /** The transparent entry of the palette, or its first one. */
  readonly color: readonly [red: number, green: number, blue: number]
}

const HEADER_SIZE = 13
const IMAGE_DESCRIPTOR = 0x2c
const EXTENSION = 0x21
const GRAPHIC_CONTROL = 0xf9

/** Reads the facts of the first frame, or gives null if the file does not hold one. */
export function readGifFrame(bytes: Uint8Array): GifFrame | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return findFrame(view)
  } catch (error) {
    if (error instanceof RangeError) return null // A read past the end.
    throw error
  }
}

function findFrame(view: DataView): GifFrame | null {
  const globalPalette = HEADER_SIZE
  let position = globalPalette + paletteSize(view.getUint8(10))
  let transparent = 0
  while (view.getUint8(position) === EXTENSION) {
    if (view.getUint8(position + 1) === GRAPHIC_CONTROL) {
      const hasTransparency = (view.getUint8(position + 3) & 1) === 1
      transparent = hasTransparency ? view.getUint8(position + 6) : 0
    }
    position = skipBlocks(view, position + 2)
  }
  if (view.getUint8(position) !== IMAGE_DESCRIPTOR) return null

  const localSize = paletteSize(view.getUint8(position + 9))
  const palette = localSize > 0 ? position + 10 : globalPalette
  const size = localSize > 0 ? localSize : paletteSize(view.getUint8(10))
  const entry = palette + transparent * 3
  const known = transparent * 3 < size
  return {
    left: view.getUint16(position + 1, true),
    top: view.getUint16(position + 3, true),
    width: view.getUint16(position + 5, true),
    height: view.getUint16(position + 7, true),
    color: known ? [view.getUint8(entry), view.getUint8(entry + 1), view.getUint8(entry + 2)] : [0, 0, 0],
  }
}

function paletteSize(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)
}

function skipBlocks(view: DataView, start: number): number {
  let position = start
  while (view.getUint8(position) !== 0) position += view.getUint8(position) + 1
  return position + 1
}
