import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { merge } from '@napi-torch/jobs'

import { useJobs } from './support/setup.js'

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
      message: `${chunk}: Is damaged: delete it and run napi-torch jobs retry ${out}`,
    })
    assert.deepEqual(await readFile(results), before)
  })

  it('removes the temporary files of writers that died', async () => {
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
      message: `${join(source, 'run.json')}: Not found: no run has its results in this folder`,
    })
  })

  it('ends when it is aborted, and leaves no partial result', async () => {
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
