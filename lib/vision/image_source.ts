import { checkPositiveInteger, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import {
  bytesOf,
  isFileInput,
  type BlobLike,
  type BodyLike,
  type BytesInput,
  type WebStreamLike,
} from '../util/file_input.js'
import { dropAlpha } from './decode/pixels.js'
import { checkImage, type Image } from './image.js'
import { isError, isUint8Array, isUint8ClampedArray } from '../util/realm.js'

/** A byte stream of Node, such as a request or what `createReadStream` gives. */
export interface NodeByteStream {
  readonly readableObjectMode: boolean
  pipe(...args: never[]): unknown
}

/** Pixels of 8 bits with 1 to 4 channels, the last of 2 or 4 being alpha: `ImageData`, or what sharp's `raw()` gives. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly height: number
  readonly width: number
  /** Default: as many as the length of `data` says. */
  readonly channels?: 1 | 2 | 3 | 4 | undefined
}

/** What sharp's `toBuffer({ resolveWithObject: true })` gives: raw pixels, or an encoded image. */
export interface SharpOutput {
  readonly data: Uint8Array
  readonly info: {
    readonly width: number
    readonly height: number
    readonly channels?: number
    readonly format?: string
  }
}

/** An instance of sharp, whose pipeline is run. */
export interface SharpLike {
  clone(): unknown
  metadata(...args: never[]): unknown
  raw(...args: never[]): unknown
  toBuffer(...args: never[]): unknown
}

/**
 * An image: the path or `file:` URL of a file; bytes of one (JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP, PNM) in any typed array or buffer, a
 * `Blob` or `File`, a `Response` or `Request`, a `data:` URL or a stream of bytes; pixels, such as an `ImageData`; or an instance of
 * sharp. Alpha is dropped, not blended.
 */
export type ImageSource =
  | string
  | URL
  | BytesInput
  | BlobLike
  | BodyLike
  | WebStreamLike
  | NodeByteStream
  | Image
  | Pixels
  | SharpOutput
  | SharpLike

export const IMAGE_SOURCE =
  'a path, a file: URL, bytes, a Blob, a Response, a stream of bytes, pixels or a sharp instance'

/** Tells an image from several: bytes are iterable, too. A Node stream in object mode gives several. */
export function isImageSource(value: unknown): value is ImageSource {
  return isFileInput(value) || isSharp(value) || isPixels(value) || isSharpOutput(value)
}

/** What an image source holds: pixels, or what stands for a file. */
export type OpenedImage =
  { readonly pixels: Image; readonly file?: undefined } | { readonly pixels?: undefined; readonly file: unknown }

/**
 * Gives the pixels of an image source, gray or RGB, or what stands for an encoded file.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` for pixels that do not fit their size; `TORCH_IMAGE` if sharp fails.
 */
export async function openImageSource(source: ImageSource, name: string): Promise<OpenedImage> {
  if (isSharp(source)) return { pixels: await runSharp(source, name) }
  if (isSharpOutput(source)) {
    const { data, info } = source
    if (info.format !== undefined && info.format !== 'raw') return { file: data }
    return { pixels: await withoutAlpha(name, { ...info, data }) }
  }
  return isPixels(source) ? { pixels: await withoutAlpha(name, source) } : { file: source }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isSharp(value: unknown): value is SharpLike {
  return (
    isObject(value) && ['clone', 'metadata', 'raw', 'toBuffer'].every((method) => typeof value[method] === 'function')
  )
}

function isSharpOutput(value: unknown): value is SharpOutput {
  return isObject(value) && isUint8Array(value['data']) && isObject(value['info'])
}

function isPixels(value: unknown): value is Pixels {
  return isObject(value) && 'data' in value && !isSharpOutput(value)
}

interface RawOutput {
  readonly data: Uint8Array
  readonly info: { readonly width: number; readonly height: number; readonly channels: number }
}

async function runSharp(sharp: SharpLike, name: string): Promise<Image> {
  const pipeline = sharp.clone() as { raw(options: object): { toBuffer(options: object): Promise<RawOutput> } }
  const { data, info } = await pipeline
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      const text = isError(cause) ? (cause.message.split('\n', 1)[0] ?? '') : String(cause)
      throw new TorchError('TORCH_IMAGE', `Cannot decode ${name}: ${text}`, { cause })
    })
  return withoutAlpha(name, { ...info, data })
}

/** Checks pixels, and drops their alpha. */
async function withoutAlpha(name: string, pixels: { readonly [K in keyof Pixels]?: unknown }): Promise<Image> {
  const data = isUint8ClampedArray(pixels.data) ? viewOf(pixels.data) : pixels.data
  if (!isUint8Array(data)) throw expected('a Uint8Array or Uint8ClampedArray', `data of ${name}`, pixels.data)
  const height = checkPositiveInteger(`height of ${name}`, pixels.height)
  const width = checkPositiveInteger(`width of ${name}`, pixels.width)
  const { channels = data.length / (height * width) } = pixels
  const bytes = bytesOf(data)
  if (channels === 1 || channels === 3) return checkImage(name, { data: bytes, height, width, channels })
  if (channels !== 2 && channels !== 4) throw expected('1, 2, 3 or 4', `channels of ${name}`, channels)
  if (data.length !== height * width * channels) {
    throw expected(`${height} × ${width} × ${channels} bytes`, `data of ${name}`, data)
  }
  return { data: await dropAlpha(bytes, { height, width }, channels), height, width, channels: 3 }
}

function viewOf(data: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
