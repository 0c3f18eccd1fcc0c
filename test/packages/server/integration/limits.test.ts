import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { inFolder } from '../../../support/checkpoints.js'
import { RawConnection, rawRequest } from '../../../support/raw_http.js'
import { ask, MODEL, post, startServer, type RunningServer } from '../../../support/server.js'

type Options = Parameters<typeof startServer>[0]

const INFER = `/v2/models/${MODEL}/infer`
const SAMPLE = 3 * 28 * 28

async function withServer(options: Options, body: (running: RunningServer) => Promise<void>): Promise<void> {
  const running = await startServer(options)
  try {
    await body(running)
  } finally {
    await running.server.close({ graceMs: 2000 })
  }
}

function request(samples: number, parameters: object = {}): object {
  const input = {
    name: 'input',
    datatype: 'FP32',
    shape: [samples, 3, 28, 28],
    data: Array<number>(samples * SAMPLE).fill(0),
  }
  return { inputs: [input], parameters }
}

/** A PNG file of so many black pixels, which takes next to no bytes. */
async function blackPng(width: number, height: number): Promise<Buffer> {
  const { default: sharp } = await import('sharp')
  return sharp({ create: { width, height, channels: 3, background: 'black' }, limitInputPixels: false })
    .png()
    .toBuffer()
}

async function refusal(
  answer: Promise<{ status: number; body: unknown; headers: Headers }>,
): Promise<[number, string]> {
  const { status, body } = await answer
  return [status, (body as { code: string }).code]
}

describe('a server keeps to its limits:', function () {
  this.timeout(30_000)

  it('maxSamples and maxJsonBytes', async () => {
    await withServer({ maxSamples: 2, maxJsonBytes: 60_000 }, async ({ url }) => {
      assert.equal((await post(url + INFER, request(2))).status, 200)
      assert.deepEqual(await refusal(post(url + INFER, request(3))), [413, 'TORCH_TOO_LARGE'])
      assert.deepEqual(await refusal(post(url + INFER, request(20))), [413, 'TORCH_TOO_LARGE'])
    })
  })

  it('maxBodyBytes, before the body is read, and where its length is not said', async () => {
    await withServer({ maxBodyBytes: 10_000 }, async ({ url }) => {
      await using declared = await RawConnection.open(url)
      declared.send(
        `POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10001\r\n\r\n`,
      )
      assert.equal((await declared.first())[0]?.status, 413)

      await using chunked = await RawConnection.open(url)
      chunked.send(
        `POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
      )
      for (let piece = 0; piece < 11; piece++) chunked.send(`3e8\r\n${' '.repeat(1000)}\r\n`)
      assert.equal((await chunked.first())[0]?.status, 413)
    })
  })

  it('maxBodyBytes, for what a body unpacks to', async () => {
    await withServer({ maxBodyBytes: 1_000_000 }, async ({ url }) => {
      const bomb = gzipSync(Buffer.alloc(100_000_000))

      const answer = ask(url + INFER, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: new Uint8Array(bomb),
      })

      assert.ok(bomb.length < 1_000_000)
      assert.deepEqual(await refusal(answer), [413, 'TORCH_TOO_LARGE'])
    })
  })

  it('maxBytesInFlight, over all requests', async () => {
    await withServer({ maxBytesInFlight: 50_000 }, async ({ url }) => {
      await using slow = await RawConnection.open(url)
      slow.send(`POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 45000\r\n\r\n`)
      slow.send(' '.repeat(44_000))
      // Counted as soon as it is there.
      while (!/^napi_torch_body_bytes 44000$/m.test(await (await fetch(`${url}/metrics`)).text()));

      assert.deepEqual(await refusal(post(url + INFER, request(2))), [429, 'TORCH_QUEUE_FULL'])
    })
  })

  it('maxPixels, of a file of few bytes and of raw pixels', async () => {
    await withServer({ maxPixels: 1_000_000 }, async ({ url }) => {
      const file = await blackPng(20_000, 5000)
      const image = ask(`${url}/v1/classify/${MODEL}`, {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: new Uint8Array(file),
      })
      const input = { name: 'input', datatype: 'UINT8', shape: [1, 1001, 1000, 1], data: [] }

      assert.deepEqual(await refusal(image), [400, 'TORCH_IMAGE'])
      assert.deepEqual(await refusal(post(url + INFER, { inputs: [input] })), [413, 'TORCH_TOO_LARGE'])
    })
  })

  it('maxQueueSize, with the time after which to try again', async () => {
    await withServer({ maxQueueSize: 8, maxSamples: 8, maxBatchSize: 1 }, async ({ url }) => {
      const answers = await Promise.all(Array.from({ length: 40 }, () => post(url + INFER, request(4))))

      const full = answers.filter(({ status }) => status === 429)
      assert.ok(full.length > 0 && answers.some(({ status }) => status === 200))
      assert.ok(answers.every(({ status }) => status === 200 || status === 429))
      assert.equal(full[0]?.headers.get('retry-after'), '1')
      assert.equal((full[0].body as { code: string }).code, 'TORCH_QUEUE_FULL')
    })
  })

  it('deadlineMs, and the deadline of a request, by which no work is spent', async () => {
    await withServer({ maxBatchSize: 1, maxSamples: 64 }, async ({ url }) => {
      const batches = async (): Promise<number> => {
        const text = await (await fetch(`${url}/metrics`)).text()
        return Number(/^napi_torch_batch_size_samples_count\S* (\d+)$/m.exec(text)?.[1] ?? 0)
      }
      const before = await batches()

      const parameter = await post(url + INFER, request(1, { timeout: 1 }))
      const header = await post(url + INFER, request(1), { 'x-request-timeout-ms': '0.001' })

      assert.deepEqual([parameter.status, header.status], [504, 504])
      assert.equal((header.body as { code: string }).code, 'TORCH_DEADLINE')
      assert.equal(await batches(), before)
    })
    await withServer({ deadlineMs: 1, maxBatchSize: 1 }, async ({ url }) => {
      const answers = await Promise.all(Array.from({ length: 30 }, () => post(url + INFER, request(8))))
      assert.ok(answers.some(({ status }) => status === 504))
    })
  })

  it('tokens: from a setting or a file, and none needed for health and metrics', async () => {
    await inFolder(async (folder) => {
      const tokenFile = join(folder, 'tokens')
      await writeFile(tokenFile, 'one\n\n two \n')
      await withServer({ token: 'zero', tokenFile }, async ({ url }) => {
        const statusOf = async (path: string, token?: string): Promise<number> => {
          const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
          return (await fetch(url + path, { headers })).status
        }
        assert.deepEqual(
          await Promise.all(['zero', 'one', 'two', 'three', '', undefined].map((token) => statusOf('/v2', token))),
          [200, 200, 200, 401, 401, 401],
        )
        assert.deepEqual(
          await Promise.all(['/livez', '/readyz', '/metrics', '/v2/health/ready'].map((path) => statusOf(path))),
          [200, 200, 200, 200],
        )
        const { headers } = await fetch(`${url}/v2`)
        assert.equal(headers.get('www-authenticate'), 'Bearer')
      })
    })
  })

  it('repositoryControl: models are loaded and unloaded by holders of the admin token alone', async () => {
    const path = `/v2/repository/models/${MODEL}`
    await withServer({}, async ({ url }) => {
      assert.deepEqual(await refusal(post(`${url}${path}/unload`, {})), [404, 'TORCH_NOT_FOUND'])
    })
    await withServer({ repositoryControl: true, adminToken: 'admin', token: 'user' }, async ({ url }) => {
      const user = { authorization: 'Bearer user' }
      const admin = { authorization: 'Bearer admin' }
      assert.deepEqual(await refusal(post(`${url}${path}/unload`, {}, user)), [401, 'TORCH_UNAUTHORIZED'])

      assert.equal((await post(`${url}${path}/unload`, {}, admin)).status, 200)
      assert.deepEqual(await refusal(post(url + INFER, request(1), user)), [503, 'TORCH_NOT_READY'])
      assert.equal((await ask(`${url}/readyz`)).status, 200)

      assert.equal((await post(`${url}${path}/load`, {}, admin)).status, 200)
      assert.equal((await post(url + INFER, request(1), user)).status, 200)
      assert.deepEqual(await refusal(post(`${url}${path}/load`, { parameters: { config: '{}' } }, admin)), [
        400,
        'TORCH_REQUEST',
      ])
    })
  })

  it('rateLimit, for each token', async () => {
    await withServer({ rateLimit: 0.001, rateBurst: 3, token: 'one' }, async ({ url }) => {
      const statuses: number[] = []
      for (let call = 0; call < 5; call++) {
        statuses.push((await fetch(`${url}/v2`, { headers: { authorization: 'Bearer one' } })).status)
      }
      assert.deepEqual(statuses, [200, 200, 200, 429, 429])
    })
  })

  it('maxConnections', async () => {
    await withServer({ maxConnections: 3 }, async ({ url }) => {
      const connections = await Promise.all(Array.from({ length: 3 }, () => RawConnection.open(url)))
      // All three are there once each has been answered.
      for (const connection of connections) {
        connection.send(rawRequest('GET', '/livez', {}, ''))
        assert.equal((await connection.first())[0]?.status, 200)
      }

      const fourth = await RawConnection.open(url)
      fourth.send(rawRequest('GET', '/livez', {}, ''))

      assert.deepEqual(await fourth.answers(), [])
      for (const connection of connections) await connection[Symbol.asyncDispose]()
    })
  })

  it('headerTimeoutMs and requestTimeoutMs, which end connections that send too slowly', async () => {
    await withServer({ headerTimeoutMs: 200, requestTimeoutMs: 400 }, async ({ url }) => {
      await using headers = await RawConnection.open(url)
      headers.send('POST /v2 HTTP/1.1\r\nhost: x\r\n')
      await using body = await RawConnection.open(url)
      body.send(`POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`)

      const [slowHeaders] = await headers.answers()
      const [slowBody] = await body.answers()

      assert.equal(slowHeaders?.status, 408)
      assert.equal(slowBody?.status, 408)
    })
  })

  it('idleTimeoutMs, which ends connections that say nothing', async () => {
    await withServer({ idleTimeoutMs: 200 }, async ({ url }) => {
      const connection = await RawConnection.open(url)
      connection.send(rawRequest('GET', '/livez', {}, ''))

      const answers = await connection.answers()

      assert.deepEqual(
        answers.map(({ status }) => status),
        [200],
      )
    })
  })
})
