import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { Queue } from 'bullmq'
import { merge, status, submit } from '@napi-torch/jobs'

import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { predictionsHere, countDifferences, readRows } from './support/results.js'
import { copyModel, useJobs } from './support/setup.js'

describe('work()', () => {
  const jobs = useJobs()

  it('predicts the same classes as one process', async () => {
    const { submit, out, paths, work } = jobs()
    await submit()

    const { chunks, images, errors } = await work()

    assert.deepEqual({ chunks, images, errors }, { chunks: 3, images: 25, errors: 0 })
    const { results } = await merge(out)
    const rows = readRows(results)
    assert.equal(rows.length, 25)
    assert.equal(countDifferences(rows, await predictionsHere(paths)), 0)
  })

  it('writes as many predictions as were requested', async () => {
    const { submit, out, work } = jobs()
    await submit({ topK: 3 })
    await work()

    const [row] = readRows((await merge(out)).results)

    assert.ok(row !== undefined && 'index' in row)
    assert.equal(row.top?.length, 3)
    assert.deepEqual(row.top[0], { label: row.label, index: row.index, probability: row.probability })
  })

  it('ends a missing image, and a file that is not an image, as a row with a code', async () => {
    const { submit, out, paths, work } = jobs()
    const [first = '', second = ''] = paths
    await writeFile(second, 'no image')
    await submit()
    await rm(first)

    const { errors } = await work()

    assert.equal(errors, 2)
    const rows = readRows((await merge(out)).results)
    assert.deepEqual(rows.slice(0, 2), [
      { path: first, error: { code: 'TORCH_FILE', message: `${first}: No such file` } },
      {
        path: second,
        error: {
          code: 'TORCH_IMAGE',
          message: `Cannot decode ${second}: It is not a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM image`,
        },
      },
    ])
    assert.ok(rows.slice(2).every((row) => 'index' in row))
  })

  it('writes the features of each image in the row of its line, and NaN where there are none', async () => {
    const { submit, out, paths, work } = jobs()
    await submit({ features: true })
    await rm(paths[3] ?? '')
    await work()

    const { features, results } = await merge(out)

    const bytes = await readFile(features ?? '')
    const header = bytes.readUInt16LE(8) + 10
    assert.match(
      bytes.toString('latin1', 10, header),
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(25, 512\), \}/,
    )
    const values = new Float32Array(Uint8Array.from(bytes.subarray(header)).buffer)
    assert.equal(values.length, 25 * 512)
    const empty = Array.from({ length: 25 }, (_, row) => row).filter((row) => Number.isNaN(values[row * 512]))
    assert.deepEqual(empty, [3])
    assert.deepEqual(readRows(results)[4], { path: paths[4], features: 512 })
  })

  it('does not compute a chunk again that is done', async () => {
    const { submit, out, work, redis } = jobs()
    await submit()
    await work()
    const before = await readFile(join(out, 'chunks', '00000000.jsonl'))
    await redis.flush()
    await submit()

    const { chunks, events } = await work()

    assert.equal(chunks, 0)
    assert.deepEqual(
      events.flatMap((event) => (event.type === 'chunk' ? [event.wasPresent] : [])),
      [true, true, true],
    )
    assert.deepEqual(await readFile(join(out, 'chunks', '00000000.jsonl')), before)
    assert.equal((await status({ redis: redis.url })).runs[0]?.imagesDone, 25)
  })

  it('computes a chunk again whose results are damaged', async () => {
    const { submit, out, work, redis } = jobs()
    await submit()
    await work()
    await appendFile(join(out, 'chunks', '00000001.jsonl'), 'half a li')
    await redis.flush()
    await submit()

    assert.equal((await work()).chunks, 1)
    assert.equal((await merge(out)).images, 25)
  })

  it('works on runs of different models by turns', async () => {
    const { submit, folder, out, paths, work, redis } = jobs()
    const model = await copyModel(join(folder, 'model'))
    await appendFile(join(folder, 'model', 'preset.json'), '\n')
    await submit()
    const other = join(folder, 'other')
    await submit({ out: other, model })

    await work({ concurrency: 4 })

    const { runs } = await status({ redis: redis.url })
    assert.deepEqual(
      runs.map(({ state, imagesDone }) => [state, imagesDone]),
      [
        ['finished', 25],
        ['finished', 25],
      ],
    )
    const here = await predictionsHere(paths)
    for (const folder of [out, other]) assert.equal(countDifferences(readRows((await merge(folder)).results), here), 0)
  })

  it('finishes the chunks in hand when it is told to stop, and takes no others', async () => {
    const { submit, redis, work } = jobs()
    await submit({ chunkSize: 2 })
    const controller = new AbortController()

    const { chunks } = await work({
      concurrency: 1,
      untilDone: false,
      signal: controller.signal,
      onEvent: ({ type }) => type === 'chunk' && controller.abort(),
    })

    const { depth, runs, workers } = await status({ redis: redis.url })
    assert.deepEqual([chunks, runs[0]?.chunks.done, depth.active, depth.waiting], [1, 1, 0, 12])
    assert.deepEqual(workers, [])
  })

  it('refuses another model than that of the run, and leaves the chunk to others', async () => {
    const { submit, folder, out, work, redis } = jobs()
    const model = await copyModel(join(folder, 'model'))
    await appendFile(model, 'x')
    await submit()

    await assert.rejects(work({ model }), {
      code: 'TORCH_RUN',
      message: `${model}: Is not the model of the run, or not beside the same preset.json`,
    })
    const { depth } = await status({ redis: redis.url })
    assert.equal(depth.waiting + depth.delayed, 3)
    assert.equal(depth.failed, 0)
    await work({ model: CHECKPOINT })
    assert.equal((await merge(out)).images, 25)
  })

  it('takes the same model from another place', async () => {
    const { submit, folder, work } = jobs()
    const model = await copyModel(join(folder, 'model'))
    await submit()

    assert.equal((await work({ model })).chunks, 3)
  })

  it('refuses a run whose folder of results is not there, such as one that is not mounted', async () => {
    const { submit, out, work } = jobs()
    const { run } = await submit()
    await rename(out, `${out}-elsewhere`)

    await assert.rejects(work(), {
      code: 'TORCH_RUN',
      message: `Expected the description of run ${run} in ${join(out, 'run.json')}, but there is none: is the folder mounted?`,
    })
    await assert.rejects(readFile(join(out, 'chunks', '00000000.jsonl')), { code: 'ENOENT' })
  })

  it('keeps to its own folders, whatever a run allows', async () => {
    const { submit, folder, source, work } = jobs()
    await submit()

    await assert.rejects(work({ allowRoot: [source] }), {
      code: 'TORCH_SOURCE_REFUSED',
      message: `${join(folder, 'out')}: Is in no folder that this worker may use`,
    })
  })

  it('works in the folders that it is allowed', async () => {
    const { submit, folder, work } = jobs()
    await submit()

    assert.equal((await work({ allowRoot: [folder] })).chunks, 3)
  })

  it('fetches images from allowed addresses, and ends as rows what the server does not give', async () => {
    const { folder, out, paths, work, redis } = jobs()
    const server = createServer((request, response) => {
      const name = request.url?.split('/').at(-1) ?? ''
      if (name === 'busy.png') response.writeHead(503).end()
      else if (name === 'gone.png') response.writeHead(404).end()
      else void readFile(join(folder, 'images', name)).then((bytes) => response.end(bytes))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const list = join(folder, 'list.csv')
    await writeFile(
      list,
      ['url', ...['00000.png', 'gone.png', 'busy.png'].map((name) => `${origin}/a/${name}`)].join('\n'),
    )
    await submit(list, { model: CHECKPOINT, out, redis: redis.url, allowUrlPrefix: [`${origin}/a/`], attempts: 1 })

    await work()

    const rows = readRows((await merge(out)).results)
    const [here] = await predictionsHere(paths.slice(0, 1))
    assert.ok(here !== undefined)
    assert.equal(countDifferences(rows, [{ ...here, path: `${origin}/a/00000.png` }]), 0)
    assert.deepEqual(
      rows.slice(1).map((row) => ('error' in row ? row.error.code : null)),
      ['TORCH_FILE', 'TORCH_SOURCE_UNAVAILABLE'],
    )
    server.closeAllConnections()
    server.close()
  })

  it('serves metrics until it ends', async () => {
    const { submit, work } = jobs()
    await submit()
    const controller = new AbortController()
    let url = ''
    let text: Promise<string> = Promise.resolve('')
    let done = 0

    await work({
      untilDone: false,
      metrics: { port: 0 },
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'ready') url = event.metrics ?? ''
        if (event.type !== 'chunk' || ++done < 3) return
        text = fetch(url).then((response) => response.text())
        void text.finally(() => controller.abort())
      },
    })

    const metrics = await text
    for (const line of [
      'napi_torch_jobs_images_total 25',
      'napi_torch_jobs_chunks_total{end="computed"} 3',
      'napi_torch_jobs_queue_chunks{state="waiting"} 0',
      'napi_torch_jobs_chunk_seconds_count 3',
    ]) {
      assert.ok(metrics.split('\n').includes(line), `${line} is not in\n${metrics}`)
    }
    await assert.rejects(fetch(url))
  })

  it('refuses to hold chunks for less than a second', async () => {
    await assert.rejects(jobs().work({ lockMs: 999 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected at least 1000 ms for lockMs, received 999',
    })
  })

  it('warns of jobs that are not chunks', async () => {
    const { redis, work } = jobs()
    await redis.use(async (client) => {
      const queue = new Queue('images', { connection: client, prefix: 'napi-torch' })
      await queue.add('stranger', { path: '/etc/passwd' })
      await queue.close()
    })

    const { chunks, events } = await work()

    assert.equal(chunks, 0)
    assert.deepEqual(events.slice(1), [
      {
        type: 'warning',
        message: 'A job of the queue is not a chunk of a run: another program uses the queue (TORCH_RUN)',
      },
    ])
    assert.deepEqual((await status({ redis: redis.url })).runs, [])
  })
})
