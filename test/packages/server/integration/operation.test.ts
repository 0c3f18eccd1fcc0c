import assert from 'node:assert/strict'
import { copyFile, rename, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

import { memory } from 'napi-torch'
import { createServer, type InferenceServer, type ModelSettings } from '@napi-torch/server'

import { inFolder } from '../../../support/checkpoints.js'
import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { testImages, writePng } from '../../../support/images.js'
import { RawConnection, rawRequest } from '../../../support/raw_http.js'
import { MODEL, post, startServer, useServer } from '../../../support/server.js'

const INFER = `/v2/models/${MODEL}/infer`
const SAMPLE = 3 * 28 * 28

/** An inference of samples that differ. */
function request(seeds: readonly number[]): object {
  const data = seeds.flatMap((seed) =>
    Array.from({ length: SAMPLE }, (_, index) => Math.fround(Math.sin(seed + index))),
  )
  const outputs = [{ name: 'logits' }]
  return { inputs: [{ name: 'input', datatype: 'FP32', shape: [seeds.length, 3, 28, 28], data }], outputs }
}

function logitsOf({ body }: { readonly body: unknown }): readonly number[] {
  return (body as { outputs: readonly { data: readonly number[] }[] }).outputs[0]?.data ?? []
}

async function metric(url: string, pattern: RegExp): Promise<number> {
  return Number(pattern.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? NaN)
}

/** Asks again and again until `body` has settled, and gives the statuses. */
async function whileAsking(url: string, body: () => Promise<void>): Promise<number[]> {
  const statuses: number[] = []
  let isOver = false
  const client = async (seed: number): Promise<void> => {
    while (!isOver) statuses.push((await post(url + INFER, request([seed]))).status)
  }
  const clients = Promise.all([1, 2, 3, 4].map(client))
  try {
    await body()
  } finally {
    isOver = true
  }
  await clients
  return statuses
}

async function replace(from: string, to: string): Promise<void> {
  await copyFile(from, `${to}.new`)
  // Another time than the file before, whatever the resolution of the file system.
  await utimes(`${to}.new`, new Date(), new Date(Date.now() - 10_000 * Math.random()))
  await rename(`${to}.new`, to)
}

/** No preset.json lies beside it. */
function modelAt(checkpoint: string): ModelSettings {
  return { name: MODEL, checkpoint, preset: 'fashion-mnist' }
}

async function withOwnCheckpoint(
  body: (server: InferenceServer, url: string, checkpoint: string) => Promise<void>,
  settings: object = {},
): Promise<void> {
  await inFolder(async (folder) => {
    const checkpoint = join(folder, 'model.pth')
    await copyFile(CHECKPOINT, checkpoint)
    const server = await createServer({ models: [modelAt(checkpoint)], port: 0, ...settings })
    try {
      const url = await server.listen()
      await server.ready()
      await body(server, url, checkpoint)
    } finally {
      await server.close({ graceMs: 2000 })
    }
  })
}

describe('a server at work', function () {
  this.timeout(60_000)

  describe('computes', () => {
    const running = useServer({ maxBatchSize: 16 })

    it('in batches what it computes alone, within 1e-4, and says how large the batch was', async () => {
      const { url } = running()
      const seeds = Array.from({ length: 12 }, (_, index) => index)
      const alone: (readonly number[])[] = []
      for (const seed of seeds) alone.push(logitsOf(await post(url + INFER, request([seed]))))

      const together = await Promise.all(seeds.map((seed) => post(url + INFER, request([seed]))))
      const atOnce = logitsOf(await post(url + INFER, request(seeds)))

      for (const [index, expected] of alone.entries()) {
        for (const [label, value] of expected.entries()) {
          assert.ok(Math.abs((logitsOf(together[index] ?? { body: null })[label] ?? NaN) - value) < 1e-4)
          assert.ok(Math.abs((atOnce[10 * index + label] ?? NaN) - value) < 1e-4)
        }
      }
      const sizes = together.map(({ headers }) =>
        Number(/batch;desc="(\d+)"/.exec(headers.get('server-timing') ?? '')?.[1]),
      )
      assert.ok(Math.max(...sizes) > 1, sizes.join())
    })

    it('while the event loop goes on', async () => {
      const { url } = running()
      const delay = monitorEventLoopDelay({ resolution: 1 })
      await Promise.all(Array.from({ length: 8 }, (_, seed) => post(url + INFER, request([seed]))))
      delay.enable()

      await Promise.all(Array.from({ length: 64 }, (_, seed) => post(url + INFER, request([seed]))))

      delay.disable()
      // Clients and server share this loop, and JSON of both is a part of it: a blocking runtime would add its batches.
      assert.ok(delay.percentile(50) / 1e6 < 100, `${delay.percentile(50) / 1e6} ms`)
    })

    it('urgent requests first', async () => {
      const { url } = running()
      const order: string[] = []
      const ask = async (name: string, priority: number): Promise<void> => {
        const body = { ...request([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]), parameters: { priority } }
        assert.equal((await post(url + INFER, body)).status, 200)
        order.push(name)
      }

      await Promise.all([...Array.from({ length: 6 }, () => ask('usual', 0)), ask('urgent', 1)])

      // Two batches may have begun before it came.
      assert.ok(order.indexOf('urgent') <= 3, order.join())
    })

    it('nothing for clients that have left, and releases what they held', async () => {
      const { url } = running()
      const body = JSON.stringify(request([1, 2, 3, 4]))
      const connections = await Promise.all(Array.from({ length: 60 }, () => RawConnection.open(url)))
      const settled = async (): Promise<boolean> => {
        const left = await metric(url, /^napi_torch_requests_total\{model="fashion-mnist",status="499"\} (\d+)$/m)
        const held = await metric(url, /^napi_torch_body_bytes (\d+)$/m)
        const queued = await metric(url, /^napi_torch_queue_depth_samples\{model="fashion-mnist"\} (\d+)$/m)
        return left > 0 && held === 0 && queued === 0
      }

      for (const connection of connections) {
        connection.send(rawRequest('POST', INFER, { 'content-type': 'application/json' }, body))
        // Not before the request is on its way.
        connection.socket.end(() => connection.socket.destroy())
      }

      while (!(await settled()));
      assert.equal((await post(url + INFER, request([1]))).status, 200)
    })
  })

  describe('loads models anew', () => {
    it('while it answers: no request fails, and the new one answers afterwards', async () => {
      await withOwnCheckpoint(async (server, url, checkpoint) => {
        await server.reload()
        const before = memory()

        const statuses = await whileAsking(url, async () => {
          for (let round = 0; round < 3; round++) {
            await replace(CHECKPOINT, checkpoint)
            await server.reload()
          }
        })

        assert.ok(statuses.length > 10 && statuses.every((status) => status === 200), statuses.join())
        // The last old one may still be closing.
        await post(url + INFER, request([1]))
        assert.ok(memory().tensors <= 2 * before.tensors)
      })
    })

    it('and keeps the old one where the new file is broken', async () => {
      await withOwnCheckpoint(async (server, url, checkpoint) => {
        await writeFile(checkpoint, 'no checkpoint')

        await assert.rejects(server.reload(), { code: 'TORCH_CHECKPOINT_FORMAT' })

        assert.equal((await post(url + INFER, request([1]))).status, 200)
        assert.equal((await fetch(`${url}/readyz`)).status, 200)
        assert.equal(await metric(url, /^napi_torch_reloads_total\{result="failed"\} (\d+)$/m), 1)
      })
    })

    it('by itself when the file changes, with watchMs', async () => {
      await withOwnCheckpoint(
        async (_server, url, checkpoint) => {
          await replace(CHECKPOINT, checkpoint)

          while (!((await metric(url, /^napi_torch_reloads_total\{result="ok"\} (\d+)$/m)) >= 1));

          assert.equal((await post(url + INFER, request([1]))).status, 200)
        },
        { watchMs: 20 },
      )
    })

    it('and adds versions beside each other, of which the newest answers', async () => {
      await withOwnCheckpoint(async (server, url, checkpoint) => {
        await server.reload([
          modelAt(checkpoint),
          { ...modelAt(checkpoint), version: '10' },
          { ...modelAt(checkpoint), version: '9' },
        ])

        const versionOf = async (path: string): Promise<string> => {
          return ((await post(url + path, request([1]))).body as { model_version: string }).model_version
        }
        assert.equal(await versionOf(INFER), '10')
        assert.equal(await versionOf(`/v2/models/${MODEL}/versions/9/infer`), '9')
        const metadata = (await (await fetch(`${url}/v2/models/${MODEL}`)).json()) as { versions: string[] }
        assert.deepEqual(metadata.versions, ['1', '9', '10'])
      })
    })
  })

  describe('ends', () => {
    it('after it has answered what is under way, and leaves no memory', async () => {
      const before = memory()
      const { server, url } = await startServer()
      const answers = Array.from({ length: 20 }, (_, seed) => post(url + INFER, request([seed, seed])))
      // The server has taken it: the others are on their way.
      await answers[0]

      await server.close()

      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      assert.ok(statuses.every((status) => status === 200 || status === 503) && statuses.includes(200), statuses.join())
      assert.deepEqual(memory(), before)
      assert.equal(server.isReady, false)
    })

    it('is not ready during drainDelayMs, and answers all the same', async () => {
      const { server, url } = await startServer({ drainDelayMs: 1000 })

      const closed = server.close()

      assert.equal((await fetch(`${url}/readyz`)).status, 503)
      assert.equal((await fetch(`${url}/livez`)).status, 200)
      assert.equal((await post(url + INFER, request([1]))).status, 200)
      await closed
    })

    it('when the grace is over, whatever a client does', async () => {
      const { server, url } = await startServer({ graceMs: 200 })
      await using slow = await RawConnection.open(url)
      slow.send(`POST ${INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n`)
      // The server has seen it when it has answered another one after it.
      await fetch(`${url}/livez`)

      await server.close()

      assert.deepEqual(await slow.answers(), [])
    })
  })

  it('leaves no memory behind after requests, images and rounds of loading and unloading', async () => {
    const admin = { authorization: 'Bearer admin' }
    await inFolder(async (folder) => {
      const [boot] = await testImages(1)
      assert.ok(boot)
      const path = await writePng(join(folder, 'boot.png'), boot)
      const image = await (await import('node:fs/promises')).readFile(path)
      const { server, url } = await startServer({ repositoryControl: true, adminToken: 'admin' })
      try {
        const round = async (): Promise<void> => {
          for (let call = 0; call < 20; call++) {
            await post(url + INFER, request([call]))
            const headers = { 'content-type': 'image/png' }
            await fetch(`${url}/v1/classify/${MODEL}`, { method: 'POST', headers, body: new Uint8Array(image) })
          }
          for (const change of ['unload', 'load']) {
            assert.equal((await post(`${url}/v2/repository/models/${MODEL}/${change}`, {}, admin)).status, 200)
          }
        }
        await round()
        const before = memory()

        for (let each = 0; each < 5; each++) await round()

        assert.deepEqual(memory(), before)
      } finally {
        await server.close()
      }
    })
  })
})
