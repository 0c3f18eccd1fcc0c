import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:http2'
import { connect as connectSocket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { ChannelCredentials, status as Status } from '@grpc/grpc-js'

import { makeCertificate } from '../../../support/certificate.js'
import { inFolder } from '../../../support/checkpoints.js'
import { GrpcClient, HEALTH } from '../../../support/grpc.js'
import { MODEL, startServer, type RunningServer } from '../../../support/server.js'
import { skip } from '../../../support/skip.js'

const SAMPLE_BYTES = 4 * 3 * 28 * 28

function request(samples = 1, more: object = {}): object {
  const inputs = [{ name: 'input', datatype: 'FP32', shape: [samples, 3, 28, 28] }]
  return { model_name: MODEL, inputs, raw_input_contents: [Buffer.alloc(samples * SAMPLE_BYTES)], ...more }
}

type Options = Parameters<typeof startServer>[0]

async function withServer(
  options: Options,
  body: (client: GrpcClient, running: RunningServer) => Promise<void>,
): Promise<void> {
  const running = await startServer({ grpc: true, grpcPort: 0, ...options })
  using client = new GrpcClient(running.server.grpcAddress ?? '')
  try {
    await body(client, running)
  } finally {
    await running.server.close({ graceMs: 2000 })
  }
}

async function bodyBytes({ url }: RunningServer): Promise<number> {
  return Number(/^napi_torch_body_bytes (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1])
}

/** The beginning of a call: headers, and so many bytes of a message that says that it has `length`. */
function begin(
  address: string,
  bytes: number,
  headers: object = {},
  length = 1_000_000,
): { close: () => void; ended: Promise<string> } {
  const session = connect(`http://${address}`)
  const stream = session.request({
    ':method': 'POST',
    ':path': '/inference.GRPCInferenceService/ModelInfer',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  })
  const head = Buffer.from([0, 0, 0, 0, 0])
  head.writeUInt32BE(length, 1)
  stream.write(Buffer.concat([head, Buffer.alloc(bytes)]))
  const ended = new Promise<string>((resolve) => {
    stream.on('response', (received) => resolve(String(received['grpc-status'])))
    stream.on('error', () => resolve('error'))
  })
  return { close: () => session.destroy(), ended }
}

describe('a server keeps to its limits over gRPC:', function () {
  this.timeout(60_000)

  it('maxBodyBytes, of a message, and of what it unpacks to', async () => {
    await withServer({ maxBodyBytes: 50_000 }, async (client, { server }) => {
      assert.equal((await client.call('ModelInfer', request(5))).code, Status.OK)
      assert.equal((await client.call('ModelInfer', request(6))).code, Status.RESOURCE_EXHAUSTED)
      using packing = new GrpcClient(server.grpcAddress ?? '', undefined, {
        'grpc.default_compression_algorithm': 2,
      })
      assert.equal((await packing.call('ModelInfer', request(5))).code, Status.OK)
      assert.equal((await packing.call('ModelInfer', request(64))).code, Status.RESOURCE_EXHAUSTED)
    })
  })

  it('maxSamples', async () => {
    await withServer({ maxSamples: 2 }, async (client) => {
      assert.equal((await client.call('ModelInfer', request(2))).code, Status.OK)
      const { code, torch } = await client.call('ModelInfer', request(3))
      assert.deepEqual([code, torch], [Status.INVALID_ARGUMENT, 'TORCH_TOO_LARGE'])
    })
  })

  it('maxBytesInFlight, while messages arrive, and gives all of it back', async () => {
    await withServer({ maxBytesInFlight: 400_000, maxClientShare: 1 }, async (client, running) => {
      const first = begin(running.server.grpcAddress ?? '', 350_000)
      while ((await bodyBytes(running)) < 350_000);

      const { code, torch } = await client.call('ModelInfer', request(8))
      assert.deepEqual([code, torch], [Status.RESOURCE_EXHAUSTED, 'TORCH_QUEUE_FULL'])

      first.close()
      while ((await bodyBytes(running)) > 0);
      assert.equal((await client.call('ModelInfer', request(8))).code, Status.OK)
      assert.equal(await bodyBytes(running), 0)
    })
  })

  it('maxBytesInFlight, for what a packed message may unpack to', async () => {
    await withServer(
      { maxBytesInFlight: 400_000, maxBodyBytes: 380_000, maxClientShare: 1 },
      async (client, running) => {
        const first = begin(running.server.grpcAddress ?? '', 1000, { 'grpc-encoding': 'gzip' }, 2000)
        while ((await bodyBytes(running)) < 380_000);

        assert.equal((await client.call('ModelInfer', request(2))).torch, 'TORCH_QUEUE_FULL')
        first.close()
      },
    )
  })

  it('maxBytesInFlight, for objects that a message would become', async () => {
    await withServer({ maxBytesInFlight: 8_000_000 }, async (client, running) => {
      // Files of no bytes: every one would be an object.
      const contents = { bytes_contents: Array<Buffer>(50_000).fill(Buffer.alloc(0)) }
      const { torch } = await client.call('ModelInfer', { model_name: MODEL, inputs: [{ name: 'input', contents }] })
      assert.equal(torch, 'TORCH_QUEUE_FULL')
      assert.equal(await bodyBytes(running), 0)
    })
  })

  it('minBodyBytesPerSecond', async () => {
    await withServer({}, async (_client, { server, log }) => {
      const { ended, close } = begin(server.grpcAddress ?? '', 100)

      assert.equal(await ended, String(Status.ABORTED))
      close()
      assert.ok(log.some((line) => line.includes('"TORCH_TOO_SLOW"')))
    })
  })

  it('grpcMaxCalls, of one connection, whose other calls wait', async () => {
    await withServer({ grpcMaxCalls: 1 }, async (client) => {
      const stream = client.stream()
      stream.write(request())
      await once(stream, 'data')
      let isAnswered = false
      const waiting = client.call('ServerLive', {}).then(() => (isAnswered = true))
      await delay(200)
      assert.equal(isAnswered, false)

      stream.end()
      await waiting
    })
  })

  it('maxConnections', async () => {
    await withServer({ maxConnections: 1 }, async (client, { server }) => {
      assert.equal((await client.call('ServerLive', {})).code, Status.OK)
      const [host, port] = (server.grpcAddress ?? '').split(':')
      const socket = connectSocket({ host: host ?? '', port: Number(port) })

      await Promise.race([once(socket, 'close'), once(socket, 'error')])
    })
  })

  it('rateLimit, of each message of a stream, too', async () => {
    await withServer({ rateLimit: 0.001, rateBurst: 3 }, async (client) => {
      const stream = client.stream()
      const errors: string[] = []
      stream.on('data', (message: { error_message: string }) => errors.push(message.error_message))
      for (let index = 0; index < 3; index++) stream.write(request())
      stream.end()
      await once(stream, 'end')

      assert.deepEqual(errors.slice(0, 2), ['', ''])
      assert.match(errors[2] ?? '', /\(rateLimit\), received more$/)
      const { code, torch } = await client.call('ServerMetadata', {})
      assert.deepEqual([code, torch], [Status.RESOURCE_EXHAUSTED, 'TORCH_RATE_LIMIT'])
      assert.equal((await client.call('ServerLive', {})).code, Status.OK)
    })
  })

  it('tokens, which a call carries before its message is read', async () => {
    const options = { token: 'secret', adminToken: 'admin', repositoryControl: true, maxAuthFailures: 4 }
    await withServer(options, async (client, { server }) => {
      assert.equal((await client.call('ModelInfer', request(), { token: 'secret' })).code, Status.OK)
      assert.equal((await client.call('ServerReady', {})).code, Status.OK)
      assert.equal((await client.call('Check', {}, { service: HEALTH })).code, Status.OK)
      const unfinished = begin(server.grpcAddress ?? '', 10)
      assert.equal(await unfinished.ended, String(Status.UNAUTHENTICATED))
      unfinished.close()
      const load = (token: string): ReturnType<typeof client.call> =>
        client.call('RepositoryModelLoad', { model_name: MODEL }, { token })
      assert.equal((await load('secret')).code, Status.UNAUTHENTICATED)
      assert.equal((await load('admin')).code, Status.OK)
      assert.equal((await client.call('RepositoryModelUnload', { model_name: MODEL }, { token: 'admin' })).code, 0)
      const unloaded = await client.call('ModelInfer', request(), { token: 'secret' })
      assert.deepEqual([unloaded.code, unloaded.torch], [Status.UNAVAILABLE, 'TORCH_NOT_READY'])
      for (let attempt = 0; attempt < 2; attempt++) await client.call('ModelInfer', request(), { token: 'wrong' })
      assert.equal((await client.call('ModelInfer', request(), { token: 'secret' })).torch, 'TORCH_RATE_LIMIT')
    })
  })

  it('deadlines, of the call and of the parameter timeout', async () => {
    await withServer({}, async (client, running) => {
      const parameters = { timeout: { int64_param: 1 } }
      const late = await client.call('ModelInfer', request(1, { parameters }))
      assert.deepEqual([late.code, late.torch], [Status.DEADLINE_EXCEEDED, 'TORCH_DEADLINE'])

      const { ended, close } = begin(running.server.grpcAddress ?? '', 10, { 'grpc-timeout': '100m' })
      assert.equal(await ended, String(Status.DEADLINE_EXCEEDED))
      close()
      await delay(50)
      assert.ok(running.log.some((line) => line.includes('"status":504') && line.includes('"TORCH_DEADLINE"')))
    })
  })

  it('a call that its client cancels is given up', async () => {
    await withServer({ maxBatchSize: 1 }, async (client, running) => {
      const cancels: (() => void)[] = []
      const calls = Array.from({ length: 4 }, () =>
        client.call('ModelInfer', request(64), { onCall: (cancel) => cancels.push(cancel) }),
      )
      while ((await bodyBytes(running)) < 4 * 64 * SAMPLE_BYTES);
      for (const cancel of cancels) cancel()

      assert.deepEqual(
        (await Promise.all(calls)).map(({ code }) => code),
        Array(4).fill(Status.CANCELLED),
      )
      while ((await bodyBytes(running)) > 0);
      assert.equal(running.log.filter((line) => line.includes('"status":499')).length, 4)
    })
  })

  it('a shutdown finishes the calls under way, and ends streams that wait', async () => {
    const running = await startServer({ grpc: true, grpcPort: 0, drainDelayMs: 600 })
    using client = new GrpcClient(running.server.grpcAddress ?? '')
    const watched: string[] = []
    const watch = client.watch('')
    watch.on('data', ({ status }: { status: string }) => watched.push(status)).on('error', () => undefined)
    await once(watch, 'data')
    const stream = client.stream()
    stream.on('error', () => undefined)
    stream.write(request())
    await once(stream, 'data')
    const ended = new Promise<number>((resolve) => stream.once('status', ({ code }) => resolve(code)))

    const closed = running.server.close({ graceMs: 20_000 })
    assert.deepEqual((await client.call('ServerReady', {})).response, { ready: false })
    const startedAt = performance.now()
    assert.equal((await client.call('ModelInfer', request(16))).code, Status.OK)
    await closed

    assert.ok(performance.now() - startedAt < 15_000)
    assert.equal(await ended, Status.UNAVAILABLE)
    assert.deepEqual(watched, ['SERVING', 'NOT_SERVING'])
    assert.equal((await client.call('ServerLive', {})).code, Status.UNAVAILABLE)
  })

  it('TLS, with a certificate that can be replaced', async function () {
    if (spawnSync('openssl', ['version']).status !== 0) skip(this, 'there is no openssl, which makes the certificate')
    await inFolder(async (folder) => {
      const files = makeCertificate(folder, 'one')
      const live = async (address: string, ca: Buffer): Promise<number> => {
        using client = new GrpcClient(address, ChannelCredentials.createSsl(ca))
        return (await client.call('ServerLive', {}, { deadline: Date.now() + 5000 })).code
      }
      const running = await startServer({ grpc: true, grpcPort: 0, ...files })
      const address = running.server.grpcAddress ?? ''
      try {
        const first = await readFile(files.tlsCert)
        assert.equal(await live(address, first), Status.OK)

        makeCertificate(folder, 'two')
        await running.server.reload()

        assert.notEqual(await live(address, first), Status.OK)
        assert.equal(await live(address, await readFile(files.tlsCert)), Status.OK)
      } finally {
        await running.server.close()
      }
    })
  })
})
