import { basename } from 'node:path'

import type { EvaluatedImage } from '../../evaluation/evaluate.js'
import { CsvDataset } from '../../vision/csv_dataset.js'
import type { Dataset } from '../../vision/dataset.js'
import type { Image } from '../../vision/image.js'
import { ImageFolder } from '../../vision/image_folder.js'
import { printable } from '../output/text.js'
import { cut, xml } from './xml.js'

/** Maximum number of images on a sheet: more than anyone looks through, and a PNG of some 25 megapixels. */
export const MAX_TILES = 1000

/** Pixels of an image's square, of the gap around it, and of a line below it. */
const SQUARE = 112
const GAP = 12
const LINE = 14
const CAPTION = 3 * LINE + 4
const [TILE_WIDTH, TILE_HEIGHT] = [SQUARE + GAP, SQUARE + CAPTION + GAP]
/** Letters of 11 pixels that fit below an image. */
const LETTERS = 17
const WHITE = 255

/** An image whose prediction is wrong. */
export interface WrongImage extends EvaluatedImage {
  /** Index of the image in the dataset. */
  readonly index: number
}

/**
 * Draws images as a PNG, each with the name of its file, its class and its predicted class; the first {@link MAX_TILES} of them.
 */
export async function contactSheet(
  dataset: Dataset,
  wrong: readonly WrongImage[],
  labels: readonly string[],
  signal: AbortSignal,
): Promise<Buffer> {
  const tiles = wrong.slice(0, MAX_TILES)
  // About as wide as high.
  const columns = Math.max(1, Math.ceil(Math.sqrt((tiles.length * TILE_HEIGHT) / TILE_WIDTH)))
  const [width, height] = [columns * TILE_WIDTH + GAP, Math.ceil(tiles.length / columns) * TILE_HEIGHT + GAP]
  const sheet = Buffer.alloc(width * height * 3, WHITE)
  const texts: string[] = []
  for (const [position, { index, label, prediction }] of tiles.entries()) {
    signal.throwIfAborted()
    const x = GAP + (position % columns) * TILE_WIDTH
    const y = GAP + Math.floor(position / columns) * TILE_HEIGHT
    const pixels = await squareOf((await dataset.get(index)).image)
    for (let row = 0; row < SQUARE; row++) {
      pixels.copy(sheet, ((y + row) * width + x) * 3, row * SQUARE * 3, (row + 1) * SQUARE * 3)
    }
    const lines = [
      ['#59636e', cut(nameOf(dataset, index), LETTERS, 'start')],
      ['#1a7f37', cut(labels[label] ?? `class ${label}`, LETTERS)],
      ['#cf222e', cut(`✗ ${labels[prediction] ?? `class ${prediction}`}`, LETTERS)],
    ]
    for (const [line, [color = '', text = '']] of lines.entries()) {
      texts.push(`<text x="${x}" y="${y + SQUARE + (line + 1) * LINE}" fill="${color}">${xml(printable(text))}</text>`)
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

/** Gives the file name of an image, or its number where it has no file. */
export function nameOf(dataset: Dataset, index: number): string {
  const hasFiles = dataset instanceof ImageFolder || dataset instanceof CsvDataset
  const path = hasFiles ? dataset.samples[index]?.path : undefined
  return path === undefined ? `#${index}` : basename(path)
}

/** Fits an image into a square of {@link SQUARE} pixels; the pixels of a small image stay sharp. */
async function squareOf({ data, width, height, channels }: Image): Promise<Buffer> {
  const { default: sharp } = await import('sharp')
  const kernel = Math.max(width, height) <= SQUARE ? 'nearest' : 'lanczos3'
  return sharp(data, { raw: { width, height, channels } })
    .toColorspace('srgb')
    .resize(SQUARE, SQUARE, { fit: 'contain', background: '#ffffff', kernel })
    .raw()
    .toBuffer()
}
