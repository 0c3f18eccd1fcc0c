import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What Pillow makes of a file of test/fixtures/decode. */
export interface DecodeFacts {
  readonly mode: string
  readonly size: readonly [width: number, height: number]
  /** SHA-256. */
  readonly rgb: string
  /** Of red, green and blue. */
  readonly mean: readonly number[]
}

const FOLDER = new URL('../fixtures/decode/', import.meta.url)

/** The path of an image that scripts/make_decode_fixtures.py wrote. */
export function decodeFixture(name: string): string {
  return fileURLToPath(new URL(name, FOLDER))
}

/** Reads what scripts/make_decode_fixtures.py wrote beside the images. */
export function decodeFacts(): Readonly<Record<string, DecodeFacts>> {
  const { images } = JSON.parse(readFileSync(new URL('expected.json', FOLDER), 'utf8')) as {
    images: Record<string, DecodeFacts>
  }
  return images
}
