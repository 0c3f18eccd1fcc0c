import { checkBoolean, checkOptions, checkPositiveInteger, expected } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import { readBytes } from '../../util/errno.js'
import { isImage, MAX_PIXELS, type Image } from '../image.js'
import { formatOf, refusal, type EncodedImage } from './format.js'
import { readHeader } from './header.js'
import { checkMemory } from './memory.js'

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /** Turn and mirror the image as its EXIF data say, as `PIL.ImageOps.exif_transpose`. Default: `false`. */
  readonly exifOrientation?: boolean | undefined
  /** The most pixels (width × height) of an image that is decoded. Default: {@link MAX_PIXELS}. */
  readonly maxPixels?: number | undefined
}

/**
 * Decodes the first frame of a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM file to RGB, as Pillow's
 * `Image.open(file).convert('RGB')` does: gray is repeated on three channels, alpha is dropped (not blended), a color
 * profile is ignored, CMYK is multiplied out, and 16-bit gray is cut off at 255. docs/images.md tells where the bytes
 * are Pillow's, where not, and how much memory a file can take.
 *
 * The work is done on pool threads.
 *
 * @throws {TorchError} `TORCH_FILE` if the file cannot be read, `TORCH_IMAGE` if it is not such an image, is damaged, has
 * more pixels than `maxPixels`, or would take too much memory to decode.
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Image> {
  checkOptions('decodeImage()', options, ['exifOrientation', 'maxPixels'])
  const { exifOrientation = false, maxPixels = MAX_PIXELS } = options
  checkBoolean('exifOrientation', exifOrientation)
  checkPositiveInteger('maxPixels', maxPixels)
  if (typeof source !== 'string' && !(source instanceof Uint8Array)) {
    throw expected('a path or a Buffer', 'source', source)
  }

  const name = typeof source === 'string' ? source : 'image'
  const data = typeof source === 'string' ? await readBytes(source, 'TORCH_FILE') : source
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  try {
    return await decode(name, bytes, exifOrientation, maxPixels)
  } catch (error) {
    if (error instanceof TorchError && error.code !== 'TORCH_IMAGE') throw error
    throw new TorchError('TORCH_IMAGE', `Cannot decode ${name}: ${firstLine(error)}`, { cause: error })
  }
}

async function decode(name: string, bytes: Buffer, exifOrientation: boolean, maxPixels: number): Promise<Image> {
  if (bytes.length === 0) throw refusal('It is empty')
  const format = formatOf(bytes)
  if (format === null) throw refusal('It is not a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM image')
  const file: EncodedImage = { name, bytes, format }

  const header = readHeader(file)
  checkMemory(header, maxPixels)
  const image = await header.decode(file, exifOrientation)
  const { data } = image
  if (!isImage(image))
    throw refusal(`Its decoder gave ${data.length} bytes for ${header.width} × ${header.height} pixels`)
  return image
}

/** The first line of a message that tells what is wrong: libvips first lists each time that it looked behind the end. */
function firstLine(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n')
  return lines.find((line) => !line.includes('source: bad seek')) ?? lines[0] ?? ''
}
