import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'

import { inFolder } from '../../support/checkpoints.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { testImages, writePng } from '../../support/images.js'
import { ask, MODEL, post, startServer, type Answer } from '../../support/server.js'
import { ResponseCache, type CachedModel } from '../../../packages/server/lib/response_cache.js'

const MODELS = { [MODEL]: CHECKPOINT, other: CHECKPOINT }
/** What an entry of 10 numbers takes. */
const ENTRY = 10 * 4 + 256

function tensor(seed: number): object {
  const data = Array.from({ length: 3 * 28 * 28 }, (_, index) => Math.sin(seed + index))
  return { inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28], data }], outputs: [{ name: 'logits' }] }
}

async function numbers(url: string): Promise<Readonly<Record<'hit' | 'miss' | 'bytes', number>>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const read = (name: string): number =>
    Array.from(text.matchAll(new RegExp(`^${name}(?:[^\\n]*) (\\S+)$`, 'gm')), ([, value]) => Number(value)).reduce(
      (sum, value) => sum + value,
      0,
    )
  const result = (name: string): number => read(`napi_torch_cache_samples_total\\{model="[^"]*",result="${name}"\\}`)
  return { hit: result('hit'), miss: result('miss'), bytes: read('napi_torch_cache_bytes') }
}

async function withServer(cacheBytes: number, body: (url: string) => Promise<void>): Promise<void> {
  const { server, url } = await startServer({
    models: MODELS,
    cacheBytes,
    repositoryControl: true,
    adminToken: 'admin',
  })
  try {
    await body(url)
  } finally {
    await server.close({ graceMs: 2000 })
  }
}

describe('cacheBytes', () => {
  it('returns the numbers of the first time for tensors, pixels and files that come again, without a batch', async () => {
    await withServer(2 ** 20, async (url) => {
      const [image] = await testImages(1)
      assert.ok(image)
      let png = Buffer.alloc(0)
      await inFolder(async (folder) => {
        png = await readFile(await writePng(`${folder}/x.png`, image))
      })
      const pixels = { inputs: [{ name: 'input', datatype: 'UINT8', shape: [1, 1, 2, 3], data: [1, 2, 3, 4, 5, 6] }] }
      const turned = { inputs: [{ name: 'input', datatype: 'UINT8', shape: [1, 2, 1, 3], data: [1, 2, 3, 4, 5, 6] }] }
      const infer = `${url}/v2/models/${MODEL}/infer`
      const calls: (() => Promise<Answer>)[] = [
        () => post(infer, tensor(1)),
        () => post(infer, pixels),
        () => post(infer, turned),
        () =>
          ask(`${url}/v1/classify/${MODEL}`, { method: 'POST', headers: { 'content-type': 'image/png' }, body: png }),
      ]
      const first: Answer[] = []
      for (const call of calls) first.push(await call())
      assert.deepEqual(await numbers(url), { hit: 0, miss: 4, bytes: 4 * ENTRY })

      const again: Answer[] = []
      for (const call of calls) again.push(await call())

      assert.deepEqual(await numbers(url), { hit: 4, miss: 4, bytes: 4 * ENTRY })
      for (const [index, { body, headers }] of again.entries()) {
        const { timing, ...rest } = body as { readonly timing?: { readonly batchSize: number } }
        const { timing: before, ...wanted } = first[index]?.body as { readonly timing?: object }
        assert.deepEqual(rest, wanted)
        assert.equal(timing?.batchSize ?? 0, 0)
        assert.equal(before === undefined, timing === undefined)
        assert.match(headers.get('server-timing') ?? '', /infer;dur=0\.00, batch;desc="0"/)
      }
      const { body } = await ask(`${url}/v2/models/${MODEL}/stats`)
      const [stats] = (body as { model_stats: readonly { inference_stats: Record<string, { count: number }> }[] })
        .model_stats
      assert.deepEqual(
        [stats?.inference_stats['cache_hit']?.count, stats?.inference_stats['cache_miss']?.count],
        [4, 4],
      )
    })
  })

  it('is of each model alone, and cleared when that is loaded again or unloaded', async () => {
    await withServer(2 ** 20, async (url) => {
      for (const model of Object.keys(MODELS)) await post(`${url}/v2/models/${model}/infer`, tensor(1))
      assert.deepEqual(await numbers(url), { hit: 0, miss: 2, bytes: 2 * ENTRY })
      const control = (model: string, verb: string): Promise<Answer> =>
        post(`${url}/v2/repository/models/${model}/${verb}`, {}, { authorization: 'Bearer admin' })

      assert.equal((await control(MODEL, 'load')).status, 200)
      assert.equal((await control('other', 'unload')).status, 200)

      assert.equal((await numbers(url)).bytes, 0)
      await post(`${url}/v2/models/${MODEL}/infer`, tensor(1))
      assert.deepEqual(await numbers(url), { hit: 0, miss: 3, bytes: ENTRY })
    })
  })

  it('keeps no more than its bytes: what was not asked for longest goes first', async () => {
    await withServer(2 * ENTRY, async (url) => {
      const infer = `${url}/v2/models/${MODEL}/infer`
      for (const seed of [1, 2, 1, 3]) await post(infer, tensor(seed))
      assert.deepEqual(await numbers(url), { hit: 1, miss: 3, bytes: 2 * ENTRY })

      await post(infer, tensor(1))
      assert.equal((await numbers(url)).hit, 2)
      await post(infer, tensor(2))
      assert.equal((await numbers(url)).miss, 4)
    })
  })

  it('is off by default', async () => {
    await withServer(0, async (url) => {
      for (let turn = 0; turn < 2; turn++) await post(`${url}/v2/models/${MODEL}/infer`, tensor(1))

      assert.deepEqual(await numbers(url), { hit: 0, miss: 0, bytes: 0 })
    })
  })
})

describe('ResponseCache', () => {
  it('keeps nothing of what fails, nor of a model that was replaced while it computed', async () => {
    const cache = new ResponseCache(2 ** 20, () => undefined)
    const model = { name: 'm', version: '1', isRetired: false }
    const content = { kind: 'file', bytes: new Uint8Array(3 * 2 ** 20) }
    const output = new Float32Array(10)

    await assert.rejects(
      cache.find(model, content, () => Promise.reject(new Error('no image'))),
      /no image/,
    )
    await cache.find(model, content, () => {
      const retired: { isRetired: boolean } & CachedModel = Object.assign(model, { isRetired: true })
      cache.forget(retired)
      return Promise.resolve({ output, timing: null })
    })

    assert.equal(cache.bytes, 0)
  })
})
