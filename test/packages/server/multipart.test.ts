import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { filesOfForm } from '../../../packages/server/lib/multipart.js'
import { inFolder } from '../../support/checkpoints.js'
import { testImages, writePng } from '../../support/images.js'
import { RawConnection, rawRequest } from '../../support/raw_http.js'
import { MODEL, useServer } from '../../support/server.js'

const BOUNDARY = 'x-boundary-7'
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`
const PLAIN = 'Content-Disposition: form-data; name="image"; filename="a.jpg"'

interface Part {
  readonly headers: string
  readonly data?: string | Uint8Array
}

function form(...parts: readonly Part[]): Buffer {
  return Buffer.concat([
    ...parts.flatMap(({ headers, data = 'DATA' }) => [
      Buffer.from(`--${BOUNDARY}\r\n${headers}\r\n\r\n`),
      Buffer.from(data as string),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ])
}

function filesOf(body: Buffer, type = TYPE, maxFiles = 8): string[] {
  return filesOfForm(body, type, maxFiles).map(({ name, bytes }) => `${name}: ${bytes.toString()}`)
}

/** Ways to write the headers of a file that are all valid, and the name that each gives. */
const HEADERS: readonly [what: string, headers: string, name: string][] = [
  ['a quoted file name', PLAIN, 'a.jpg'],
  ['a file name without quotes', 'Content-Disposition: form-data; name=image; filename=a.jpg', 'a.jpg'],
  ['a name of RFC 8187', `Content-Disposition: form-data; name="i"; filename*=UTF-8''na%C3%AFve.jpg`, 'naïve.jpg'],
  [
    'a name of RFC 8187 in Latin-1',
    `Content-Disposition: form-data; name="i"; filename*=iso-8859-1'fr'na%EFve.jpg`,
    'naïve.jpg',
  ],
  [
    'both names, of which the one of RFC 8187 counts',
    `Content-Disposition: form-data; name="i"; filename="naive.jpg"; filename*=utf-8''na%C3%AFve.jpg`,
    'naïve.jpg',
  ],
  [
    'a name of RFC 8187 that cannot be decoded beside a plain one',
    `Content-Disposition: form-data; name="i"; filename="naive.jpg"; filename*=utf-8''na%FFve.jpg`,
    'naive.jpg',
  ],
  ['escaped quotes', 'Content-Disposition: form-data; name="i"; filename="a \\"b\\".jpg"', 'a "b".jpg'],
  ['an escaped backslash', 'Content-Disposition: form-data; name="i"; filename="a\\\\b.jpg"', 'a\\b.jpg'],
  [
    'the backslashes of a path',
    'Content-Disposition: form-data; name="i"; filename="C:\\dir\\a.jpg"',
    'C:\\dir\\a.jpg',
  ],
  ['quotes as browsers send them', 'Content-Disposition: form-data; name="i"; filename="a%22b.jpg"', 'a%22b.jpg'],
  ['semicolons within quotes', 'Content-Disposition: form-data; name="i"; filename="a; name=b.jpg"', 'a; name=b.jpg'],
  ['spaces around the equals sign', 'Content-Disposition: form-data; name = "i"; filename = "a.jpg"', 'a.jpg'],
  ['a folded header', 'Content-Disposition: form-data;\r\n name="i";\r\n\tfilename="a.jpg"', 'a.jpg'],
  ['no spaces, other letters', 'CONTENT-DISPOSITION:Form-Data;NAME="i";FileName="a.jpg";', 'a.jpg'],
  ['UTF-8 as it is', 'Content-Disposition: form-data; name="i"; filename="naïve.jpg"', 'naïve.jpg'],
  ['the type before the name', `Content-Type: image/jpeg\r\n${PLAIN}`, 'a.jpg'],
  ['a type and no file name', 'Content-Disposition: form-data; name=image\r\nContent-Type: image/jpeg', 'image'],
]

const MALFORMED: readonly [what: string, body: Buffer | string, message: string][] = [
  ['no boundary', 'DATA', 'its boundary does not occur'],
  ['no headers', `--${BOUNDARY}\r\nDATA\r\n--${BOUNDARY}--\r\n`, 'a part has no headers'],
  ['no Content-Disposition', form({ headers: 'Content-Type: image/jpeg' }), 'a part is not form-data'],
  ['another disposition', form({ headers: 'Content-Disposition: attachment; filename=a' }), 'a part is not form-data'],
  [
    'a quote that is not closed',
    form({ headers: 'Content-Disposition: form-data; name="i"; filename="a.jpg' }),
    'the Content-Disposition of a part cannot be read',
  ],
  ['headers without end', form({ headers: PLAIN }).subarray(0, 40), 'a part has no headers'],
  ['a part without end', form({ headers: PLAIN }).subarray(0, 90), 'it ends within a part'],
  [
    'headers past their limit',
    form({ headers: `X: ${'x'.repeat(8200)}\r\n${PLAIN}` }),
    'the headers of a part exceed 8192 bytes',
  ],
  [
    'a malformed part behind a good one',
    form({ headers: PLAIN }, { headers: 'Content-Type: image/jpeg' }),
    'a part is not form-data',
  ],
]

describe('filesOfForm()', () => {
  for (const [what, headers, name] of HEADERS) {
    it(`reads ${what}`, () => {
      assert.deepEqual(filesOf(form({ headers })), [`${name}: DATA`])
    })
  }

  it('gives the bytes where they lie in the body, up to the boundary', () => {
    const data = 'x\r\n--x-boundary\r\n--\r\n-'
    const body = form({ headers: PLAIN, data }, { headers: PLAIN, data: '' })

    const files = filesOfForm(body, TYPE, 8)

    assert.deepEqual(
      files.map(({ bytes }) => bytes.toString()),
      [data, ''],
    )
    assert.ok(files.every(({ bytes }) => bytes.buffer === body.buffer))
  })

  it('leaves out fields that are not files, and what surrounds the parts', () => {
    const body = form({ headers: 'Content-Disposition: form-data; name="top"', data: '5' }, { headers: PLAIN })

    assert.deepEqual(filesOf(Buffer.concat([Buffer.from('preamble\r\n'), body, Buffer.from('epilogue')])), [
      'a.jpg: DATA',
    ])
  })

  it('reads spaces behind a boundary, a quoted boundary, and parameters before it', () => {
    const body = Buffer.from(`--${BOUNDARY} \t\r\n${PLAIN}\r\n\r\nDATA\r\n--${BOUNDARY}--\r\n`)

    assert.deepEqual(filesOf(body, `multipart/form-data; charset=utf-8; boundary="${BOUNDARY}"`), ['a.jpg: DATA'])
  })

  for (const [what, body, message] of MALFORMED) {
    it(`refuses ${what}`, () => {
      assert.throws(() => filesOf(Buffer.from(body as string)), {
        code: 'TORCH_REQUEST',
        message: `The body is not a valid form: ${message}`,
      })
    })
  }

  it('refuses more parts than maxFiles, fields included', () => {
    const parts = Array.from({ length: 9 }, () => ({ headers: 'Content-Disposition: form-data; name="x"' }))

    assert.deepEqual(filesOf(form(...parts.slice(1))), [])
    assert.throws(() => filesOf(form(...parts)), {
      code: 'TORCH_TOO_LARGE',
      message: 'Expected at most 8 parts in the form (maxSamples), received more',
    })
  })

  it('refuses a thousand quotes that are not closed, without trying all ways to pair them', () => {
    const headers = `Content-Disposition: form-data${'; a="\\'.repeat(1300)}`

    assert.throws(() => filesOf(form({ headers })), { code: 'TORCH_REQUEST' })
  })
})

describe('POST /v1/classify with a form', () => {
  const running = useServer()

  async function withBoot(body: (image: Buffer) => Promise<void>): Promise<void> {
    await inFolder(async (folder) => {
      const [boot] = await testImages(1)
      assert.ok(boot)
      await body(await readFile(await writePng(join(folder, 'boot.png'), boot)))
    })
  }

  function labelsOf(text: string): (readonly [name: string, label: string | undefined])[] {
    const { images } = JSON.parse(text) as { images: { name: string; answers: { label: string }[] }[] }
    return images.map(({ name, answers }) => [name, answers[0]?.label])
  }

  for (const [what, headers, name] of HEADERS) {
    it(`answers an image with ${what}`, async () => {
      await withBoot(async (data) => {
        await using connection = await RawConnection.open(running().url)
        const body = form({ headers, data })
        connection.send(rawRequest('POST', `/v1/classify/${MODEL}?top=1`, { 'content-type': TYPE }, body))

        const [answer] = await connection.first()

        assert.equal(answer?.status, 200, answer?.body)
        assert.deepEqual(labelsOf(Buffer.from(answer.body, 'latin1').toString()), [[name, 'Ankle boot']])
      })
    })
  }

  it('answers the images of a FormData in their order', async () => {
    await withBoot(async (image) => {
      const data = new FormData()
      const blob = new Blob([new Uint8Array(image)], { type: 'image/png' })
      data.append('first', blob, 'naïve "1".png')
      data.append('note', 'no file')
      data.append('second', blob, '2.png')

      const response = await fetch(`${running().url}/v1/classify/${MODEL}`, { method: 'POST', body: data })

      assert.deepEqual(labelsOf(await response.text()), [
        ['naïve %221%22.png', 'Ankle boot'],
        ['2.png', 'Ankle boot'],
      ])
    })
  })
})
