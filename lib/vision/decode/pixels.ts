// How Pillow's convert('RGB') maps what libvips maps otherwise, on pool threads.
import { native, type NativeLayout } from '../../libtorch/binding.js'
import type { Image } from '../image.js'

interface Size {
  readonly height: number
  readonly width: number
}

/**
 * Pillow's CMYK to RGB: no color profile, each ink is multiplied with what the black leaves, in 8-bit fixed point.
 * `data` holds four bytes a pixel, 255 for full ink.
 */
export function cmykToRgb(data: Uint8Array, size: Size): Promise<Uint8Array> {
  return convert(data, size, 4, { kind: 'cmyk', stride: 4, offsets: [0, 1, 2, 3] })
}

/** Pillow's I;16 to RGB, of little-endian numbers: **values above 255 become 255**, they are not scaled down. */
export function gray16ToRgb(data: Uint8Array, size: Size): Promise<Uint8Array> {
  return convert(data, size, 2, { kind: 'clip', type: 'uint16' })
}

/** Three equal channels out of one. */
export function grayToRgb(data: Uint8Array, size: Size): Promise<Uint8Array> {
  return convert(data, size, 1, { kind: 'pick', stride: 1, offsets: [0, 0, 0] })
}

/** The first three of each pixel's channels, or three times the first of one or two: alpha is dropped, not blended. */
export function dropAlpha(data: Uint8Array, size: Size, channels: 2 | 4): Promise<Uint8Array> {
  return convert(data, size, channels, {
    kind: 'pick',
    stride: channels,
    offsets: channels === 2 ? [0, 0, 0] : [0, 1, 2],
  })
}

/** Turns and mirrors an RGB image as EXIF's `orientation`, 1 to 8, says. */
export async function orient(image: Image, orientation: number): Promise<Image> {
  if (orientation === 1) return image
  const { data, height, width } = image
  const turned = await native.orientImage({ data, size: [height, width], orientation })
  const [newHeight, newWidth] = orientation >= 5 ? [width, height] : [height, width]
  return { data: turned, height: newHeight, width: newWidth, channels: 3 }
}

/** A table of RGB for {@link NativeLayout}: grays from black to white for indices of `bits` bits, or the reverse. */
export function grayTable(bits: number, inverted = false): Uint8Array {
  const table = new Uint8Array(768)
  const most = 2 ** bits - 1
  for (let index = 0; index <= most; index++) {
    const gray = (index * 255) / most
    table.fill(inverted ? 255 - gray : gray, index * 3, index * 3 + 3)
  }
  return table
}

/** A table of RGB out of a palette, in which Pillow has black where the file tells no color. */
export function paletteTable(colors: Uint8Array): Uint8Array {
  const table = new Uint8Array(768)
  table.set(colors.subarray(0, table.length))
  return table
}

/** Whether each color of a palette is the gray of its index: Pillow drops such a palette. */
export function isGrayPalette(colors: Uint8Array): boolean {
  return colors.every((value, index) => value === Math.floor(index / 3))
}

function convert(data: Uint8Array, { height, width }: Size, bytes: number, layout: NativeLayout): Promise<Uint8Array> {
  return native.decodeRows({ data, size: [height, width], offset: 0, step: width * bytes, bottomUp: false, layout })
}
