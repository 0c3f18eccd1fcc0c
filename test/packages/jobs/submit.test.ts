import assert from 'node:assert/strict'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { MAX_CHUNK_SIZE } from '@napi-torch/jobs'

import { useJobs } from './support/setup.js'

describe('submit()', () => {
  const jobs = useJobs()

  it('lists the images in the folder of the results, and adds a job for each chunk', async () => {
    const { paths, out, submit, redis } = jobs()

    const submission = await submit()

    assert.deepEqual(submission, { ...submission, images: 25, chunks: 3, added: 3, isKnown: false, warnings: [] })
    const lines = (await readFile(join(out, 'images.jsonl'), 'utf8')).trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as string),
      paths,
    )
    assert.equal(await redis.use((client) => client.llen('napi-torch:images:wait')), 3)
  })

  it('keeps paths and pixels out of Redis, which has the positions of the chunks in the list', async () => {
    const { paths, submit, redis } = jobs()

    const { run } = await submit()

    const data = await redis.use((client) => client.hget(`napi-torch:images:${run}-2`, 'data'))
    const length = paths.map((path) => path.length + 3)
    const [first = 0, all = 0] = [20, 25].map((end) => length.slice(0, end).reduce((sum, bytes) => sum + bytes, 0))
    assert.deepEqual(JSON.parse(data ?? ''), { run, chunk: 2, offset: first, bytes: all - first, images: 5 })
  })

  it('recognizes the same run, and adds nothing', async () => {
    const { submit } = jobs()
    const { run } = await submit()

    const again = await submit()

    assert.deepEqual([again.run, again.added, again.isKnown], [run, 0, true])
  })

  it('recognizes finished chunks', async () => {
    const { submit, work } = jobs()
    await submit()
    await work()

    assert.deepEqual((await submit()).added, 0)
  })

  it('adds the chunks again that Redis has lost', async () => {
    const { submit, redis } = jobs()
    const { run } = await submit()
    await redis.flush()

    const again = await submit()

    assert.deepEqual([again.run, again.added, again.isKnown], [run, 3, false])
  })

  for (const [name, options] of [
    ['another number of predictions', { topK: 2 }],
    ['features', { features: true }],
    ['chunks of another size', { chunkSize: 5 }],
    ['other labels', { labels: 'cifar10' }],
    ['another preset', { preset: 'cifar' }],
  ] as const) {
    it(`refuses ${name} in the folder of a run, and leaves that as it is`, async () => {
      const { submit, out } = jobs()
      const { run } = await submit()
      const before = await readFile(join(out, 'run.json'), 'utf8')

      await assert.rejects(submit(options), {
        code: 'TORCH_RUN',
        message: `${out}: Has the results of run ${run}, of other images, another model or other options`,
      })
      assert.equal(await readFile(join(out, 'run.json'), 'utf8'), before)
    })
  }

  it('takes additional images for another run', async () => {
    const { submit, source, paths } = jobs()
    await submit()
    await writeFile(join(source, '99999.png'), await readFile(paths[0] ?? ''))

    await assert.rejects(submit(), { code: 'TORCH_RUN' })
  })

  it('refuses a folder without images, and leaves no list behind', async () => {
    const { submit, source, out } = jobs()
    await rm(source, { recursive: true })
    await mkdir(source)

    await assert.rejects(submit(), { code: 'TORCH_DATASET', message: `${source}: Has no image` })
    await assert.rejects(readFile(join(out, 'images.jsonl')), { code: 'ENOENT' })
  })

  it('refuses a model that no worker could load', async () => {
    const { submit, folder } = jobs()
    const model = join(folder, 'model.pth')
    await writeFile(model, 'text')

    await assert.rejects(submit({ model }), { code: 'TORCH_CHECKPOINT_FORMAT' })
    await assert.rejects(submit({ arch: 'resnet50' }), { code: 'TORCH_ARCHITECTURE' })
    await assert.rejects(submit({ labels: 'imagenet' }), { code: 'TORCH_LABELS' })
  })

  it(`refuses chunks of more than ${MAX_CHUNK_SIZE} images`, async () => {
    await assert.rejects(jobs().submit({ chunkSize: MAX_CHUNK_SIZE + 1 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected at most 10000 for chunkSize, received 10001',
    })
  })

  it('refuses unknown options', async () => {
    await assert.rejects(jobs().submit({ chunksize: 1 } as object), { code: 'TORCH_INVALID_ARGUMENT' })
  })

  it('ends when it is aborted', async () => {
    await assert.rejects(jobs().submit({ signal: AbortSignal.abort() }), { name: 'AbortError' })
  })
})
