import assert from 'node:assert/strict'
import { gunzipSync, inflateSync } from 'node:zlib'

import fastify from 'fastify'

import { sendBody } from '../../../packages/server/lib/reply.js'

interface Sent {
  readonly encoding: string | undefined
  readonly length: string | undefined
  readonly body: Buffer
}

/** Sends pieces over HTTP to a client with this header. */
async function send(pieces: readonly Buffer[], accepted = ''): Promise<Sent> {
  const app = fastify()
  app.get('/', (request, reply) => sendBody(request, reply, pieces, 'application/json'))
  try {
    const { headers, rawPayload } = await app.inject({ url: '/', headers: { 'accept-encoding': accepted } })
    assert.equal(headers['content-type'], 'application/json')
    const length = headers['content-length']
    return { encoding: headers['content-encoding'], length: length?.toString(), body: rawPayload }
  } finally {
    await app.close()
  }
}

const encodingFor = async (accepted: string): Promise<string | undefined> =>
  (await send([Buffer.alloc(5000)], accepted)).encoding

describe('sendBody()', () => {
  for (const [accepted, encoding] of [
    ['gzip', 'gzip'],
    ['br, deflate;q=0.5', 'deflate'],
    ['gzip;q=0, deflate', 'deflate'],
    ['GZIP ; q=1', 'gzip'],
    ['identity', undefined],
    ['', undefined],
  ] as const) {
    it(`gives ${String(encoding)} for ${JSON.stringify(accepted)}`, async () => {
      assert.equal(await encodingFor(accepted), encoding)
    })
  }

  for (const length of [10, 5000, 3_000_000]) {
    it(`sends ${length} bytes in pieces, packed and as they are`, async () => {
      const whole = Buffer.from(Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) % 256))
      const pieces = [whole.subarray(0, 4), whole.subarray(4, length / 2), whole.subarray(length / 2)]

      const plain = await send(pieces)
      assert.deepEqual([plain.length, plain.encoding], [String(length), undefined])
      assert.ok(plain.body.equals(whole))

      for (const [name, unpack] of Object.entries({ gzip: gunzipSync, deflate: inflateSync })) {
        const { encoding, body } = await send(pieces, name)
        assert.equal(encoding, length < 4096 ? undefined : name)
        assert.ok((encoding === undefined ? body : unpack(body)).equals(whole), name)
      }
    })
  }

  it('reads 16 kB of blanks in linear time: a hundred such headers take less than ten seconds', async () => {
    const blanks = ' '.repeat(16_000)
    const startedAt = performance.now()

    for (let turn = 0; turn < 50; turn++) {
      assert.equal(await encodingFor(`gzip;${blanks}x${blanks}q=0`), 'gzip')
      assert.equal(await encodingFor(`x${blanks}x`), undefined)
    }

    // With an expression for blanks, one such header took 124 ms.
    assert.ok(performance.now() - startedAt < 10_000, `${performance.now() - startedAt} ms`)
  })
})
