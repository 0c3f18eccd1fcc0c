import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { status } from '@napi-torch/jobs'

import { failAllChunks, useJobs } from './support/setup.js'

const UNKNOWN = '0'.repeat(32)

describe('status()', () => {
  const jobs = useJobs()

  it('reports the progress of a run', async () => {
    const { submit, out, source, redis } = jobs()
    const { run } = await submit()

    const { runs, depth, queue, redis: address } = await status({ redis: redis.url })

    assert.deepEqual([queue, address], ['images', redis.url])
    assert.deepEqual(depth, { waiting: 3, active: 0, delayed: 0, failed: 0 })
    const [found] = runs
    assert.deepEqual(found, {
      run,
      state: 'running',
      source,
      out,
      images: 25,
      imagesDone: 0,
      errors: {},
      chunks: { total: 3, done: 0, active: 0, failed: 0, waiting: 3 },
      failures: {},
      isLost: false,
      submittedAt: found?.submittedAt,
      finishedAt: null,
    })
    assert.ok(Math.abs(Date.now() - (found?.submittedAt ?? 0)) < 60_000)
  })

  it('counts failed images by code', async () => {
    const { submit, work, paths, out, redis } = jobs()
    const [first = '', second = '', third = ''] = paths
    await submit()
    await rm(first)
    await rm(second)
    await writeFile(third, 'no image')
    await work()

    const [run] = (await status({ redis: redis.url, run: out })).runs

    assert.deepEqual([run?.state, run?.imagesDone], ['finished', 25])
    assert.deepEqual(run?.errors, { TORCH_FILE: 2, TORCH_IMAGE: 1 })
    assert.ok((run?.finishedAt ?? 0) >= (run?.submittedAt ?? Infinity))
  })

  it('counts failed chunks by code', async () => {
    const setup = jobs()
    await failAllChunks(setup)

    const [run] = (await status({ redis: setup.redis.url })).runs

    assert.deepEqual([run?.state, run?.chunks.failed], ['failed', 3])
    assert.deepEqual(run?.failures, { TORCH_SOURCE_UNAVAILABLE: 3 })
  })

  it('lists the running workers and their reports', async () => {
    const { submit, redis, work } = jobs()
    await submit()
    let during: ReturnType<typeof status> | null = null
    const controller = new AbortController()

    await work({
      signal: controller.signal,
      untilDone: false,
      onEvent: ({ type }) => {
        if (type !== 'chunk' || during !== null) return
        during = status({ redis: redis.url })
        void during.finally(() => controller.abort())
      },
    })

    const workers = (await (during ?? status({ redis: redis.url }))).workers
    assert.deepEqual(
      workers.map(({ pid, version }) => [pid, version]),
      [[process.pid, '0.1.0']],
    )
    assert.deepEqual((await status({ redis: redis.url })).workers, [])
  })

  it('reports that Redis has lost chunks', async () => {
    const { submit, redis } = jobs()
    await submit()
    await redis.use((client) => client.del('napi-torch:images:wait'))

    const [run] = (await status({ redis: redis.url })).runs

    assert.equal(run?.isLost, true)
  })

  it('refuses an unknown run, and a folder without a run', async () => {
    const { folder, redis } = jobs()

    await assert.rejects(status({ redis: redis.url, run: UNKNOWN }), {
      code: 'TORCH_RUN',
      message: `The queue images at ${redis.url} knows no run ${UNKNOWN}`,
    })
    await assert.rejects(status({ redis: redis.url, run: folder }), {
      code: 'TORCH_RUN',
      message: `${join(folder, 'run.json')}: Not found: no run has its results in this folder`,
    })
  })

  it('keeps queues apart', async () => {
    const { submit, redis } = jobs()
    await submit()

    const { runs, depth } = await status({ redis: redis.url, queue: 'others' })

    assert.deepEqual([runs, depth.waiting], [[], 0])
  })
})
