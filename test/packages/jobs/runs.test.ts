import assert from 'node:assert/strict'

import { Redis } from 'ioredis'

import { keysOf } from '../../../packages/jobs/lib/keys.js'
import { Runs } from '../../../packages/jobs/lib/runs.js'
import { createManifest } from './support/manifest.js'
import { useRedis } from './support/redis.js'

const KEYS = keysOf('images')
const MANIFEST = createManifest()
const { run } = MANIFEST
const COUNTS = { images: 10, errors: { TORCH_FILE: 2 } }

describe('Runs', () => {
  const redis = useRedis()
  let client: Redis
  let runs: Runs
  beforeEach(async () => {
    await redis().flush()
    client = new Redis(redis().url)
    runs = new Runs(client, KEYS)
    await runs.begin(MANIFEST)
  })
  afterEach(() => client.disconnect())

  it('tells a new run from one that it knows', async () => {
    assert.deepEqual([await runs.begin(MANIFEST), await runs.begin(createManifest({ topK: 2 }))], [false, true])
    assert.deepEqual([...(await runs.list())].sort(), [run, createManifest({ topK: 2 }).run].sort())
  })

  it('counts a chunk once that two workers finish', async () => {
    const both = await Promise.all([runs.finish(run, 1, COUNTS), runs.finish(run, 1, COUNTS)])

    assert.deepEqual(both.sort(), [false, true])
    const record = await runs.find(run)
    assert.deepEqual([record?.counts, record?.chunksDone, record?.finishedAt], [COUNTS, 1, null])
    const isDone = await runs.done(run)
    assert.deepEqual([0, 1, 2].map(isDone), [false, true, false])
  })

  it('is finished with its last chunk, and expires after 30 days', async () => {
    for (const chunk of [2, 0, 1]) await runs.finish(run, chunk, COUNTS)

    const record = await runs.find(run)
    assert.ok(Math.abs((record?.finishedAt ?? 0) - Date.now()) < 60_000)
    for (const key of [KEYS.run(run), KEYS.done(run)]) assert.ok((await client.ttl(key)) > 29 * 24 * 3600)
  })

  it('subtracts the counts of a chunk that is reopened, and no longer expires', async () => {
    for (const chunk of [0, 1, 2]) await runs.finish(run, chunk, COUNTS)

    await runs.reopen(run, 1, COUNTS)
    await runs.reopen(run, 1, COUNTS)

    const record = await runs.find(run)
    assert.deepEqual([record?.counts, record?.chunksDone], [{ images: 20, errors: { TORCH_FILE: 4 } }, 2])
    assert.deepEqual([record?.finishedAt, await client.ttl(KEYS.run(run))], [null, -1])
  })

  it('does not count chunks of a run that Redis has lost', async () => {
    await redis().flush()

    assert.deepEqual([await runs.finish(run, 0, COUNTS), await runs.find(run)], [false, null])
  })

  it('is not wanted after it was cancelled, until it begins again', async () => {
    const wanted = [await runs.isWanted(run)]
    await runs.cancel(run)
    wanted.push(await runs.isWanted(run))
    await runs.begin(MANIFEST)
    wanted.push(await runs.isWanted(run))

    assert.deepEqual(wanted, [true, false, true])
    assert.equal(await runs.isWanted('unknown'), false)
  })

  it('forgets runs that have expired', async () => {
    await client.del(KEYS.run(run))

    assert.deepEqual(await runs.list(), [])
    assert.deepEqual(await client.smembers(KEYS.runs), [])
  })
})
