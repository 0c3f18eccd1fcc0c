import assert from 'node:assert/strict'

import { Redis } from 'ioredis'

import { PoisonMessages } from '../../../packages/jobs/lib/poison_messages.js'
import { useRedis } from './support/redis.js'

const KEY = 'poison'

describe('PoisonMessages', () => {
  const redis = useRedis()
  let client: Redis
  beforeEach(async () => {
    await redis().flush()
    client = new Redis(redis().url)
  })
  afterEach(() => client.disconnect())

  /** Begins a chunk and notes images, up to that of which the worker dies. */
  async function die(chunk: number, ...positions: readonly number[]): Promise<number[]> {
    const poison = new PoisonMessages(client, KEY, chunk)
    const skipped = await poison.begin()
    for (const position of positions) await poison.note(position)
    return [...skipped]
  }

  it('leaves out an image after it has killed two workers', async () => {
    const skipped = [await die(0, 0, 1, 2), await die(0, 0, 1, 2), await die(0, 0, 1, 3), await die(0)]

    assert.deepEqual(skipped, [[], [], [2], [2]])
  })

  it('leaves out several images of a chunk', async () => {
    for (const position of [1, 1, 4, 4]) await die(0, position)

    assert.deepEqual((await die(0)).sort(), [1, 4])
  })

  it('keeps chunks apart', async () => {
    await die(0, 1)
    await die(1, 1)

    assert.deepEqual([await die(0, 1), await die(1, 1)], [[], []])
  })

  it('does not count a death after the end of the chunk, and expires', async () => {
    await die(0, 1)
    const poison = new PoisonMessages(client, KEY, 0)
    await poison.begin()
    await poison.note(1)
    await poison.end()

    assert.deepEqual(await die(0), [])
    assert.ok((await client.ttl(KEY)) > 29 * 24 * 3600)
  })
})
