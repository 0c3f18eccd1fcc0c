import { native } from '../../libtorch/binding.js'
import { checkSignal } from '../../util/abort.js'
import { checkBoolean, checkOptions, checkPositiveInteger, shorten } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import { readFileInput } from '../../util/file_input.js'
import { isImage, MAX_PIXELS, type Image } from '../image.js'
import { IMAGE_SOURCE, openImageSource, type ImageSource } from '../image_source.js'
import { formatOf, refusal, type EncodedImage } from './format.js'
import { readHeader } from './header.js'
import { checkMemory } from './memory.js'
import { grayToRgb } from './pixels.js'
import { isError } from '../../util/realm.js'

/** The most bytes of an image file, unless the caller says otherwise: 256 MiB. */
export const MAX_IMAGE_BYTES = 2 ** 28

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /** Turn and mirror the image as its EXIF or XMP data say, as `PIL.ImageOps.exif_transpose`. Default: `false`. */
  readonly exifOrientation?: boolean | undefined
  /** The most pixels (width × height) of an image that is decoded. Default: {@link MAX_PIXELS}. */
  readonly maxPixels?: number | undefined
  /**
   * The most bytes of a file, or of what is collected of a stream, a `Blob` or a `Response`. Default: {@link MAX_IMAGE_BYTES}, 256 MiB.
   */
  readonly maxBytes?: number | undefined
  /** Stops reading a stream; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of the images of a dataset. */
export type DatasetDecodeOptions = Omit<DecodeOptions, 'signal'>

/**
 * Decodes an image source to RGB: pixels, or the first frame of a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM file, as Pillow's
 * `Image.open(file).convert('RGB')` does: gray is repeated on three channels, alpha is dropped (not blended), a color
 * profile is ignored, CMYK is multiplied out, and 16-bit gray is cut off at 255. docs/images.md tells where the bytes
 * are Pillow's, where not, and how much memory a file can take.
 *
 * The work is done on pool threads.
 *
 * @throws {TorchError} `TORCH_FILE` if the file cannot be read, `TORCH_IMAGE` if it is not such an image, is damaged, has
 * more pixels than `maxPixels`, or would take too much memory to decode.
 */
export async function decodeImage(source: ImageSource, options: DecodeOptions = {}): Promise<Image> {
  checkOptions('decodeImage()', options, ['exifOrientation', 'maxPixels', 'maxBytes', 'signal'])
  const { pixels, file } = await openImageSource(source, 'source')
  if (pixels === undefined) return decodeFile(file, 'source', options)
  const { data, height, width, channels } = pixels
  return channels === 3 ? pixels : { data: await grayToRgb(data, { height, width }), height, width, channels: 3 }
}

/** Options of {@link decodeFile}. */
export interface DecodeFileOptions extends DecodeOptions {
  /** Is told how many bytes the image and its decoder will take, before they do; what it throws is passed on. */
  readonly admit?: ((bytes: number) => void) | undefined
}

/** Decodes what stands for a file, as {@link decodeImage} does; `argument` names it in messages. Options are not checked for unknown names. */
export async function decodeFile(file: unknown, argument: string, options: DecodeFileOptions): Promise<Image> {
  const { exifOrientation = false, maxPixels = MAX_PIXELS, maxBytes = MAX_IMAGE_BYTES } = options
  checkBoolean('exifOrientation', exifOrientation)
  checkPositiveInteger('maxPixels', maxPixels)
  checkPositiveInteger('maxBytes', maxBytes)
  const signal = checkSignal(options.signal)

  const name = typeof file === 'string' && !/^data:/i.test(file) ? shorten(file) : 'image'
  const data = await readFileInput(file, {
    name: argument,
    what: IMAGE_SOURCE,
    code: 'TORCH_FILE',
    maxBytes,
    signal,
    tooLarge: (text) => new TorchError('TORCH_IMAGE', text),
  })
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  try {
    return await decode(name, bytes, { exifOrientation, maxPixels, admit: options.admit })
  } catch (error) {
    if (error instanceof TorchError && error.code !== 'TORCH_IMAGE') throw error
    throw new TorchError('TORCH_IMAGE', `Cannot decode ${name}: ${firstLine(error)}`, { cause: error })
  }
}

/** Frees the memory of an image that {@link decodeFile} gave and that nothing uses any more, before garbage is collected. */
export function freeImage({ data }: Image): void {
  native.freeBytes(data)
}

interface Decoding extends Pick<DecodeFileOptions, 'admit'> {
  readonly exifOrientation: boolean
  readonly maxPixels: number
}

async function decode(name: string, bytes: Buffer, { exifOrientation, maxPixels, admit }: Decoding): Promise<Image> {
  if (bytes.length === 0) throw refusal('It is empty')
  const format = formatOf(bytes)
  if (format === null) throw refusal('It is not a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM image')
  const file: EncodedImage = { name, bytes, format }

  const header = readHeader(file)
  const memory = checkMemory(header, maxPixels)
  admit?.(memory)
  const image = await header.decode(file, exifOrientation)
  const { data } = image
  if (!isImage(image))
    throw refusal(`Its decoder gave ${data.length} bytes for ${header.width} × ${header.height} pixels`)
  return image
}

/** The first line of a message that tells what is wrong: libvips first lists each time that it looked behind the end. */
function firstLine(error: unknown): string {
  const lines = (isError(error) ? error.message : String(error)).split('\n')
  return lines.find((line) => !line.includes('source: bad seek')) ?? lines[0] ?? ''
}
