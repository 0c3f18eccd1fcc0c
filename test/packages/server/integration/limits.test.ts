import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
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

  it('65,536 bytes of JSON about the repository', async () => {
    await withServer({}, async ({ url }) => {
      const { status, body } = await post(`${url}/v2/repository/index`, { ready: true, other: ' '.repeat(70_000) })

      const error = 'Expected at most 65536 bytes of JSON for the repository, received 70025'
      assert.deepEqual([status, body], [413, { error, code: 'TORCH_TOO_LARGE' }])
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
    await withServer({ maxBytesInFlight: 50_000, maxClientShare: 1 }, async ({ url }) => {
      await using slow = await RawConnection.open(url)
      slow.send(`POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 45000\r\n\r\n`)
      slow.send(' '.repeat(44_000))
      // Counted as soon as it is there.
      while (!/^napi_torch_body_bytes 44000$/m.test(await (await fetch(`${url}/metrics`)).text()));

      assert.deepEqual(await refusal(post(url + INFER, request(2))), [429, 'TORCH_QUEUE_FULL'])
    })
  })

  it('maxBytesInFlight, of what bodies unpack and parse to, which is all given back', async () => {
    await withServer({ maxBytesInFlight: 8_000_000 }, async ({ url }) => {
      const packed = new Uint8Array(gzipSync(Buffer.alloc(7_000_000, ' ')))
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => refusal(ask(url + INFER, { method: 'POST', headers, body: packed }))),
      )

      assert.deepEqual(answers, Array(10).fill([429, 'TORCH_QUEUE_FULL']))
      assert.deepEqual(await refusal(post(url + INFER, { inputs: ' '.repeat(600_000) })), [429, 'TORCH_QUEUE_FULL'])
      assert.equal((await post(url + INFER, request(1))).status, 200)
      assert.match(await (await fetch(`${url}/metrics`)).text(), /^napi_torch_body_bytes 0$/m)
    })
  })

  it('maxBytesInFlight, of decoded images', async () => {
    await withServer({ maxBytesInFlight: 20_000_000, maxClientShare: 1 }, async ({ url }) => {
      const file = new Uint8Array(await blackPng(3000, 3000))
      const headers = { 'content-type': 'image/png' }

      const image = ask(`${url}/v1/classify/${MODEL}`, { method: 'POST', headers, body: file })

      assert.deepEqual(await refusal(image), [429, 'TORCH_QUEUE_FULL'])
    })
  })

  it('minBodyBytesPerSecond, which ends an upload that has stopped', async () => {
    await withServer({}, async ({ url }) => {
      await using slow = await RawConnection.open(url)
      slow.send(`POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 45000\r\n\r\n `)

      const [answer] = await slow.answers()

      assert.equal(answer?.status, 408)
      assert.equal((JSON.parse(answer.body) as { code: string }).code, 'TORCH_TOO_SLOW')
    })
  })

  it('a body that was refused is read all the same, so that its client sees the response and goes on', async () => {
    await withServer({ maxBodyBytes: 10_000, token: 'secret' }, async ({ url }) => {
      const large = 'x'.repeat(5_000_000)
      await using connection = await RawConnection.open(url)
      for (const authorization of ['', 'authorization: Bearer secret\r\n']) {
        connection.send(
          `POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${authorization}content-length: ${large.length}\r\n\r\n${large}`,
        )
      }
      connection.send('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n')

      const answers = await connection.first(3)

      assert.deepEqual(
        answers.map(({ status }) => status),
        [401, 413, 200],
      )
    })
  })

  it('maxDiscardBytes and discardMs, which end the reading of a refused body', async () => {
    for (const limits of [{ maxDiscardBytes: 100_000 }, { discardMs: 300 }]) {
      await withServer({ maxBodyBytes: 10_000, ...limits }, async ({ url }) => {
        await using connection = await RawConnection.open(url)
        connection.send(
          `POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50000000\r\n\r\n`,
        )
        await connection.first()
        connection.send('x'.repeat(200_000))

        assert.equal((await connection.answers())[0]?.status, 413)
      })
    }
  })

  it('a client that asks with Expect is told to send its body only where it will be read', async () => {
    await withServer({ maxBodyBytes: 10_000_000 }, async ({ url }) => {
      const body = JSON.stringify(request(1))
      const head = (path: string, length: number): string =>
        `POST ${path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`
      await using welcome = await RawConnection.open(url)
      welcome.send(head(INFER, Buffer.byteLength(body)))
      assert.equal((await welcome.first())[0]?.status, 100)
      welcome.send(body)
      assert.equal((await welcome.first(2))[1]?.status, 200)

      for (const [path, length] of [
        [INFER, 10_000_001],
        ['/v2/models/unknown/infers', 10],
      ] as const) {
        await using refused = await RawConnection.open(url)
        refused.send(head(path, length))
        const statuses = (await refused.answers()).map(({ status }) => status)
        assert.deepEqual(statuses, [length > 10 ? 413 : 404])
      }
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
    await withServer({ deadlineMs: 500 }, async ({ url }) => {
      // The time in which a body arrives does not count, and 0 means no deadline of its own.
      const body = JSON.stringify(request(1, { timeout: 0 }))
      await using slow = await RawConnection.open(url)
      slow.send(
        `POST ${INFER} HTTP/1.1\r\nhost: x\r\nx-request-timeout-ms: 0\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
      )
      await delay(700)
      slow.send(body)
      assert.equal((await slow.first())[0]?.status, 200)
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
      await withServer({ token: 'zero', tokenFile }, async ({ url, server }) => {
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

        // Secrets rotate.
        await writeFile(tokenFile, 'two\nthree\n')
        await server.reload()
        assert.deepEqual(
          await Promise.all(['zero', 'one', 'two', 'three'].map((token) => statusOf('/v2', token))),
          [200, 401, 200, 200],
        )
        await writeFile(tokenFile, '')
        await assert.rejects(server.reload(), { code: 'TORCH_FILE' })
        assert.equal(await statusOf('/v2', 'three'), 200)
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
      // However the header is written, the token is the same.
      const spaced = await fetch(`${url}/v2`, { headers: { authorization: 'bearer    one' } })
      assert.equal(spaced.status, 429)
      // Nor are addresses that there are not a way around it, and no one without a token learns which there are.
      const unknown = await fetch(`${url}/v3`, { headers: { authorization: 'Bearer one' } })
      assert.deepEqual([unknown.status, (await fetch(`${url}/v3`)).status], [429, 401])
    })
  })

  it('maxAuthFailures, after which an address may not even try the right token for a while', async () => {
    const options = { maxAuthFailures: 3, token: 'one', repositoryControl: true, adminToken: 'admin' }
    await withServer(options, async ({ url }) => {
      const statusOf = async (authorization: string): Promise<number> => {
        return (await fetch(`${url}/v2`, { headers: { authorization } })).status
      }
      const load = `${url}/v2/repository/models/${MODEL}/load`
      assert.equal((await fetch(load, { method: 'POST', headers: { authorization: 'Bearer x' } })).status, 401)
      assert.deepEqual(
        [await statusOf('Bearer two'), await statusOf('Bearer one'), await statusOf('Bearer three')],
        [401, 200, 401],
      )
      assert.deepEqual([await statusOf('Bearer four'), await statusOf('Bearer one')], [429, 429])
    })
  })

  it('trustProxy, by whose word clients are told apart, and no word of others', async () => {
    for (const [trustProxy, expected] of [
      ['127.0.0.1, ::1', [200, 200, 429]],
      ['', [200, 429, 429]],
    ] as const) {
      await withServer({ rateLimit: 0.001, rateBurst: 1, trustProxy }, async ({ url, log }) => {
        const statuses: number[] = []
        for (const client of ['10.0.0.1', '10.0.0.2', '10.0.0.1']) {
          statuses.push((await fetch(`${url}/v2`, { headers: { 'x-forwarded-for': client } })).status)
        }
        assert.deepEqual(statuses, expected)
        const addresses = log.flatMap((line) => (JSON.parse(line) as { address?: string }).address ?? [])
        assert.ok(addresses.includes(trustProxy === '' ? '127.0.0.1' : '10.0.0.2'), addresses.join())
      })
    }
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
