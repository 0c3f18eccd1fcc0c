import assert from 'node:assert/strict'

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
})
