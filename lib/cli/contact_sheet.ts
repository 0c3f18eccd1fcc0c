import { basename } from 'node:path'

import type { Prediction } from '../evaluation/evaluate.js'
import { CsvDataset } from '../vision/csv_dataset.js'
import type { Dataset } from '../vision/dataset.js'
import type { Image } from '../vision/image.js'
import { ImageFolder } from '../vision/image_folder.js'
import { printable } from './format.js'
import { cut, xml } from './xml.js'

/** Images on a sheet at most: what somebody looks through, and a PNG of some 25 megapixels. */
export const MOST_TILES = 1000

/** Pixels of an image's square, of the gap around it, and of a line below it. */
const PICTURE = 112
const GAP = 12
const LINE = 14
const CAPTION = 3 * LINE + 4
const [TILE_WIDTH, TILE_HEIGHT] = [PICTURE + GAP, PICTURE + CAPTION + GAP]
/** Letters of 11 pixels that fit below an image. */
const LETTERS = 17
const WHITE = 255

/** An image that was taken for something else. */
export interface WrongImage extends Prediction {
  /** Of the image in the dataset. */
  readonly index: number
}

/**
 * Draws images with the name of their file, what they show and what they were taken for, as a PNG picture; the first
 * {@link MOST_TILES} of them.
 */
export async function contactSheet(
  dataset: Dataset,
  wrong: readonly WrongImage[],
  labels: readonly string[],
  signal: AbortSignal,
): Promise<Buffer> {
  const tiles = wrong.slice(0, MOST_TILES)
  // About as wide as high.
  const columns = Math.max(1, Math.ceil(Math.sqrt((tiles.length * TILE_HEIGHT) / TILE_WIDTH)))
  const [width, height] = [columns * TILE_WIDTH + GAP, Math.ceil(tiles.length / columns) * TILE_HEIGHT + GAP]
  const sheet = Buffer.alloc(width * height * 3, WHITE)
  const texts: string[] = []
  for (const [position, { index, label, prediction }] of tiles.entries()) {
    signal.throwIfAborted()
    const x = GAP + (position % columns) * TILE_WIDTH
    const y = GAP + Math.floor(position / columns) * TILE_HEIGHT
    const picture = await pictureOf((await dataset.get(index)).image)
    for (let row = 0; row < PICTURE; row++) {
      picture.copy(sheet, ((y + row) * width + x) * 3, row * PICTURE * 3, (row + 1) * PICTURE * 3)
    }
    const lines = [
      ['#59636e', cut(nameOf(dataset, index), LETTERS, 'start')],
      ['#1a7f37', cut(labels[label] ?? `class ${label}`, LETTERS)],
      ['#cf222e', cut(`✗ ${labels[prediction] ?? `class ${prediction}`}`, LETTERS)],
    ]
    for (const [line, [color = '', text = '']] of lines.entries()) {
      texts.push(`<text x="${x}" y="${y + PICTURE + (line + 1) * LINE}" fill="${color}">${xml(printable(text))}</text>`)
    }
  }
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`
  const captions = Buffer.from(`${open}${texts.join('')}</svg>`)
  const { default: sharp } = await import('sharp')
  return sharp(sheet, { raw: { width, height, channels: 3 } })
    .composite([{ input: captions }])
    .png()
    .toBuffer()
}

/** Name of the file of an image, or its number where it has no file. */
export function nameOf(dataset: Dataset, index: number): string {
  const hasFiles = dataset instanceof ImageFolder || dataset instanceof CsvDataset
  const path = hasFiles ? dataset.samples[index]?.path : undefined
  return path === undefined ? `#${index}` : basename(path)
}

/** The whole image in a square of {@link PICTURE} pixels; the pixels of a small one stay squares. */
async function pictureOf({ data, width, height, channels }: Image): Promise<Buffer> {
  const { default: sharp } = await import('sharp')
  const kernel = Math.max(width, height) <= PICTURE ? 'nearest' : 'lanczos3'
  return sharp(data, { raw: { width, height, channels } })
    .toColourspace('srgb')
    .resize(PICTURE, PICTURE, { fit: 'contain', background: '#ffffff', kernel })
    .raw()
    .toBuffer()
}
