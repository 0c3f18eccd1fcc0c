import { TorchError } from '../../util/errors.js'
import type { Image } from '../image.js'

/** A format that is decoded. */
export type Format = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'bmp' | 'pnm'

/** The bytes of an image file. */
export interface EncodedImage {
  /** Its path, for messages. */
  readonly name: string
  readonly bytes: Buffer
  readonly format: Format
}

/** Decodes an image whose header and memory are checked; `upright` turns it as its EXIF data say. */
export type DecodeFile = (file: EncodedImage, upright: boolean) => Promise<Image>

/** What the header of a file says. */
export interface ImageHeader {
  readonly width: number
  readonly height: number
  /** Bytes that the decoder holds beside the result: see memory.ts. */
  readonly held: Held
  readonly decode: DecodeFile
}

/** What a decoder holds. */
export interface Held {
  /** Bytes for each column of the image: rows that are held at a time. */
  readonly row: number
  /** Bytes for each pixel of the image, where a decoder holds all of it. */
  readonly pixel: number
}

// The first bytes of each format, in Latin-1; a dot stands for any byte. libvips also reads SVG and others, which are
// kept from it: Pillow does not, and a drawing program has no place behind an upload.
const SIGNATURES: readonly (readonly [RegExp, Format])[] = [
  [/^\xff\xd8\xff/, 'jpeg'],
  [/^\x89PNG\r\n/, 'png'],
  [/^RIFF.{4}WEBP/s, 'webp'],
  [/^GIF8[79]a/, 'gif'],
  [/^(?:II[*+]\0|MM\0[*+])/, 'tiff'],
  [/^.{4}ftyp(?:avi[fs]|mif1|msf1)/s, 'avif'],
  [/^BM/, 'bmp'],
  [/^P[1-6f][ \t\n\v\f\r]/, 'pnm'],
]

/** The format that the first bytes of a file name, or null. */
export function formatOf(bytes: Buffer): Format | null {
  const start = bytes.toString('latin1', 0, 16)
  return SIGNATURES.find(([signature]) => signature.test(start))?.[1] ?? null
}

/** The error of a file that is not decoded; {@link decodeImage} puts the name of the file before it. */
export function refusal(text: string): TorchError {
  return new TorchError('TORCH_IMAGE', text)
}

/** The error of a file that ends too early. */
export function truncated(): TorchError {
  return refusal('It is truncated')
}
