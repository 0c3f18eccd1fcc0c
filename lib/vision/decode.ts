import type { Sharp } from 'sharp'
import type sharpFactory from 'sharp'

import { checkBoolean, checkOptions, checkPositiveInteger, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { readBytes } from '../util/errno.js'
import { readGifFrame } from './gif.js'
import { readJpegHeader, readPngHeader, type ImageHeader } from './header.js'
import { MAX_PIXELS, type Image } from './image.js'
import { cmykToRgb, gray16ToRgb } from './pillow_modes.js'
import { inSlices } from '../util/slices.js'

/** Options of {@link decodeImage}. */
export interface DecodeOptions {
  /** Turn and mirror the image as its EXIF data say, as `PIL.ImageOps.exif_transpose`. Default: `false`. */
  readonly exifOrientation?: boolean | undefined
  /** The most pixels (width × height) of an image that is decoded. Default: {@link MAX_PIXELS}. */
  readonly maxPixels?: number | undefined
}

/**
 * Decodes the first frame of a JPEG, PNG, WebP, GIF, TIFF or AVIF file to RGB, as Pillow's
 * `Image.open(file).convert('RGB')` does: gray is repeated on three channels, alpha is dropped (not blended), a color
 * profile is ignored, CMYK is multiplied out, and 16-bit gray is cut off at 255. docs/images.md tells where the bytes
 * are Pillow's and where not.
 *
 * The work is done on pool threads.
 *
 * @throws {TorchError} `TORCH_FILE` if the file cannot be read, `TORCH_IMAGE` if it is not such an image, is damaged, or
 * has more pixels than `maxPixels`.
 */
export async function decodeImage(source: string | Uint8Array, options: DecodeOptions = {}): Promise<Image> {
  checkOptions('decodeImage()', options, ['exifOrientation', 'maxPixels'])
  const { exifOrientation = false, maxPixels = MAX_PIXELS } = options
  checkBoolean('exifOrientation', exifOrientation)
  checkPositiveInteger('maxPixels', maxPixels)
  if (typeof source !== 'string' && !(source instanceof Uint8Array)) {
    throw expected('a path or a Buffer', 'source', source)
  }

  const bytes = typeof source === 'string' ? await readBytes(source, 'TORCH_FILE') : source
  const file: EncodedImage = { name: typeof source === 'string' ? source : 'image', bytes, format: formatOf(bytes) }
  if (file.format === null) {
    throw failure(file, bytes.length === 0 ? 'It is empty' : 'It is not a JPEG, PNG, WebP, GIF, TIFF or AVIF image')
  }
  // Pillow turns a TIFF by itself.
  return decode(file, exifOrientation || file.format === 'tiff', maxPixels)
}

interface EncodedImage {
  readonly name: string
  readonly bytes: Uint8Array
  readonly format: Format | null
}

type Format = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif'

// The first bytes of each format, in Latin-1; a dot stands for any byte. libvips also reads SVG and others, which are
// kept from it: Pillow does not, and a drawing program has no place behind an upload.
const SIGNATURES: readonly (readonly [RegExp, Format])[] = [
  [/^\xff\xd8\xff/, 'jpeg'],
  [/^\x89PNG\r\n/, 'png'],
  [/^RIFF.{4}WEBP/s, 'webp'],
  [/^GIF8[79]a/, 'gif'],
  [/^(?:II[*+]\0|MM\0[*+])/, 'tiff'],
  [/^.{4}ftypavi[fs]/s, 'avif'],
]

function formatOf(bytes: Uint8Array): Format | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 16)).toString('latin1')
  return SIGNATURES.find(([signature]) => signature.test(start))?.[1] ?? null
}

async function decode(file: EncodedImage, autoOrient: boolean, maxPixels: number): Promise<Image> {
  const sharp = await loadSharp()
  try {
    // Like Pillow, `failOn: 'error'` forgives what a decoder only warns of, and refuses a truncated file.
    const options = { ignoreIcc: true, failOn: 'error', autoOrient, limitInputPixels: false } as const
    const { width, height, space } = headerOf(file) ?? (await readHeader(sharp(file.bytes, options), file))
    if (width * height > maxPixels) {
      throw failure(file, `Its ${width} × ${height} pixels are more than maxPixels, which is ${maxPixels}`)
    }
    const input = sharp(file.bytes, { ...options, limitInputPixels: maxPixels })
    if (space === 'cmyk') return await decodeCmyk(input)
    if (space === 'gray16') return await decodeGray16(input)
    if (file.format === 'gif') return await decodeGif(file, input)
    return await decodeRgb(input)
  } catch (error) {
    if (error instanceof TorchError) throw error
    throw failure(file, firstLine(error), error)
  }
}

/** What the file says itself, where that is easy to read. */
function headerOf({ format, bytes }: EncodedImage): ImageHeader | null {
  if (format === 'jpeg') return readJpegHeader(bytes)
  return format === 'png' ? readPngHeader(bytes) : null
}

async function readHeader(input: Sharp, { format }: EncodedImage): Promise<ImageHeader> {
  const { width, height, space, channels } = await input.metadata()
  if (space === 'cmyk') return { width, height, space }
  // Pillow clips gray of 16 bits, but not where an alpha channel stands beside it.
  return { width, height, space: space === 'grey16' && format !== 'png' && channels === 1 ? 'gray16' : null }
}

async function decodeRgb(input: Sharp): Promise<Image> {
  const { data, info } = await input
    .toColorspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return rgbImage(data, info)
}

async function decodeCmyk(input: Sharp): Promise<Image> {
  // Naming the space twice keeps libvips from converting by a profile.
  const { data, info } = await input
    .pipelineColorspace('cmyk')
    .toColorspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return rgbImage(await cmykToRgb(data), info)
}

async function decodeGray16(input: Sharp): Promise<Image> {
  const { data, info } = await input
    .toColorspace('grey16')
    .removeAlpha()
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true })
  return rgbImage(await gray16ToRgb(new Uint16Array(data.buffer, data.byteOffset, data.length / 2)), info)
}

async function decodeGif(file: EncodedImage, input: Sharp): Promise<Image> {
  const { data, info } = await input
    .toColorspace('srgb')
    .ensureAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const { width, height } = info
  const { left, top, color, ...frame } = readGifFrame(file.bytes) ?? {
    left: 0,
    top: 0,
    color: [0, 0, 0],
    width,
    height,
  }
  const rgb = new Uint8Array(width * height * 3)
  await inSlices(width * height, (start, end) => {
    for (let pixel = start; pixel < end; pixel++) {
      const x = (pixel % width) - left
      const y = Math.floor(pixel / width) - top
      const covered = x >= 0 && y >= 0 && x < frame.width && y < frame.height && data[pixel * 4 + 3] !== 0
      for (let c = 0; c < 3; c++) rgb[pixel * 3 + c] = (covered ? data[pixel * 4 + c] : color[c]) ?? 0
    }
  })
  return rgbImage(rgb, info)
}

function rgbImage(data: Uint8Array, { width, height }: { readonly width: number; readonly height: number }): Image {
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), height, width, channels: 3 }
}

// Opened with the first image: reading a checkpoint needs none of it. Asking Node for it each time costs up to a millisecond.
let loaded: typeof sharpFactory | null = null

async function loadSharp(): Promise<typeof sharpFactory> {
  if (loaded !== null) return loaded
  const { default: sharp } = await import('sharp').catch((cause: unknown) => {
    throw new TorchError('TORCH_IMAGE', `The image decoder sharp cannot be loaded: ${firstLine(cause)}`, { cause })
  })
  loaded = sharp
  return sharp
}

function failure({ name }: EncodedImage, text: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_IMAGE', `Cannot decode ${name}: ${text}`, { cause })
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split('\n', 1)[0] ?? text
}
