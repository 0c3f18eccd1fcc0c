// How Pillow's convert('RGB') maps the modes in which libvips would answer otherwise.
import { inSlices } from '../util/slices.js'

/**
 * Pillow's CMYK to RGB: no color profile, each ink is multiplied with what the black leaves, in 8-bit fixed point.
 * `data` holds four bytes a pixel, 255 for full ink.
 */
export async function cmykToRgb(data: Uint8Array): Promise<Uint8Array> {
  const pixels = data.length / 4
  const rgb = new Uint8Array(pixels * 3)
  await inSlices(pixels, (start, end) => {
    for (let pixel = start; pixel < end; pixel++) {
      const light = 255 - at(data, pixel * 4 + 3)
      for (let ink = 0; ink < 3; ink++) {
        rgb[pixel * 3 + ink] = light - multiply(at(data, pixel * 4 + ink), light)
      }
    }
  })
  return rgb
}

/** Pillow's I;16 to RGB: **values above 255 become 255**, they are not scaled down. */
export async function gray16ToRgb(data: Uint16Array): Promise<Uint8Array> {
  const rgb = new Uint8Array(data.length * 3)
  await inSlices(data.length, (start, end) => {
    for (let pixel = start; pixel < end; pixel++) paint(rgb, pixel, Math.min(at(data, pixel), 255))
  })
  return rgb
}

/** The luma of RGB in 16-bit fixed point with the weights 0.299, 0.587 and 0.114 of ITU-R 601-2: Pillow's convert('L'). */
export async function rgbToGray(data: Uint8Array): Promise<Uint8Array> {
  const gray = new Uint8Array(data.length / 3)
  await inSlices(gray.length, (start, end) => {
    for (let pixel = start; pixel < end; pixel++) {
      const [r, g, b] = [at(data, pixel * 3), at(data, pixel * 3 + 1), at(data, pixel * 3 + 2)]
      gray[pixel] = (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16
    }
  })
  return gray
}

/** Three equal channels out of one. */
export async function grayToRgb(data: Uint8Array): Promise<Uint8Array> {
  const rgb = new Uint8Array(data.length * 3)
  await inSlices(data.length, (start, end) => {
    for (let pixel = start; pixel < end; pixel++) paint(rgb, pixel, at(data, pixel))
  })
  return rgb
}

function paint(rgb: Uint8Array, pixel: number, gray: number): void {
  rgb[pixel * 3] = gray
  rgb[pixel * 3 + 1] = gray
  rgb[pixel * 3 + 2] = gray
}

/** `a * b / 255`, rounded, for bytes. */
function multiply(a: number, b: number): number {
  const product = a * b + 128
  return ((product >> 8) + product) >> 8
}

function at(data: Uint8Array | Uint16Array, index: number): number {
  return data[index] ?? 0
}
