import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { decodeImage, type Image } from 'napi-torch'

import { decodeFacts, decodeFixture } from '../../support/decode.js'
import { digest, fixture } from '../../support/vision.js'

const FACTS = Object.entries(decodeFacts())

describe('decodeImage() of formats decoded by this package', () => {
  for (const [name, { mode, size, rgb }] of FACTS) {
    if (name.endsWith('.avif')) continue
    it(`gives the bytes of Pillow's convert('RGB') for ${name}, of mode ${mode}`, async () => {
      const image = await decodeImage(decodeFixture(name))

      assert.deepEqual([image.width, image.height, image.channels], [...size, 3])
      assert.equal(digest(image.data), rgb)
    })
  }

  for (const [name, { size, mean }] of FACTS) {
    if (!name.endsWith('.avif')) continue
    it(`comes close to Pillow for ${name}`, async () => {
      const image = await decodeImage(decodeFixture(name))

      assert.deepEqual([image.width, image.height], size)
      for (const [c, expected] of mean.entries()) {
        assert.ok(Math.abs(meanOf(image, c) - expected) < 0.5, `channel ${c}: ${meanOf(image, c)} for ${expected}`)
      }
    })
  }

  it('turns an AVIF upright on request', async () => {
    const { width, height } = await decodeImage(decodeFixture('turned.avif'), { exifOrientation: true })

    assert.deepEqual([width, height], [61, 83])
  })

  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it(`turns a TIFF of orientation ${orientation} to where EXIF says`, async () => {
      const tiff = await decodeImage(withOrientation(readFileSync(decodeFixture('gray8-signed.tif')), orientation))
      const plain = await decodeImage(decodeFixture('gray8-signed.tif'))

      assert.deepEqual([tiff.width, tiff.height], orientation < 5 ? [21, 19] : [19, 21])
      // Where the first pixel of the file goes.
      const [row, column] = CORNERS[orientation - 1] ?? [0, 0]
      const at = ((row === 0 ? 0 : tiff.height - 1) * tiff.width + (column === 0 ? 0 : tiff.width - 1)) * 3
      assert.equal(tiff.data[at], plain.data[0])
    })
  }
})

/** Bottom and right, where EXIF says that row 0 and column 0 are. */
const CORNERS = [
  [0, 0],
  [0, 1],
  [1, 1],
  [1, 0],
  [0, 0],
  [0, 1],
  [1, 1],
  [1, 0],
] as const

/** Writes the tag of the fill order, which is the default, over with that of the orientation. */
function withOrientation(bytes: Buffer, orientation: number): Buffer {
  const FILL_ORDER = Buffer.from('0a010300010000000100', 'hex')
  const at = bytes.indexOf(FILL_ORDER)
  assert.ok(at > 0)
  bytes.writeUInt16LE(274, at)
  bytes.writeUInt16LE(orientation, at + 8)
  return bytes
}

function meanOf({ data }: Image, channel: number): number {
  let sum = 0
  for (let index = channel; index < data.length; index += 3) sum += data[index] ?? 0
  return sum / (data.length / 3)
}

describe('decodeImage() of damaged files', () => {
  for (const [name] of FACTS) {
    it(`refuses a truncated copy of ${name}`, async () => {
      const bytes = readFileSync(decodeFixture(name))

      await assert.rejects(decodeImage(bytes.subarray(0, Math.floor(bytes.length * 0.6))), { code: 'TORCH_IMAGE' })
    })
  }

  for (const name of ['rgb-planes.tif', 'rgba-associated.tif', 'gray16-tiles.tif', 'cmyk-planes.tif']) {
    it(`refuses ${name} with a block that reaches beyond the file`, async () => {
      const bytes = readFileSync(decodeFixture(name))
      // The directory stands last, so that a block cannot be cut off, but it can be moved.
      const offsets = fieldOf(bytes, name.includes('planes') && !name.startsWith('rgb') ? 273 : 324)
      bytes.writeUInt32LE(bytes.length - 5, offsets)

      await assert.rejects(decodeImage(bytes), { code: 'TORCH_IMAGE', message: 'Cannot decode image: It is truncated' })
    })
  }

  it('refuses a tile of Deflate that is damaged', async () => {
    const bytes = readFileSync(decodeFixture('rgba-associated.tif'))
    bytes.fill(0, bytes.readUInt32LE(fieldOf(bytes, 324) + 4) + 2, bytes.readUInt32LE(fieldOf(bytes, 324) + 4) + 40)

    await assert.rejects(decodeImage(bytes), { code: 'TORCH_IMAGE' })
  })

  it('refuses LAB, of which there is no conversion', async () => {
    const bytes = readFileSync(decodeFixture('rgb-planes.tif'))
    const photometric = Buffer.from('0601030001000000', 'hex')
    bytes.writeUInt16LE(8, bytes.indexOf(photometric) + 8)

    await assert.rejects(decodeImage(bytes), {
      code: 'TORCH_IMAGE',
      message:
        'Cannot decode image: It is a TIFF of a kind that is not read: photometric 8, compression none, ' +
        '3 samples of 8 bits, format 1, planes, little-endian',
    })
  })

  // Mutations of each fixture: what is not refused is an image of the size that its header tells.
  for (const [name, path] of [
    ...FACTS.map(([name]) => [name, decodeFixture(name)] as const),
    ...['420.jpg', 'rgb.png', 'cmyk.jpg', 'alpha.webp'].map((name) => [name, fixture(name)] as const),
  ]) {
    it(`survives 30 mutations of ${name}`, async () => {
      const bytes = readFileSync(path)

      for (let seed = 0; seed < 30; seed++) {
        const result = await decodeImage(mutated(bytes, seed), { maxPixels: 2 ** 20 }).catch((error: unknown) => error)

        const kind = result instanceof Error && 'code' in result ? result.code : sizeOf(result)
        assert.ok(kind === 'TORCH_IMAGE' || kind === 'an image', `seed ${seed}: ${String(kind)} ${String(result)}`)
      }
    })
  }
})

/** Where the values of a list in a little-endian directory stand. */
function fieldOf(bytes: Buffer, tag: number): number {
  const start = bytes.readUInt32LE(4)
  for (let entry = start + 2; ; entry += 12) {
    if (bytes.readUInt16LE(entry) === tag) return bytes.readUInt32LE(entry + 8)
  }
}

function sizeOf(value: unknown): string {
  const { data, height, width, channels } = value as Image
  return data.length === height * width * channels && channels === 3 ? 'an image' : 'something else'
}

/** A copy in which a few bytes have other values, most of them near the start, where headers are. */
function mutated(bytes: Buffer, seed: number): Buffer {
  const copy = Buffer.from(bytes)
  let state = seed * 7919 + 17
  const next = (count: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * count)
  }
  for (let times = 1 + next(4); times > 0; times--) {
    const at = next(next(2) === 0 ? copy.length : Math.min(copy.length, 100))
    copy[at] = [0, 0xff, 0x80, next(256)][next(4)] ?? 0
  }
  return copy
}
