import assert from 'node:assert/strict'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { cancel, merge, retry, status } from '@napi-torch/jobs'

import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { answersHere, countDifferences, readRows } from './support/results.js'
import { copyModel, useJobs, type Setup } from './support/setup.js'

const UNKNOWN = '0'.repeat(32)

/** Makes all chunks fail: no machine has the folder of the images. */
async function failAll({ submit, work, source }: Setup): Promise<void> {
  await submit({ attempts: 1 })
  const images = `${source}-elsewhere`
  await rename(source, images)
  for (let chunk = 0; chunk < 3; chunk++)
    await assert.rejects(work({ concurrency: 1 }), { code: 'TORCH_SOURCE_UNAVAILABLE' })
  await rename(images, source)
}

describe('status()', () => {
  const jobs = useJobs()

  it('tells how far a run is', async () => {
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

  it('counts the images without an answer by their codes', async () => {
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

  it('counts the chunks that failed by the codes of the reasons', async () => {
    const setup = jobs()
    await failAll(setup)

    const [run] = (await status({ redis: setup.redis.url })).runs

    assert.deepEqual([run?.state, run?.chunks.failed], ['failed', 3])
    assert.deepEqual(run?.failures, { TORCH_SOURCE_UNAVAILABLE: 3 })
  })

  it('lists the workers while they live, and what they do', async () => {
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

  it('tells that Redis has lost what waits', async () => {
    const { submit, redis } = jobs()
    await submit()
    await redis.use((client) => client.del('napi-torch:images:wait'))

    const [run] = (await status({ redis: redis.url })).runs

    assert.equal(run?.isLost, true)
  })

  it('refuses a run that it does not know, and a folder without one', async () => {
    const { folder, redis } = jobs()

    await assert.rejects(status({ redis: redis.url, run: UNKNOWN }), {
      code: 'TORCH_RUN',
      message: `The queue images at ${redis.url} knows no run ${UNKNOWN}`,
    })
    await assert.rejects(status({ redis: redis.url, run: folder }), {
      code: 'TORCH_RUN',
      message: `${join(folder, 'run.json')}: Is not there: no run has its results here`,
    })
  })

  it('keeps queues apart', async () => {
    const { submit, redis } = jobs()
    await submit()

    const { runs, depth } = await status({ redis: redis.url, queue: 'others' })

    assert.deepEqual([runs, depth.waiting], [[], 0])
  })
})

describe('retry()', () => {
  const jobs = useJobs()

  it('gives the chunks that failed to the workers again', async () => {
    const setup = jobs()
    const { out, work, redis, paths } = setup
    await failAll(setup)

    const retried = await retry(out, { redis: redis.url })
    await work()

    assert.deepEqual(retried, { run: retried.run, failed: 3, reopened: 0, added: 3 })
    assert.equal(countDifferences(readRows((await merge(out)).results), await answersHere(paths)), 0)
  })

  it('adds what Redis lost, with nothing but the folder of the results', async () => {
    const { submit, work, out, source, redis } = jobs()
    await submit()
    await redis.flush()

    assert.equal((await retry(out, { redis: redis.url })).added, 3)
    await work()
    assert.equal((await merge(out)).images, 25)
    assert.equal((await status({ redis: redis.url })).runs[0]?.source, source)
  })

  it('works again on chunks with errors of a kind, and on no others', async () => {
    const { submit, work, paths, out, redis } = jobs()
    const [first = ''] = paths
    const bytes = await readFile(first)
    await submit()
    await rm(first)
    await work()
    await writeFile(first, bytes)

    const others = await retry(out, { redis: redis.url, errors: ['TORCH_IMAGE'] })
    const retried = await retry(out, { redis: redis.url, errors: ['TORCH_FILE'] })
    await work()

    assert.deepEqual([others.added, retried.reopened, retried.added], [0, 1, 1])
    assert.equal(countDifferences(readRows((await merge(out)).results), await answersHere(paths)), 0)
    const [run] = (await status({ redis: redis.url })).runs
    assert.deepEqual([run?.imagesDone, run?.errors, run?.state], [25, {}, 'finished'])
  })

  it('works again on chunks whose results are gone', async () => {
    const { submit, work, out, redis } = jobs()
    await submit()
    await work()
    await rm(join(out, 'chunks', '00000001.jsonl'))

    const retried = await retry(out, { redis: redis.url })

    assert.deepEqual([retried.reopened, retried.added], [1, 1])
    assert.equal((await work()).chunks, 1)
    assert.equal((await merge(out)).images, 25)
  })

  it('refuses a list of images that has been changed', async () => {
    const { submit, out, redis } = jobs()
    await submit()
    const list = join(out, 'images.jsonl')
    await writeFile(list, (await readFile(list, 'utf8')).replace('00000', '00001'))

    await assert.rejects(retry(out, { redis: redis.url }), {
      code: 'TORCH_RUN',
      message: `${list}: Has been changed since it was written`,
    })
  })
})

describe('cancel()', () => {
  const jobs = useJobs()

  it('takes the chunks of a run out of the queue, and those of no other', async () => {
    const { submit, folder, redis, work } = jobs()
    const { run } = await submit()
    const model = await copyModel(join(folder, 'model'))
    const other = await submit({ out: join(folder, 'other'), model })

    const cancelled = await cancel(run, { redis: redis.url })
    await work()

    assert.deepEqual(cancelled, { run, removed: 3 })
    const { runs } = await status({ redis: redis.url })
    assert.deepEqual(
      new Map(runs.map((each) => [each.run, each.state])),
      new Map([
        [run, 'cancelled'],
        [other.run, 'finished'],
      ]),
    )
  })

  it('makes workers leave chunks that a submit still adds', async () => {
    const { submit, redis, work } = jobs()
    const { run } = await submit()
    await redis.use((client) => client.hset(`napi-torch-runs:images:run:${run}`, 'cancelled', 1))

    const { chunks, images } = await work()

    assert.deepEqual([chunks, images], [0, 0])
    assert.equal((await status({ redis: redis.url })).runs[0]?.chunks.done, 0)
  })

  it('is taken back by retry, and by the same submit', async () => {
    const { submit, out, redis, work } = jobs()
    const { run } = await submit()
    await cancel(run, { redis: redis.url })

    const retried = await retry(out, { redis: redis.url })
    await cancel(out, { redis: redis.url })
    const again = await submit()
    await work()

    assert.deepEqual([retried.added, again.added], [3, 3])
    assert.equal((await status({ redis: redis.url })).runs[0]?.state, 'finished')
  })
})

describe('merge()', () => {
  const jobs = useJobs()

  it('needs no Redis', async () => {
    const { submit, work, out, redis } = jobs()
    await submit()
    await work()
    await redis.stop()

    const merged = await merge(out)

    await redis.resume()
    assert.equal(merged.images, 25)
  })

  it('names the chunks that have no results, and writes nothing', async () => {
    const { submit, work, out } = jobs()
    await submit({ chunkSize: 3 })
    await work()
    for (const chunk of [0, 2, 3, 5, 6, 7]) await rm(join(out, 'chunks', `0000000${chunk}.jsonl`))

    await assert.rejects(merge(out), {
      code: 'TORCH_RUN',
      message: `${out}: 6 of 9 chunks have no results yet (0, 2, 3, 5, 6, …): see napi-torch jobs status ${out}`,
    })
    await assert.rejects(readFile(join(out, 'results.jsonl')), { code: 'ENOENT' })
  })

  it('refuses a damaged chunk, and keeps the earlier result', async () => {
    const { submit, work, out } = jobs()
    await submit()
    await work()
    const { results } = await merge(out)
    const before = await readFile(results)
    const chunk = join(out, 'chunks', '00000001.jsonl')
    await writeFile(chunk, (await readFile(chunk, 'utf8')).slice(1))

    await assert.rejects(merge(out), {
      code: 'TORCH_RUN',
      message: `${chunk}: Is damaged: delete it, and run napi-torch jobs retry ${out}`,
    })
    assert.deepEqual(await readFile(results), before)
  })

  it('takes away what writers left that died', async () => {
    const { submit, work, out } = jobs()
    await submit()
    await work()
    const left = join(out, 'chunks', '.00000001.jsonl.0a.tmp')
    await writeFile(left, 'half')

    await merge(out)

    await assert.rejects(readFile(left), { code: 'ENOENT' })
  })

  it('refuses a folder without a run', async () => {
    const { source } = jobs()

    await assert.rejects(merge(source), {
      code: 'TORCH_RUN',
      message: `${join(source, 'run.json')}: Is not there: no run has its results here`,
    })
  })

  it('ends when it is asked to, and leaves no half result', async () => {
    const { submit, work, out } = jobs()
    await submit()
    await work()
    const controller = new AbortController()

    await assert.rejects(merge(out, { signal: controller.signal, onMerged: () => controller.abort() }), {
      name: 'AbortError',
    })
    await assert.rejects(readFile(join(out, 'results.jsonl')), { code: 'ENOENT' })
  })
})

describe('The queue of a run', () => {
  const jobs = useJobs()

  it('holds no more of a chunk than its place: finished jobs are gone', async () => {
    const { submit, work, redis } = jobs()
    const { run } = await submit({ model: CHECKPOINT })
    await work()

    const keys = await redis.use((client) => client.keys('*'))

    assert.deepEqual(
      keys.filter((key) => key.startsWith(`napi-torch:images:${run}`)),
      [],
    )
    assert.ok(keys.includes(`napi-torch-runs:images:run:${run}`))
    const left = await redis.use((client) => client.ttl(`napi-torch-runs:images:run:${run}`))
    assert.ok(left > 29 * 24 * 3600, `${left} s`)
  })
})
