import { createHash, type Hash } from 'node:crypto'
import { readFileSync } from 'node:fs'

import { Tensor, type Image } from 'napi-torch'

import { noiseImage } from './vision.js'

interface Goldens {
  readonly seeds: number
  readonly cases: Readonly<Record<string, { readonly repr: string; readonly digests: readonly string[] }>>
  readonly mixes: Readonly<Record<string, string>>
  readonly pipeline: readonly { readonly labels: readonly number[]; readonly digest: string }[]
}

/** What scripts/make_augmentation_goldens.py wrote. */
export const AUGMENTATIONS = JSON.parse(
  readFileSync(new URL('../goldens/augmentations.json', import.meta.url), 'utf8'),
) as Goldens

/** A smooth image: `ramp` of the script. */
function ramp(height: number, width: number, channels: 1 | 3): Image {
  const data = Uint8Array.from({ length: height * width * channels }, (_, place) => {
    const [y, x, c] = [
      Math.floor(place / channels / width),
      Math.floor(place / channels) % width,
      place % channels,
    ] as const
    return 3 * x + 5 * y + 40 * c + Math.floor((x * y) / 16)
  })
  return { data, height, width, channels }
}

/** The images of the script. */
export const AUGMENTED_IMAGES: Readonly<Record<string, Image>> = {
  'RGB noise': noiseImage(37, 50, 3, 1),
  'a RGB ramp': ramp(48, 33, 3),
  'gray noise': noiseImage(33, 21, 1, 2),
  'a gray ramp': ramp(40, 64, 1),
  'one color': { data: new Uint8Array(8 * 5 * 3).fill(200), height: 8, width: 5, channels: 3 },
  '3 × 2 pixels': noiseImage(3, 2, 3, 3),
}

/** Digests results as the script does. */
export function digestOf(results: readonly (Image | Tensor)[]): string {
  const digest = createHash('sha256')
  for (const result of results) add(digest, result)
  return digest.digest('hex')
}

function add(digest: Hash, value: Image | Tensor): void {
  const isTensor = value instanceof Tensor
  const shape = isTensor ? value.shape : [value.height, value.width, value.channels]
  digest.update(`[${shape.join(', ')}]`)
  const data = isTensor ? value.toFloat32Array() : value.data
  digest.update(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
}
