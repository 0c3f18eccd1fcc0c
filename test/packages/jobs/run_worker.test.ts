import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { merge, type WorkEvent } from '@napi-torch/jobs'

import type { ChunkModel } from '../../../packages/jobs/lib/compute_chunk.js'
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

  it('keeps a chunk for as long as it computes, far longer than the lock', async () => {
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
      features: () => Promise.reject(new Error('No features are requested')),
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

  it('ends an image that kills workers as an error row, and computes the others', async function () {
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

    // Two deaths may be chance; before the next two, this image was the only one in progress.
    assert.deepEqual(ends, [null, null, null, null, 0])
    const rows = readRows((await merge(out)).results)
    assert.deepEqual(
      rows.map((row) => ('error' in row ? row.error : 'index' in row && row.label)),
      [
        'alive',
        { code: 'TORCH_STALLED', message: `${deadly}: Was being computed each time a worker died on its chunk` },
        'alive',
        'alive',
      ],
    )
  })
})
