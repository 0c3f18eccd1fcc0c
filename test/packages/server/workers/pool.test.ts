import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import sharp from 'sharp'

import { inFolder } from '../../../support/checkpoints.js'
import { napiTorch } from '../../../support/cli.js'
import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { GrpcClient } from '../../../support/grpc.js'
import { ServeProcess } from '../../../support/serve_process.js'
import { skip } from '../../../support/skip.js'

const MODEL = 'fashion-mnist'
const ADMIN = { authorization: 'Bearer admin' }

const IMAGE = sharp({ create: { width: 28, height: 28, channels: 3, background: '#888' } })
  .png()
  .toBuffer()

interface Answer {
  readonly status: number
  readonly body: string
}

/** Sends a request on a connection of its own, which goes to the next worker. */
async function ask(
  url: string,
  { body, ...options }: { body?: Buffer | string; method?: string; headers?: object } = {},
): Promise<Answer> {
  const sent = request(url, {
    agent: false,
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json', ...options.headers },
  })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { readonly statusCode: number }]
  let text = ''
  for await (const piece of response) text += String(piece)
  return { status: response.statusCode, body: text }
}

async function classify(url: string, model = MODEL): Promise<number> {
  const headers = { 'content-type': 'image/png' }
  return (await ask(`${url}/v1/classify/${model}`, { body: await IMAGE, headers })).status
}

/** Asks several times, so that each worker answers. */
async function each<T>(body: () => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let index = 0; index < 4; index++) results.push(await body())
  return results
}

async function metric(url: string, name: string): Promise<number> {
  const { body } = await ask(`${url}/metrics`)
  return Number(
    body
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')
      .at(-1),
  )
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `Waited in vain until ${what}`)
    await delay(50)
  }
}

const isReady = async (url: string): Promise<boolean> => (await ask(`${url}/readyz`)).status === 200

describe('napi-torch serve --workers', function () {
  this.timeout(180_000)

  describe('with two workers', () => {
    let server: ServeProcess
    before(async () => {
      const control = ['--repository-control', '--admin-token', 'admin', '--grpc', '--grpc-port', '0']
      server = await ServeProcess.start(['--demo', '--workers', '2', ...control])
    })
    after(async () => assert.equal(await server.end(), 0))

    const index = async (): Promise<string> => (await ask(`${server.url}/v2/repository/index`, { body: '{}' })).body

    it('prints once that it is ready, when both are, and that each has its share of the cores', () => {
      const ready = server.errors.filter((line) => line.includes('ready after'))

      assert.equal(ready.length, 1)
      assert.match(ready[0] ?? '', /, 2 workers with \d+ threads? each$/)
      assert.equal(server.workers.length, 2)
    })

    it('lets both answer on one port, and logs the number of the worker', async () => {
      assert.deepEqual(await each(() => classify(server.url)), [200, 200, 200, 200])

      await until('both have logged', () => {
        const requests = server.log.filter(({ msg }) => msg === 'request')
        return Promise.resolve(new Set(requests.map(({ worker }) => worker)).size === 2)
      })
    })

    it('shows the sum of the metrics and of the statistics at each worker', async () => {
      const count = `napi_torch_requests_total{model="${MODEL}",status="200"}`
      const before = await metric(server.url, count)
      await each(() => classify(server.url))

      const counts = await each(() => metric(server.url, count))
      const workers = await each(() => metric(server.url, 'napi_torch_workers'))
      const statistics = await each(() => ask(`${server.url}/v2/models/${MODEL}/stats`))

      assert.deepEqual(counts, Array(4).fill(before + 4))
      assert.deepEqual(workers, [2, 2, 2, 2])
      const samples = statistics.map(
        ({ body }) =>
          (JSON.parse(body) as { model_stats: [{ inference_count: number }] }).model_stats[0].inference_count,
      )
      assert.deepEqual(samples, Array(4).fill(before + 4))
      assert.ok((await metric(server.url, 'process_start_time_seconds')) > 0)
    })

    it('unloads a model in both before it answers, over HTTP, and loads it in both, over gRPC', async () => {
      const path = `${server.url}/v2/repository/models/${MODEL}`

      const unloaded = await ask(`${path}/unload`, { body: '', headers: ADMIN })
      const refused = await each(() => classify(server.url))
      const indices = await each(index)
      using client = new GrpcClient(server.grpcAddress)
      const loaded = await client.call('RepositoryModelLoad', { model_name: MODEL }, { token: 'admin' })

      assert.equal(unloaded.status, 200)
      assert.deepEqual(refused, [503, 503, 503, 503])
      for (const body of indices) assert.match(body, /"state":"UNAVAILABLE","reason":"unloaded"/)
      assert.deepEqual([loaded.code, loaded.details], [0, ''])
      assert.deepEqual(await each(() => classify(server.url)), [200, 200, 200, 200])
      for (const body of await each(index)) assert.match(body, /"state":"READY"/)
    })

    it('gives the error of a load that fails as one process does', async () => {
      const { status, body } = await ask(`${server.url}/v2/repository/models/none/load`, { body: '', headers: ADMIN })

      assert.equal(status, 404)
      assert.deepEqual(JSON.parse(body), { error: 'There is no model none', code: 'TORCH_NOT_FOUND' })
    })

    it('replaces a worker that is killed: unready meanwhile, counted, with no counter smaller, and models unloaded as before', async () => {
      const count = `napi_torch_requests_total{model="${MODEL}",status="200"}`
      const before = await metric(server.url, count)
      await ask(`${server.url}/v2/repository/models/${MODEL}/unload`, { body: '', headers: ADMIN })
      const pid = server.workers.at(-1) ?? NaN

      process.kill(pid, 'SIGKILL')

      const { worker, reason } = await server.line('worker ended')
      await until('it is not ready', async () => !(await isReady(server.url)))
      await until('it is ready', () => isReady(server.url))
      assert.deepEqual([typeof worker, reason], ['number', 'SIGKILL'])
      assert.equal(await metric(server.url, 'napi_torch_worker_restarts_total'), 1)
      assert.equal(await metric(server.url, count), before)
      assert.deepEqual(await each(() => classify(server.url)), [503, 503, 503, 503])
      await ask(`${server.url}/v2/repository/models/${MODEL}/load`, { body: '', headers: ADMIN })
      assert.deepEqual(await each(() => classify(server.url)), [200, 200, 200, 200])
    })
  })

  it('reloads one after the other on SIGHUP while requests are answered, and keeps the old models if that fails', async () => {
    await inFolder(async (folder) => {
      const [config, checkpoint] = [join(folder, 'server.yaml'), join(folder, 'm.pth')]
      await copyFile(CHECKPOINT, checkpoint)
      const models = (names: string): string => `workers: 2\nmodels: { ${names} }\n`
      await writeFile(config, models('old: m.pth'))
      const server = await ServeProcess.start(['--config', config])

      await writeFile(config, models('old: m.pth, new: m.pth'))
      server.signal('SIGHUP')
      const statuses: number[] = []
      const reloaded = server.line('models reloaded')
      let isOver = false
      void reloaded.then(() => (isOver = true))
      while (!isOver) statuses.push(await classify(server.url, 'old'))

      assert.ok(statuses.length > 0 && statuses.every((status) => status === 200), statuses.join())
      assert.deepEqual(await each(() => classify(server.url, 'new')), [200, 200, 200, 200])

      await writeFile(checkpoint, 'no checkpoint')
      server.signal('SIGHUP')
      await server.line('reload failed')
      assert.deepEqual(await each(() => classify(server.url, 'new')), [200, 200, 200, 200])
      assert.equal(await metric(server.url, 'napi_torch_reloads_total{result="failed"}'), 1)
      assert.equal(await metric(server.url, 'napi_torch_reloads_total{result="ok"}'), 1)
      assert.equal(server.log.filter(({ msg }) => msg === 'reload failed').length, 1)
      assert.equal(await server.end(), 0)
    })
  })

  it('replaces a worker that cannot follow the others, by one that has what they have', async function () {
    if (spawnSync('prlimit', ['--version']).status !== 0) skip(this, 'there is no prlimit')
    await inFolder(async (folder) => {
      const config = join(folder, 'server.yaml')
      const models = (names: string): string => `workers: 2\nmodels: { ${names} }\n`
      await writeFile(config, models(`old: ${CHECKPOINT}`))
      const server = await ServeProcess.start(['--config', config])
      const second = server.workers.at(-1) ?? NaN
      // From now on it can open no file.
      spawnSync('prlimit', ['--pid', String(second), '--nofile=1:1'])

      await writeFile(config, models(`old: ${CHECKPOINT}, new: ${CHECKPOINT}`))
      server.signal('SIGHUP')

      const { worker } = await server.line('worker is replaced, as it cannot follow the others')
      assert.equal(worker, 2)
      await until('it has ended', () => Promise.resolve(!isAlive(second)))
      await until('both are ready', () => isReady(server.url))
      assert.deepEqual(await each(() => classify(server.url, 'new')), [200, 200, 200, 200])
      assert.equal(await metric(server.url, 'napi_torch_worker_restarts_total'), 1)
      assert.equal(await server.end(), 0)
    })
  })

  it('finishes what is under way when SIGTERM comes to all processes at once, and ends with 0', async () => {
    const server = await ServeProcess.start(['--demo', '--workers', '2', '--drain-delay-ms', '500'])
    const answers = Array.from({ length: 20 }, () => classify(server.url))
    await server.line('request')

    server.signalAll('SIGTERM')

    const statuses = await Promise.all(answers)
    assert.ok(statuses.every((status) => status === 200 || status === 503) && statuses.includes(200), statuses.join())
    assert.equal(await server.end('none'), 0)
    assert.equal(server.log.filter(({ msg }) => msg === 'shutting down').length, 2)
  })

  it('closes connections beyond maxConnections, of which each worker has its part', async () => {
    const server = await ServeProcess.start(['--demo', '--workers', '2', '--max-connections', '4'])
    const { port } = new URL(server.url)
    const sockets = Array.from({ length: 10 }, () => connect(Number(port), '127.0.0.1'))
    let closed = 0
    for (const socket of sockets) socket.on('error', () => undefined).on('close', () => closed++)

    await until('the others are closed', () => Promise.resolve(closed === 6))

    for (const socket of sockets) socket.destroy()
    await until('there is room', () => isReady(server.url).catch(() => false))
    assert.equal(await server.end(), 0)
  })

  it('leaves no worker where it is killed itself', async () => {
    const server = await ServeProcess.start(['--demo', '--workers', '2'])
    const { workers } = server

    await server.end('SIGKILL')

    await until('the workers have ended', () => Promise.resolve(workers.every((pid) => !isAlive(pid))))
  })

  it('follows the folder of models in both, by one watcher', async () => {
    await inFolder(async (folder) => {
      const add = async (version: number): Promise<void> => {
        await mkdir(join(folder, 'm', String(version)), { recursive: true })
        await copyFile(CHECKPOINT, join(folder, 'm', String(version), 'model.pth'))
      }
      await add(1)
      await writeFile(join(folder, 'm', 'config.yaml'), 'preset: fashion-mnist\n')
      const server = await ServeProcess.start([
        '--models-folder',
        folder,
        '--models-folder-ms',
        '100',
        '--workers',
        '2',
      ])
      assert.deepEqual(await each(() => classify(server.url, 'm')), [200, 200, 200, 200])

      await add(2)
      await server.line('model loaded')
      const loaded = await server.line('model loaded')

      assert.deepEqual([loaded['model'], loaded['version']], ['m', '2'])
      await server.line('model unloaded')
      const index = async (): Promise<string> => (await ask(`${server.url}/v2/repository/index`, { body: '{}' })).body
      const entry = '[{"name":"m","version":"2","state":"READY","reason":""}]'
      assert.deepEqual(await each(index), [entry, entry, entry, entry])
      // A worker that is new sees what the others see.
      process.kill(server.workers[0] ?? NaN, 'SIGKILL')
      await server.line('worker ready')
      assert.deepEqual(await each(() => classify(server.url, 'm')), [200, 200, 200, 200])
      assert.deepEqual(await each(index), [entry, entry, entry, entry])
      assert.equal(server.log.filter(({ msg }) => msg === 'model loaded').length, 2)
      assert.equal(await server.end(), 0)
    })
  })

  it('ends with one error where a checkpoint is broken', async () => {
    const { status, stdout, stderr } = await napiTorch([
      'serve',
      '--workers',
      '3',
      '--model',
      'a=/none.pth',
      '--port',
      '0',
    ])

    assert.equal(status, 1)
    assert.equal(stderr, 'napi-torch: /none.pth: No such file (TORCH_FILE)\n')
    assert.equal(stdout.split('\n').filter((line) => line.includes('listening')).length, 1)
  })

  it('ends with one error where the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { readonly port: number }

    const { status, stdout, stderr } = await napiTorch(['serve', '--demo', '--workers', '2', '--port', String(port)])

    other.close()
    assert.deepEqual([status, stdout], [1, ''])
    assert.equal(
      stderr,
      `napi-torch: Cannot listen on 127.0.0.1, port ${port}: the address is already in use (TORCH_LISTEN)\n`,
    )
  })

  it('refuses a certificate that is not there with one error', async () => {
    const tls = ['--tls-cert', '/none.pem', '--tls-key', '/none.pem']
    const { status, stderr } = await napiTorch(['serve', '--demo', '--workers', '2', '--port', '0', ...tls])

    assert.deepEqual([status, stderr], [1, 'napi-torch: /none.pem: No such file (TORCH_FILE)\n'])
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
