import { readAvifHeader } from './avif.js'
import { readBmpHeader } from './bmp.js'
import type { EncodedImage, Format, ImageHeader } from './format.js'
import { readGifHeader } from './gif.js'
import { readJpegHeader } from './jpeg.js'
import { readPngHeader } from './png.js'
import { readPnmHeader } from './pnm.js'
import { readTiffHeader } from './tiff.js'
import { readWebpHeader } from './webp.js'
import { refusal } from './format.js'
import { isError } from '../../util/realm.js'

const READERS: Readonly<Record<Format, (bytes: Buffer) => ImageHeader>> = {
  jpeg: readJpegHeader,
  png: readPngHeader,
  webp: readWebpHeader,
  gif: readGifHeader,
  tiff: readTiffHeader,
  avif: readAvifHeader,
  bmp: readBmpHeader,
  pnm: readPnmHeader,
}

/**
 * Reads what a file says of itself, before anything is decoded.
 *
 * @throws {TorchError} `TORCH_IMAGE` if the header is damaged, or tells that the file is truncated.
 */
export function readHeader({ format, bytes }: EncodedImage): ImageHeader {
  try {
    return READERS[format](bytes)
  } catch (error) {
    // A read past the end.
    if (isError(error) && error.name === 'RangeError') throw refusal('Its header is truncated')
    throw error
  }
}
