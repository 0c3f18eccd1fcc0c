import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { merge, type WorkEvent } from '@napi-torch/jobs'

import type { ChunkModel } from '../../../packages/jobs/lib/compute_chunk.js'
import { ModelHolder } from '../../../packages/jobs/lib/model_holder.js'
import { runWorker, type WorkerSettings } from '../../../packages/jobs/lib/run_worker.js'
import { readRows } from './support/results.js'
import { useJobs } from './support/setup.js'

const DEADLY_WORKER = fileURLToPath(new URL('./support/deadly_worker.ts', import.meta.url))
const LOCK_MS = 1000

function settingsFor(redis: string, onEvent: (event: WorkEvent) => void): WorkerSettings {
  return {
    redis,
    queue: undefined,
    concurrency: 1,
    lockMs: LOCK_MS,
    allowRoot: undefined,
    metrics: undefined,
    untilDone: true,
    signal: undefined,
    onEvent,
  }
}

describe('runWorker()', () => {
  const jobs = useJobs(4)

  it('keeps a chunk for as long as it computes, far longer than the lock holds', async () => {
    const { submit, redis, out } = jobs()
    await submit()
    const events: WorkEvent[] = []
    let answers = 0
    const model: ChunkModel = {
      classify: async () => {
        answers++
        await setTimeout(3 * LOCK_MS)
        return [{ label: null, index: 0, probability: 1 }]
      },
      features: () => Promise.reject(new Error('Nobody asks for features')),
      close: () => Promise.resolve(),
    }
    const other = runWorker(
      settingsFor(redis.url, (event) => events.push(event)),
      () => Promise.resolve(model),
    )

    await runWorker(
      settingsFor(redis.url, (event) => events.push(event)),
      () => Promise.resolve(model),
    )
    await other

    assert.deepEqual(
      events.map(({ type }) => type).filter((type) => type !== 'ready'),
      ['chunk'],
    )
    assert.equal(answers, 4)
    assert.equal((await merge(out)).images, 4)
  })

  it('ends an image of which workers die as a row, and answers the others', async function () {
    this.timeout(60_000)
    const { submit, redis, out, source, paths } = jobs()
    const deadly = join(source, '00001deadly.png')
    await rename(paths[1] ?? '', deadly)
    await submit()
    const ends: (number | null)[] = []

    while (ends.at(-1) !== 0 && ends.length < 10) {
      const worker = spawn(
        process.execPath,
        ['--conditions=napi-torch-source', '--import', 'tsx', DEADLY_WORKER, redis.url],
        {
          stdio: 'inherit',
        },
      )
      const [code] = (await once(worker, 'exit')) as [number | null]
      ends.push(code)
    }

    // Two deaths might be chance; the next two have this image alone in hand.
    assert.deepEqual(ends, [null, null, null, null, 0])
    const rows = readRows((await merge(out)).results)
    assert.deepEqual(
      rows.map((row) => ('error' in row ? row.error : 'index' in row && row.label)),
      [
        'alive',
        { code: 'TORCH_STALLED', message: `${deadly}: Was in hand each time that a worker died of its chunk` },
        'alive',
        'alive',
      ],
    )
  })
})

describe('ModelHolder', () => {
  const settings = (digest: string): { path: string; digest: string; dtype: 'float32' } => {
    return { path: 'model.pth', digest, dtype: 'float32' }
  }

  /** Counts what is loaded and closed. */
  function createHolder(): { readonly holder: ModelHolder; readonly log: string[] } {
    const log: string[] = []
    const holder = new ModelHolder(({ digest }) => {
      log.push(`load ${digest}`)
      if (digest === 'bad') return Promise.reject(new Error('damaged'))
      return Promise.resolve({
        classify: () => Promise.resolve([]),
        features: () => Promise.resolve(new Float32Array()),
        close: () => Promise.resolve(void log.push(`close ${digest}`)),
      })
    })
    return { holder, log }
  }

  it('loads a model once for all who use it', async () => {
    const { holder, log } = createHolder()

    await Promise.all([1, 2, 3].map(() => holder.use(settings('a'), () => Promise.resolve())))
    await holder.use(settings('a'), () => Promise.resolve())

    assert.deepEqual(log, ['load a'])
  })

  it('closes a model before it loads another, and not while it is used', async () => {
    const { holder, log } = createHolder()
    const use = (digest: string): Promise<void> =>
      holder.use(settings(digest), async () => {
        await setTimeout(10)
        log.push(`used ${digest}`)
      })

    await Promise.all([use('a'), use('a'), use('b'), use('a')])
    await holder.close()

    assert.deepEqual(log, [
      'load a',
      'used a',
      'used a',
      'close a',
      'load b',
      'used b',
      'close b',
      'load a',
      'used a',
      'close a',
    ])
  })

  it('tries again a model that could not be loaded', async () => {
    const { holder, log } = createHolder()

    for (let round = 0; round < 2; round++)
      await assert.rejects(
        holder.use(settings('bad'), () => Promise.resolve()),
        { message: 'damaged' },
      )
    await holder.use(settings('a'), () => Promise.resolve())

    assert.deepEqual(log, ['load bad', 'load bad', 'load a'])
  })

  it('lets a model go after a use that failed', async () => {
    const { holder, log } = createHolder()

    await assert.rejects(
      holder.use(settings('a'), () => Promise.reject(new Error('no'))),
      { message: 'no' },
    )
    await holder.use(settings('b'), () => Promise.resolve())

    assert.deepEqual(log, ['load a', 'close a', 'load b'])
  })
})
