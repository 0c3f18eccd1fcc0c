import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { IdxDataset } from 'napi-torch'
import sharp from 'sharp'

import { FASHION_MNIST } from './fashion_mnist.js'

/** A test image of Fashion-MNIST: gray pixels (28, 28), and its class. */
export interface TestImage {
  readonly pixels: Uint8Array
  readonly label: number
}

const SIDE = 28

/** The first test images of Fashion-MNIST. */
export async function testImages(count: number): Promise<TestImage[]> {
  const dataset = await IdxDataset.open(FASHION_MNIST)
  const indices = Array.from({ length: count }, (_, index) => index)
  const samples = await Promise.all(indices.map((index) => dataset.get(index)))
  return samples.map(({ image, label }) => ({ pixels: image.data, label }))
}

/** Writes an image as a PNG file and gives its path. */
export async function writePng(path: string, { pixels }: TestImage): Promise<string> {
  await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .png()
    .toFile(path)
  return path
}

/** Writes images as a pair of IDX files and gives the path of the one with the images. */
export async function writeIdx(folder: string, images: readonly TestImage[]): Promise<string> {
  const path = join(folder, 't10k-images-idx3-ubyte')
  const header = (magic: number, ...sizes: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(4 + 4 * sizes.length)
    ;[magic, ...sizes].forEach((value, index) => bytes.writeUInt32BE(value, 4 * index))
    return bytes
  }
  const count = images.length
  await writeFile(path, Buffer.concat([header(0x803, count, SIDE, SIDE), ...images.map(({ pixels }) => pixels)]))
  const labels = Buffer.from(images.map(({ label }) => label))
  await writeFile(join(folder, 't10k-labels-idx1-ubyte'), Buffer.concat([header(0x801, count), labels]))
  return path
}

/** Writes images into a folder a class. `nameOf` gives the name of each class's folder. */
export async function writeFolders(
  root: string,
  images: readonly TestImage[],
  nameOf: (label: number) => string,
): Promise<void> {
  for (const [index, image] of images.entries()) {
    const folder = join(root, nameOf(image.label))
    await mkdir(folder, { recursive: true })
    await writePng(join(folder, `${index}.png`), image)
  }
}
