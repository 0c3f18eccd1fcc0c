// The facts of a file that decide how it is decoded. libvips would tell them too, but opens the file once more for that.

/** What the first bytes of a JPEG or PNG file say. */
export interface ImageHeader {
  readonly width: number
  readonly height: number
  /** How its pixels are stored, where that is neither gray nor colors of 8 bits. */
  readonly space: 'cmyk' | 'gray16' | null
}

/** Reads the frame header of a JPEG file (ITU-T T.81, annex B), or gives null if there is none before the image. */
export function readJpegHeader(bytes: Uint8Array): ImageHeader | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    let position = 2
    for (;;) {
      if (view.getUint8(position) !== 0xff) return null
      const marker = view.getUint8(position + 1)
      if (isStartOfFrame(marker)) {
        const [height, width] = [view.getUint16(position + 5), view.getUint16(position + 7)]
        return { width, height, space: view.getUint8(position + 9) === 4 ? 'cmyk' : null }
      }
      if (!hasLength(marker)) return null
      position += 2 + view.getUint16(position + 2)
    }
  } catch (error) {
    if (error instanceof RangeError) return null // A read past the end.
    throw error
  }
}

/** Reads the first chunk of a PNG file, or gives null if that is not its header. */
export function readPngHeader(bytes: Uint8Array): ImageHeader | null {
  const SIZE = 33
  if (bytes.byteLength < SIZE) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const IHDR = 0x49484452
  if (view.getUint32(12) !== IHDR) return null
  const [depth, colorType] = [view.getUint8(24), view.getUint8(25)]
  // Gray with alpha is another color type, and is not cut off.
  const space = depth === 16 && colorType === 0 ? 'gray16' : null
  return { width: view.getUint32(16), height: view.getUint32(20), space }
}

/** SOF0 to SOF15, without the three of that range that mean something else. */
function isStartOfFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

/** Neither fill bytes, nor a marker that stands alone, nor the one with which the image begins. */
function hasLength(marker: number): boolean {
  return marker >= 0xc0 && marker < 0xff && !(marker >= 0xd0 && marker <= 0xda)
}
