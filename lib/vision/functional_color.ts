import { native } from '../libtorch/binding.js'
import { checkInteger, checkNumber, expected } from '../util/check.js'
import { shiftHue } from './hsv.js'
import { checkImage, type Image } from './image.js'
import { eachRow } from './rows.js'
import { smoothed } from './smooth.js'

// Colors of images with the bytes of Pillow's ImageEnhance and ImageOps, by which torchvision changes an image of Pillow.

/** Makes an image darker (below 1) or lighter; 0 is black. Follows `torchvision.transforms.functional.adjust_brightness`. */
export async function adjustBrightness(image: Image, brightnessFactor: number): Promise<Image> {
  const factor = checkFactor('brightnessFactor', brightnessFactor)
  return mapped(checkImage('image', image), [table((value) => blended(0, value, factor))])
}

/** Weakens (below 1) or strengthens contrast; 0 is gray. Follows `torchvision.transforms.functional.adjust_contrast`. */
export async function adjustContrast(image: Image, contrastFactor: number): Promise<Image> {
  const factor = checkFactor('contrastFactor', contrastFactor)
  const gray = await grayOf(checkImage('image', image))
  const mean = gray.length === 0 ? 0 : Math.floor(gray.reduce((sum, value) => sum + value, 0) / gray.length + 0.5)
  return mapped(image, [table((value) => blended(mean, value, factor))])
}

/** Weakens (below 1) or strengthens colors; 0 is gray. Follows `torchvision.transforms.functional.adjust_saturation`. */
export async function adjustSaturation(image: Image, saturationFactor: number): Promise<Image> {
  const factor = checkFactor('saturationFactor', saturationFactor)
  const { data, channels } = checkImage('image', image)
  if (channels === 1) return image
  const gray = await grayOf(image)
  return changed(image, (place) => blended(gray[Math.floor(place / 3)] ?? 0, data[place] ?? 0, factor))
}

/**
 * Turns the hue by a share of the circle, -0.5 to 0.5; a gray image stays as it is. Follows
 * `torchvision.transforms.functional.adjust_hue`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the share lies outside of this range.
 */
export async function adjustHue(image: Image, hueFactor: number): Promise<Image> {
  const { data, channels } = checkImage('image', image)
  if (!(checkNumber('hueFactor', hueFactor) >= -0.5 && hueFactor <= 0.5)) {
    throw expected('a number from -0.5 to 0.5', 'hueFactor', hueFactor)
  }
  const shift = Math.trunc(hueFactor * 255) & 255
  if (channels === 1) return image
  const shifted = new Uint8Array(data.length)
  await eachRow(image.height, (row) =>
    shiftHue(data, shifted, row * image.width * 3, (row + 1) * image.width * 3, shift),
  )
  return { ...image, data: shifted }
}

/** Blurs (below 1) or sharpens an image. Follows `torchvision.transforms.functional.adjust_sharpness`. */
export async function adjustSharpness(image: Image, sharpnessFactor: number): Promise<Image> {
  const factor = checkFactor('sharpnessFactor', sharpnessFactor)
  const { data } = checkImage('image', image)
  const smooth = await smoothed(image)
  return changed(image, (place) => blended(smooth[place] ?? 0, data[place] ?? 0, factor))
}

/** Gives the negative. Follows `torchvision.transforms.functional.invert`. */
export async function invert(image: Image): Promise<Image> {
  return mapped(checkImage('image', image), [table((value) => 255 - value)])
}

/**
 * Keeps the highest `bits` bits of each byte. Follows `torchvision.transforms.functional.posterize`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `bits` is an integer from 0 to 8.
 */
export async function posterize(image: Image, bits: number): Promise<Image> {
  const count = checkInteger('bits', bits)
  if (count < 0 || count > 8) throw expected('an integer from 0 to 8', 'bits', bits)
  return mapped(checkImage('image', image), [table((value) => value & ~(2 ** (8 - count) - 1))])
}

/** Inverts each byte of at least `threshold`. Follows `torchvision.transforms.functional.solarize`. */
export async function solarize(image: Image, threshold: number): Promise<Image> {
  checkNumber('threshold', threshold)
  return mapped(checkImage('image', image), [table((value) => (value < threshold ? value : 255 - value))])
}

/** Spreads each channel so that its least byte becomes 0 and its largest 255. Follows `torchvision.transforms.functional.autocontrast`. */
export async function autocontrast(image: Image): Promise<Image> {
  const tables = (await histogramsOf(checkImage('image', image))).map((histogram) => {
    const least = histogram.findIndex((count) => count > 0)
    const most = histogram.findLastIndex((count) => count > 0)
    if (most <= least) return table((value) => value)
    const scale = 255 / (most - least)
    const offset = -least * scale
    return table((value) => Math.min(Math.max(Math.trunc(value * scale + offset), 0), 255))
  })
  return mapped(image, tables)
}

/** Spreads each channel so that its bytes are about equally frequent. Follows `torchvision.transforms.functional.equalize`. */
export async function equalize(image: Image): Promise<Image> {
  const tables = (await histogramsOf(checkImage('image', image))).map((histogram) => {
    const last = histogram.findLast((count) => count > 0) ?? 0
    const total = histogram.reduce((sum, count) => sum + count, 0)
    const step = Math.floor((total - last) / 255)
    if (step === 0) return table((value) => value)
    let before = Math.floor(step / 2)
    return table((value) => {
      const level = Math.floor(before / step)
      before += histogram[value] ?? 0
      return Math.min(level, 255)
    })
  })
  return mapped(image, tables)
}

/** How often each byte occurs in each channel. */
async function histogramsOf({ data, height, width, channels }: Image): Promise<readonly Uint32Array[]> {
  const histograms = Array.from({ length: channels }, () => new Uint32Array(256))
  await eachRow(height, (row) => {
    for (const [channel, histogram] of histograms.entries()) {
      for (let place = row * width * channels + channel; place < (row + 1) * width * channels; place += channels) {
        const value = data[place] ?? 0
        histogram[value] = (histogram[value] ?? 0) + 1
      }
    }
  })
  return histograms
}

/** Replaces each byte by what the table of its channel, or the one for all, holds for it. */
async function mapped(image: Image, tables: readonly Uint8Array[]): Promise<Image> {
  const { data, height, width, channels } = image
  const result = new Uint8Array(data.length)
  const step = tables.length === 1 ? 1 : channels
  await eachRow(height, (row) => {
    for (const [channel, values] of tables.entries()) {
      for (let place = row * width * channels + channel; place < (row + 1) * width * channels; place += step) {
        result[place] = values[data[place] ?? 0] ?? 0
      }
    }
  })
  return { ...image, data: result }
}

/** Replaces each byte by what `valueAt` gives for its place. */
async function changed(image: Image, valueAt: (place: number) => number): Promise<Image> {
  const result = new Uint8Array(image.data.length)
  const stride = image.width * image.channels
  await eachRow(image.height, (row) => {
    for (let place = row * stride; place < (row + 1) * stride; place++) result[place] = valueAt(place)
  })
  return { ...image, data: result }
}

function table(valueOf: (value: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, value) => valueOf(value))
}

/** Goes from `from` (factor 0) to `to` (1) and beyond, as Pillow's `Image.blend`: in float32, cut to a byte. */
function blended(from: number, to: number, factor: number): number {
  const value = Math.fround(from + Math.fround(factor * (to - from)))
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value)
}

async function grayOf({ data, channels }: Image): Promise<Uint8Array> {
  return channels === 1 ? data : native.rgbToGray(data)
}

function checkFactor(name: string, value: unknown): number {
  const factor = checkNumber(name, value)
  if (!(factor >= 0 && factor < Infinity)) throw expected('a non-negative number', name, value)
  return Math.fround(factor)
}
