import { fileURLToPath } from 'node:url'

import { expected } from '../util/check.js'
import { decodeImage } from '../vision/decode/decode.js'
import { grayToRgb } from '../vision/decode/pixels.js'
import { checkImage, type Image } from '../vision/image.js'

/** An image: the path or `file:` URL of a file, the bytes of one (JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP, PNM), or raw pixels. */
export type ImageSource = string | URL | Uint8Array | Image

/** Tells an image from several: bytes are iterable, too. */
export function isImageSource(value: unknown): value is ImageSource {
  if (typeof value === 'string' || value instanceof URL || value instanceof Uint8Array) return true
  return typeof value === 'object' && value !== null && 'data' in value
}

/**
 * Decodes an image, unless it is raw pixels. Gray pixels are repeated on as many channels as the model reads, as those of a
 * gray file are.
 *
 * @throws {TorchError} `TORCH_FILE`, `TORCH_IMAGE`, or `TORCH_INVALID_ARGUMENT` if it is not an image.
 */
export async function readImage(source: ImageSource, channels: number): Promise<Image> {
  if (!isImageSource(source)) throw expected('a path, a URL, a Buffer, or pixels,', 'image', source)
  if (typeof source === 'string' || source instanceof Uint8Array) return decodeImage(source)
  if (source instanceof URL) return decodeImage(fileURLToPath(source))
  const image = checkImage('image', source)
  return image.channels === 1 && channels === 3 ? rgbOf(image) : image
}

async function rgbOf({ data, height, width }: Image): Promise<Image> {
  return { data: await grayToRgb(data, { height, width }), height, width, channels: 3 }
}
