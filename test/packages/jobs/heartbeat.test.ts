import assert from 'node:assert/strict'
import { once } from 'node:events'

import { Redis } from 'ioredis'

import { Heartbeat, listWorkers, type WorkerReport } from '../../../packages/jobs/lib/heartbeat.js'
import { keysOf } from '../../../packages/jobs/lib/keys.js'
import { useRedis } from './support/redis.js'

const KEYS = keysOf('images')

function report(id: string): WorkerReport {
  return {
    id,
    host: 'host',
    pid: 1,
    version: '0.1.0',
    inHand: 2,
    images: 10,
    errors: 1,
    imagesPerSecond: 5,
    uptimeMs: 2000,
  }
}

describe('Heartbeat', () => {
  const redis = useRedis()
  let client: Redis
  beforeEach(async () => {
    await redis().flush()
    client = new Redis(redis().url, { maxRetriesPerRequest: null })
    client.on('error', () => undefined)
    await client.ping()
  })
  afterEach(() => client.disconnect())

  it('lists a worker from its start to its end', async () => {
    const [one, other] = ['a', 'b'].map((id) => new Heartbeat(client, KEYS, id, () => report(id)))
    const both = await listWorkers(client, KEYS)

    await other?.end()
    const left = await listWorkers(client, KEYS)
    await one?.end()

    assert.deepEqual([both, left], [[report('a'), report('b')], [report('a')]])
    assert.deepEqual(await listWorkers(client, KEYS), [])
  })

  it('expires 10 s after the last beat of a worker that died, which is then forgotten', async () => {
    const heartbeat = new Heartbeat(client, KEYS, 'a', () => report('a'))
    await client.ping()
    const seconds = await client.ttl(KEYS.worker('a'))
    await client.del(KEYS.worker('a'))

    assert.ok(seconds > 8 && seconds <= 10, `${seconds} s`)
    assert.deepEqual(await listWorkers(client, KEYS), [])
    assert.deepEqual(await client.smembers(KEYS.workers), [])
    await heartbeat.end()
  })

  it('queues no reports while Redis is away', async () => {
    const closed = once(client, 'close')
    await redis().stop()
    await closed
    const heartbeat = new Heartbeat(client, KEYS, 'a', () => report('a'))
    await heartbeat.end()
    await redis().resume()

    assert.deepEqual(await listWorkers(client, KEYS), [])
  })
})
