import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { merge, retry, status } from '@napi-torch/jobs'

import { countDifferences, predictionsHere, readRows } from './support/results.js'
import { failAllChunks, useJobs } from './support/setup.js'

describe('retry()', () => {
  const jobs = useJobs()

  it('adds failed chunks again', async () => {
    const setup = jobs()
    const { out, work, redis, paths } = setup
    await failAllChunks(setup)

    const retried = await retry(out, { redis: redis.url })
    await work()

    assert.deepEqual(retried, { run: retried.run, failed: 3, reopened: 0, added: 3 })
    assert.equal(countDifferences(readRows((await merge(out)).results), await predictionsHere(paths)), 0)
  })

  it('adds the chunks that Redis has lost, with nothing but the folder of the results', async () => {
    const { submit, work, out, source, redis } = jobs()
    await submit()
    await redis.flush()

    assert.equal((await retry(out, { redis: redis.url })).added, 3)
    await work()
    assert.equal((await merge(out)).images, 25)
    assert.equal((await status({ redis: redis.url })).runs[0]?.source, source)
  })

  it('adds chunks with errors of a code, and no others', async () => {
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
    assert.equal(countDifferences(readRows((await merge(out)).results), await predictionsHere(paths)), 0)
    const [run] = (await status({ redis: redis.url })).runs
    assert.deepEqual([run?.imagesDone, run?.errors, run?.state], [25, {}, 'finished'])
  })

  it('adds chunks whose results are gone', async () => {
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
      message: `${list}: Has been changed since the run was submitted`,
    })
  })
})
