import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { decodeImage, MAX_PIXELS } from 'napi-torch'

import { decodeFile, freeImage } from '../../../lib/vision/decode/decode.js'
import { useTemporaryFolder } from '../../support/folder.js'
import { digest, expectedOfPython, fixture, hollowPng, paintedPng } from '../../support/vision.js'

describe('decodeImage()', () => {
  for (const [name, { mode, size, rgb }] of Object.entries(expectedOfPython().images)) {
    it(`gives the bytes of Pillow's convert('RGB') for ${name}, of mode ${mode}`, async () => {
      const image = await decodeImage(fixture(name))

      assert.deepEqual([image.width, image.height, image.channels], [...size, 3])
      assert.equal(digest(image.data), rgb)
    })
  }

  it('decodes a buffer as it does a file', async () => {
    const image = await decodeImage(readFileSync(fixture('420.jpg')))

    assert.equal(digest(image.data), expectedOfPython().images['420.jpg']?.rgb)
  })

  it('decodes AVIF, whose bytes are not those of Pillow', async () => {
    const { width, height, data } = await decodeImage(fixture('420.avif'))

    assert.deepEqual([width, height, data.length], [83, 61, 83 * 61 * 3])
  })

  describe('with exifOrientation', () => {
    for (const [name, { upright }] of Object.entries(expectedOfPython().images)) {
      if (!name.startsWith('turned')) continue
      it(`gives the bytes of Pillow's exif_transpose for ${name}`, async () => {
        const { data, width, height } = await decodeImage(fixture(name), { exifOrientation: true })

        assert.deepEqual([width, height], upright.size)
        assert.equal(digest(data), upright.rgb)
      })
    }
  })

  describe('given something else', () => {
    const folder = useTemporaryFolder()
    const write = (name: string, content: Uint8Array | string): string => {
      const path = join(folder(), name)
      writeFileSync(path, content)
      return path
    }

    it('refuses a missing file', async () => {
      const path = join(folder(), 'missing.jpg')

      await assert.rejects(decodeImage(path), { code: 'TORCH_FILE', message: `${path}: No such file` })
    })

    it('refuses a folder', async () => {
      const message = `${folder()}: Is a directory, expected a file`

      await assert.rejects(decodeImage(folder()), { code: 'TORCH_FILE', message })
    })

    it('refuses an empty file', async () => {
      const path = write('empty.png', '')

      await assert.rejects(decodeImage(path), { code: 'TORCH_IMAGE', message: `Cannot decode ${path}: It is empty` })
    })

    for (const [kind, content] of [
      ['a text file', 'not an image'],
      ['an SVG drawing', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ] as const) {
      it(`refuses ${kind}`, async () => {
        const path = write('image.png', content)
        const message = `Cannot decode ${path}: It is not a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM image`

        await assert.rejects(decodeImage(path), { code: 'TORCH_IMAGE', message })
      })
    }

    for (const name of ['420.jpg', 'rgb.png', 'lossy.webp', 'palette.gif', 'lzw.tif', 'cmyk.tif', '420.avif']) {
      it(`refuses a truncated copy of ${name}`, async () => {
        const bytes = readFileSync(fixture(name))

        await assert.rejects(decodeImage(bytes.subarray(0, Math.floor(bytes.length * 0.6))), {
          code: 'TORCH_IMAGE',
          message: /^Cannot decode image: [^\n]+$/,
        })
      })
    }

    for (const [width, height] of [
      [0, 5],
      [5, 0],
      [0, 0],
    ] as const) {
      it(`refuses a PNG of ${width} × ${height} pixels`, async () => {
        await assert.rejects(decodeImage(hollowPng(width, height)), { code: 'TORCH_IMAGE' })
      })
    }

    for (const name of ['420.jpg', 'rgb.png', 'lossy.webp', 'palette.gif', 'lzw.tif', '420.avif']) {
      it(`refuses each cut of the head of ${name}`, async () => {
        const bytes = readFileSync(fixture(name))

        for (let length = 1; length < 64; length++) {
          await assert.rejects(decodeImage(bytes.subarray(0, length)), { code: 'TORCH_IMAGE' }, `${length} bytes`)
        }
      })
    }

    it('decodes 30,000 × 1 pixels', async () => {
      const { width, height, data } = await decodeImage(paintedPng(30_000, 1))

      assert.deepEqual([width, height, data.length], [30_000, 1, 90_000])
    })

    it('refuses a JPEG that claims more than MAX_PIXELS before it decodes it', async () => {
      const bytes = readFileSync(fixture('420.jpg'))
      const frame = bytes.indexOf(Buffer.of(0xff, 0xc0))
      bytes.writeUInt16BE(10_000, frame + 5)
      bytes.writeUInt16BE(10_000, frame + 7)

      await assert.rejects(decodeImage(bytes), {
        code: 'TORCH_IMAGE',
        message: `Cannot decode image: Its 10000 × 10000 pixels are more than maxPixels, which is ${MAX_PIXELS}`,
      })
    })

    it('keeps no memory of 300 damaged images', async function () {
      this.timeout(60_000)
      const broken = paintedPng(1000, 1000).subarray(0, 600)
      const decode = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) await assert.rejects(decodeImage(broken), { code: 'TORCH_IMAGE' })
      }
      await decode(100)
      const before = process.memoryUsage().rss

      await decode(300)

      // A decoded image has 3 MB: of those of one in ten would be twice as much.
      assert.ok(process.memoryUsage().rss - before < 45e6, `${process.memoryUsage().rss - before} bytes`)
    })

    it('refuses an image of more than MAX_PIXELS before it decodes it', async () => {
      await assert.rejects(decodeImage(hollowPng(10_000, 10_000)), {
        code: 'TORCH_IMAGE',
        message: `Cannot decode image: Its 10000 × 10000 pixels are more than maxPixels, which is ${MAX_PIXELS}`,
      })
    })

    it('takes another limit', async () => {
      await assert.rejects(decodeImage(fixture('rgb.png'), { maxPixels: 83 * 61 - 1 }), { code: 'TORCH_IMAGE' })
      assert.equal((await decodeImage(fixture('rgb.png'), { maxPixels: 83 * 61 })).width, 83)
    })

    it('refuses options that it does not know', async () => {
      // @ts-expect-error -- an option of another name
      await assert.rejects(decodeImage(fixture('rgb.png'), { orientation: true }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'Expected options among exifOrientation, maxPixels, maxBytes, signal for decodeImage(), received "orientation" (did you mean exifOrientation?)',
      })
    })

    it('refuses a source that is neither path nor bytes', async () => {
      // @ts-expect-error -- a number
      await assert.rejects(decodeImage(5), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'Expected a path, a file: URL, bytes, a Blob, a Response, a stream of bytes, pixels or a sharp instance for source, received 5',
      })
    })
  })
})

describe('freeImage()', () => {
  for (const [name, { rgb }] of Object.entries(expectedOfPython().images)) {
    it(`frees the pixels of ${name}, and leaves the bytes of the file`, async () => {
      const content = readFileSync(fixture(name))
      const file = Uint8Array.from(content)
      const image = await decodeFile(file, 'image', {})
      freeImage(image)
      freeImage(image)

      assert.equal(image.data.byteLength, 0)
      assert.ok(content.equals(file))
      assert.equal(digest((await decodeImage(file)).data), rgb)
    })
  }

  it('leaves pixels that share their memory with others', () => {
    const data = new Uint8Array(new ArrayBuffer(24), 12)
    freeImage({ data, width: 2, height: 2, channels: 3 })

    assert.equal(data.byteLength, 12)
  })
})
