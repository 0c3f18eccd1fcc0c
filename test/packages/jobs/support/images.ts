import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { testImages, writePng } from '../../../support/images.js'

const WRITTEN_AT_A_TIME = 32

/** Writes the first test images of Fashion-MNIST as PNG files, named by their numbers, and gives their paths in order. */
export async function writeImages(folder: string, count: number): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const images = await testImages(count)
  const paths = images.map((_, index) => join(folder, `${String(index).padStart(5, '0')}.png`))
  for (let first = 0; first < count; first += WRITTEN_AT_A_TIME) {
    const batch = images.slice(first, first + WRITTEN_AT_A_TIME)
    await Promise.all(batch.map((image, index) => writePng(paths[first + index] ?? '', image)))
  }
  return paths
}
