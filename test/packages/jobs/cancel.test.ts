import assert from 'node:assert/strict'
import { join } from 'node:path'

import { cancel, retry, status } from '@napi-torch/jobs'

import { copyModel, useJobs } from './support/setup.js'

describe('cancel()', () => {
  const jobs = useJobs()

  it('removes the chunks of a run from the queue, and those of no other', async () => {
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

  it('makes workers skip chunks that a submit still adds', async () => {
    const { submit, redis, work } = jobs()
    const { run } = await submit()
    await redis.use((client) => client.hset(`napi-torch-runs:images:run:${run}`, 'cancelled', 1))

    const { chunks, images } = await work()

    assert.deepEqual([chunks, images], [0, 0])
    assert.equal((await status({ redis: redis.url })).runs[0]?.chunks.done, 0)
  })

  it('is undone by retry, and by the same submit', async () => {
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
