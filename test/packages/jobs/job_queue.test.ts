import assert from 'node:assert/strict'

import { JobQueue } from '../../../packages/jobs/lib/job_queue.js'
import { readSpans } from '../../../packages/jobs/lib/listing.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { useJobs } from './support/setup.js'

describe('JobQueue', () => {
  const jobs = useJobs()

  it('removes the jobs of finished chunks, and keeps the run for 30 days', async () => {
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

  it('does not add a chunk that a worker finishes while the run is submitted again', async () => {
    const { submit, redis } = jobs()
    const { run } = await submit({ model: CHECKPOINT })
    await using queue = await JobQueue.open({ redis: redis.url })
    const manifest = await queue.findRun(run)
    // On the connection of the queue: Redis sees both after the bits of the run were read, and before it is asked for the jobs.
    const signal = Object.assign(new AbortController().signal, {
      throwIfAborted() {
        void queue.runs.finish(run, 1, { images: 10, errors: {} })
        void queue.redis.del(queue.queue.toKey(`${run}-1`))
      },
    })

    assert.equal(await queue.addMissing(manifest, await readSpans(manifest), signal), 0)
  })
})
