import { expected } from '../util/check.js'
import { decodeFile, type DecodeOptions } from '../vision/decode/decode.js'
import { grayToRgb } from '../vision/decode/pixels.js'
import type { Image } from '../vision/image.js'
import { IMAGE_SOURCE, isImageSource, openImageSource, type ImageSource } from '../vision/image_source.js'

/**
 * Decodes an image, unless it is pixels. Gray pixels are repeated on as many channels as the model reads, as those of a gray file are.
 *
 * @throws {TorchError} `TORCH_FILE`, `TORCH_IMAGE`, or `TORCH_INVALID_ARGUMENT` if it is not an image.
 */
export async function readImage(source: ImageSource, channels: number, options: DecodeOptions = {}): Promise<Image> {
  if (!isImageSource(source)) throw expected(IMAGE_SOURCE, 'image', source)
  const { pixels, file } = await openImageSource(source, 'image')
  if (pixels === undefined) return decodeFile(file, 'image', options)
  if (pixels.channels !== 1 || channels !== 3) return pixels
  const { data, height, width } = pixels
  return { data: await grayToRgb(data, { height, width }), height, width, channels: 3 }
}
