import type { Sharp } from 'sharp'
import type sharpFactory from 'sharp'

import { TorchError } from '../../util/errors.js'
import type { Image } from '../image.js'
import { refusal, type EncodedImage } from './format.js'
import { cmykToRgb, gray16ToRgb, orient } from './pixels.js'
import { isError } from '../../util/realm.js'

/** How sharp's pixels become Pillow's. */
export interface SharpDecoding {
  /** The pixels that sharp gives, where its own conversion to RGB is not Pillow's. Default: `rgb`. */
  readonly space?: 'rgb' | 'cmyk' | 'gray16'
  /** Lets the decoder warn as often as it likes, and lifts its limit of memory. Default: `false`. */
  readonly unlimited?: boolean
}

/** Decodes with sharp; `upright` turns the image as its EXIF data say. */
export async function decodeWithSharp(file: EncodedImage, upright: boolean, how: SharpDecoding = {}): Promise<Image> {
  const sharp = await loadSharp()
  const { space = 'rgb', unlimited = false } = how
  const input = sharp(file.bytes, {
    ignoreIcc: true,
    // Like Pillow, forgive what a decoder only warns of, and refuse a truncated file.
    failOn: 'error',
    autoOrient: upright,
    // The header is checked.
    limitInputPixels: false,
    unlimited,
  })
  const decoded = space === 'cmyk' ? decodeCmyk(input) : space === 'gray16' ? decodeGray16(input) : decodeRgb(input)
  if (!upright) return decoded
  const [image, orientation] = await Promise.all([decoded, xmpOrientation(input)])
  return orient(image, orientation)
}

/** The orientation that XMP tells where EXIF tells none, as Pillow searches it; 1 where there is none. libvips knows that of EXIF alone. */
async function xmpOrientation(input: Sharp): Promise<number> {
  const { orientation, xmp } = await input.metadata()
  if (orientation !== undefined || xmp === undefined) return 1
  const [, , digit = '1'] = /tiff:Orientation(="|>)([0-9])/.exec(xmp.toString('latin1')) ?? []
  const told = Number(digit)
  return told >= 1 && told <= 8 ? told : 1
}

async function decodeRgb(input: Sharp): Promise<Image> {
  const { data, info } = await input
    .toColorspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  if (info.channels !== 3) throw refusal(`It has ${info.channels} channels, of which there is no conversion to RGB`)
  return rgbImage(data, info)
}

async function decodeCmyk(input: Sharp): Promise<Image> {
  // Naming the space twice keeps libvips from converting by a profile.
  const { data, info } = await input
    .pipelineColorspace('cmyk')
    .toColorspace('cmyk')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  if (info.channels !== 4) throw refusal(`It has ${info.channels} channels, expected 4 inks`)
  return rgbImage(await cmykToRgb(data, info), info)
}

async function decodeGray16(input: Sharp): Promise<Image> {
  const { data, info } = await input
    .toColorspace('grey16')
    .removeAlpha()
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true })
  if (info.channels !== 1) throw refusal(`It has ${info.channels} channels, expected one of gray`)
  return rgbImage(await gray16ToRgb(data, info), info)
}

function rgbImage(data: Uint8Array, { width, height }: { readonly width: number; readonly height: number }): Image {
  return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), height, width, channels: 3 }
}

// Opened with the first image: reading a checkpoint needs none of it. Asking Node for it each time costs up to a millisecond.
let loaded: typeof sharpFactory | null = null

async function loadSharp(): Promise<typeof sharpFactory> {
  if (loaded !== null) return loaded
  const { default: sharp } = await import('sharp').catch((cause: unknown) => {
    const reason = isError(cause) ? cause.message.split('\n', 1)[0] : String(cause)
    throw new TorchError('TORCH_IMAGE', `The image decoder sharp cannot be loaded: ${reason}`, { cause })
  })
  loaded = sharp
  return sharp
}
