import assert from 'node:assert/strict'
import { createReadStream, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

import { Classifier, decodeImage, type ImageSource, type Prediction } from 'napi-torch'
import sharp, { type Sharp } from 'sharp'

import { CHECKPOINT } from '../support/fashion_mnist.js'
import { fixture } from '../support/vision.js'

const PATH = fixture('turned-6.jpg')
const BYTES = readFileSync(PATH)
const ARRAY = Uint8Array.from(BYTES).buffer

function shared(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(BYTES.length)
  new Uint8Array(buffer).set(BYTES)
  return buffer
}

async function* halves(): AsyncGenerator<Uint8Array> {
  yield BYTES.subarray(0, 100)
  await Promise.resolve()
  yield BYTES.subarray(100)
}

const SOURCES: readonly (readonly [what: string, make: () => ImageSource])[] = [
  ['a path', () => PATH],
  ['a file: URL', () => pathToFileURL(PATH)],
  ['a file: URL as text', () => pathToFileURL(PATH).href],
  ['a data: URL', () => `data:image/jpeg;base64,${BYTES.toString('base64')}`],
  ['a data: URL with percent signs', () => new URL(`data:,${[...BYTES].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('')}`)],
  ['a Buffer', () => BYTES],
  ['an ArrayBuffer', () => ARRAY],
  ['a SharedArrayBuffer', () => shared()],
  ['a Uint8Array of a SharedArrayBuffer', () => new Uint8Array(shared())],
  ['a Uint8ClampedArray', () => new Uint8ClampedArray(BYTES)],
  ['a DataView', () => new DataView(ARRAY)],
  ['an Int8Array that begins inside of a buffer', () => new Int8Array(Uint8Array.from([0, 0, 0, ...BYTES]).buffer, 3)],
  ['a Blob', () => new Blob([BYTES])],
  ['a File of a form', () => { const form = new FormData(); form.set('image', new File([BYTES], 'a.jpg')); return form.get('image') as File }],
  ['a Response', () => new Response(BYTES)],
  ['a Response of a stream', () => new Response(Readable.toWeb(Readable.from(halves())) as ReadableStream)],
  ['a Request', () => new Request('http://localhost', { method: 'POST', body: BYTES })],
  ['a web stream', () => new Blob([BYTES]).stream()],
  ['a file stream', () => createReadStream(PATH, { highWaterMark: 64 })],
  ['a stream of Node', () => Readable.from(halves(), { objectMode: false })],
] // prettier-ignore

/** `width` × `height` pixels whose colors differ, with alpha. */
const RGBA = Uint8ClampedArray.from({ length: 4 * 3 * 2 }, (_, index) => index * 7)
const RGB = Uint8Array.from(RGBA).filter((_, index) => index % 4 !== 3)

describe('decodeImage()', () => {
  let expected: Awaited<ReturnType<typeof decodeImage>>
  before(async () => (expected = await decodeImage(PATH)))

  for (const [what, make] of SOURCES) {
    it(`takes ${what}`, async () => {
      assert.deepEqual(await decodeImage(make()), expected)
    })
  }

  const PIXELS: readonly (readonly [what: string, make: () => ImageSource | Promise<ImageSource>])[] = [
    ['ImageData', () => ({ data: RGBA, width: 3, height: 2 })],
    ['RGBA pixels', () => ({ data: Buffer.from(RGBA), width: 3, height: 2, channels: 4 })],
    ['RGB pixels', () => ({ data: RGB, width: 3, height: 2, channels: 3 })],
    ['what sharp gives as raw pixels', () => rgba().raw().toBuffer({ resolveWithObject: true })],
    ['what sharp gives as PNG', () => rgba().png().toBuffer({ resolveWithObject: true })],
    ['an instance of sharp', () => rgba()],
    ['an instance of sharp that encodes', () => rgba().png()],
  ]
  const rgba = (): Sharp => sharp(Buffer.from(RGBA), { raw: { width: 3, height: 2, channels: 4 } })
  for (const [what, make] of PIXELS) {
    it(`takes ${what}, and drops alpha`, async () => {
      const { data, ...size } = await decodeImage(await make())

      assert.deepEqual([[...data], size], [[...RGB], { height: 2, width: 3, channels: 3 }])
    })
  }

  it('repeats gray, with alpha and without', async () => {
    const gray = await decodeImage({ data: Uint8Array.of(5, 9), width: 2, height: 1, channels: 1 })
    const withAlpha = await decodeImage({ data: Uint8Array.of(5, 0, 9, 1), width: 2, height: 1, channels: 2 })

    assert.deepEqual([[...gray.data], [...withAlpha.data]], [[5, 5, 5, 9, 9, 9], [5, 5, 5, 9, 9, 9]]) // prettier-ignore
  })

  it('takes a request of a server', async () => {
    const server = createServer((request, response) => {
      const answer = decodeImage(request).then(({ width, height }) => `${width} × ${height}`)
      answer.then((text) => response.end(text)).catch((error: unknown) => response.end(String(error)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: BYTES })
      assert.equal(await response.text(), `${expected.width} × ${expected.height}`)
      await assert.rejects(decodeImage(await fetch(`http://127.0.0.1:${port}`, { method: 'POST' }).then(async (r) => (await r.text(), r))), {
        code: 'TORCH_FILE',
        message: /Its body has been read before$/,
      }) // prettier-ignore
    } finally {
      server.close()
    }
  })

  const REFUSED: readonly (readonly [what: string, make: () => unknown, code: string, message: RegExp])[] = [
    ['an address', () => 'https://example.com/a.jpg', 'TORCH_FILE', /^https:\/\/example\.com\/a\.jpg: Is an address, and nothing is downloaded: fetch the file first, as with `curl -LO`, or pass/],
    ['an address as URL', () => new URL('http://example.com/a.jpg'), 'TORCH_FILE', /Is an address, and nothing/],
    ['another address', () => 's3://bucket/a.jpg', 'TORCH_FILE', /Is an address, expected the path of a file/],
    ['a home directory', () => '~/a.jpg', 'TORCH_FILE', /Begins with ~/],
    ['a file: URL of another machine', () => new URL('file://host/a.jpg'), 'TORCH_FILE', /Is no file: URL of a path on this machine/],
    ['a data: URL without data', () => 'data:image/png', 'TORCH_FILE', /without a comma/],
    ['a data: URL that is cut', () => 'data:,%f', 'TORCH_FILE', /percent signs/],
    ['an answer that is an error', () => new Response('no', { status: 404 }), 'TORCH_FILE', /The server answers 404$/],
    ['a stream of text', () => Readable.from(['a'], { objectMode: false, encoding: 'utf8' }), 'TORCH_INVALID_ARGUMENT', /a stream that gives "a"$/],
    ['a stream that fails', () => new Readable({ read() { this.destroy(new Error('lost')) } }), 'TORCH_FILE', /^Cannot read source: lost$/],
    ['a locked stream', () => { const stream = new Blob([BYTES]).stream(); stream.getReader(); return stream }, 'TORCH_FILE', /^Cannot read source: .*locked/],
    ['a number', () => 3, 'TORCH_INVALID_ARGUMENT', /^Expected a path, a file: URL, bytes, .* for source, received 3$/],
    ['pixels that are too few', () => ({ data: RGBA, width: 3, height: 3, channels: 4 }), 'TORCH_INVALID_ARGUMENT', /^Expected 3 × 3 × 4 bytes/],
    ['pixels of no whole number of channels', () => ({ data: RGBA, width: 5, height: 2 }), 'TORCH_INVALID_ARGUMENT', /^Expected 1, 2, 3 or 4 for channels of source, received 2\.4$/],
    ['pixels of floats', () => ({ data: new Float32Array(24), width: 3, height: 2 }), 'TORCH_INVALID_ARGUMENT', /^Expected a Uint8Array or Uint8ClampedArray/],
    ['an instance of sharp that fails', () => sharp(Buffer.from('no')), 'TORCH_IMAGE', /^Cannot decode source: Input buffer contains unsupported/],
  ] // prettier-ignore
  for (const [what, make, code, message] of REFUSED) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(decodeImage(make() as ImageSource), { name: 'TorchError', code, message })
    })
  }

  const LARGE: readonly (readonly [what: string, make: () => ImageSource])[] = [
    ['a file', () => PATH],
    ['a Blob', () => new Blob([BYTES])],
    ['a Response', () => new Response(BYTES, { headers: { 'content-length': String(BYTES.length) } })],
    ['a stream without an end', () => Readable.from(endless(), { objectMode: false })],
    ['a web stream without an end', () => Readable.toWeb(Readable.from(endless(), { objectMode: false })) as ReadableStream],
    ['a device without an end', () => '/dev/zero'],
  ] // prettier-ignore
  function* endless(): Generator<Uint8Array> {
    for (;;) yield new Uint8Array(10)
  }
  for (const [what, make] of LARGE) {
    it(`refuses ${what} of more than maxBytes`, async () => {
      await assert.rejects(decodeImage(make(), { maxBytes: 100 }), {
        code: 'TORCH_IMAGE',
        message: /: Has more than 100 bytes$/,
      })
    })
  }

  it('stops reading a stream when the signal is aborted', async () => {
    const controller = new AbortController()
    const stream = new PassThrough()
    const decoding = decodeImage(stream, { signal: controller.signal })
    await setImmediate()
    controller.abort(new Error('enough'))

    await assert.rejects(decoding, { message: 'enough' })
    assert.ok(stream.destroyed)
  })
})

describe('Classifier', function () {
  this.timeout(60_000)

  /** Another size of the batch, or another choice of kernels, changes the last bits of the probabilities. */
  const namesOf = (predictions: readonly Prediction[]): unknown => predictions.map(({ label }) => label)

  it('takes a byte stream for one image, and a stream of objects for several', async () => {
    const classifier = await Classifier.load(CHECKPOINT)
    try {
      const one = namesOf(await classifier.classify(PATH))
      assert.deepEqual(namesOf(await classifier.classify(createReadStream(PATH))), one)
      assert.deepEqual((await classifier.classify([new Blob([BYTES]), ARRAY])).map(namesOf), [one, one])

      const several = classifier.classify(Readable.from([BYTES, PATH]) as AsyncIterable<ImageSource>)
      const answers: unknown[] = []
      for await (const { predictions } of several) answers.push(namesOf(predictions ?? []))
      assert.deepEqual(answers, [one, one])
    } finally {
      await classifier.close()
    }
  })

  it('takes a checkpoint, labels and a preset out of a Blob, a URL and a stream', async () => {
    const bytes = readFileSync(CHECKPOINT)
    const one = await Classifier.load(CHECKPOINT)
    const other = await Classifier.load(new Blob([bytes]), { preset: one.preset })
    const third = await Classifier.load(pathToFileURL(CHECKPOINT))
    try {
      const answer = namesOf(await one.classify(PATH))
      assert.deepEqual(namesOf(await other.classify(PATH)), answer)
      assert.deepEqual(namesOf(await third.classify(PATH)), answer)
    } finally {
      await Promise.all([one, other, third].map((classifier) => classifier.close()))
    }
  })
})
