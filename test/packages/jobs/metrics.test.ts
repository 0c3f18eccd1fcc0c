import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'

import { WorkerMetrics, type MetricSources } from '../../../packages/jobs/lib/metrics.js'

describe('WorkerMetrics', () => {
  const sources: MetricSources = {
    depth: () => Promise.resolve({ waiting: 7, active: 2, delayed: 1, failed: 0 }),
    inHand: () => 2,
  }

  async function linesOf(metrics: WorkerMetrics): Promise<string[]> {
    return (await metrics.text()).split('\n')
  }

  it('counts images, chunks and errors', async () => {
    const metrics = new WorkerMetrics(sources)
    for (let image = 0; image < 3; image++) metrics.image()
    metrics.chunk('computed', { images: 3, errors: { TORCH_FILE: 2 } }, 0.3)
    metrics.chunk('present', { images: 5, errors: { TORCH_IMAGE: 1 } }, 0.1)
    metrics.chunk('failed', { images: 0, errors: {} }, 0)
    metrics.lockLost()
    metrics.takenOver()

    const lines = await linesOf(metrics)

    for (const line of [
      'napi_torch_jobs_images_total 3',
      'napi_torch_jobs_image_errors_total{code="TORCH_FILE"} 2',
      'napi_torch_jobs_chunks_total{end="computed"} 1',
      'napi_torch_jobs_chunks_total{end="present"} 1',
      'napi_torch_jobs_chunks_total{end="failed"} 1',
      'napi_torch_jobs_chunk_seconds_bucket{le="0.5"} 1',
      'napi_torch_jobs_chunk_seconds_count 1',
      'napi_torch_jobs_locks_lost_total 1',
      'napi_torch_jobs_taken_over_total 1',
      'napi_torch_jobs_in_hand_chunks 2',
      'napi_torch_jobs_queue_chunks{state="waiting"} 7',
    ]) {
      assert.ok(lines.includes(line), line)
    }
    assert.deepEqual([metrics.images, metrics.errors, metrics.chunks], [3, 2, 1])
  })

  it('leaves the depth of the queue out while Redis is away', async () => {
    const lines = await linesOf(new WorkerMetrics({ ...sources, depth: () => Promise.resolve(null) }))

    assert.ok(!lines.some((line) => line.startsWith('napi_torch_jobs_queue_chunks{')))
  })

  it('has memory, CPU and event loop of the process, once for all workers in it', async () => {
    const all = [new WorkerMetrics(sources), new WorkerMetrics(sources)]

    for (const lines of await Promise.all(all.map(linesOf))) {
      for (const name of [
        'process_resident_memory_bytes',
        'process_cpu_seconds_total',
        'nodejs_eventloop_lag_p99_seconds',
      ])
        assert.equal(lines.filter((line) => line.startsWith(`${name} `)).length, 1, name)
    }
  })

  it('measures the rate between calls', async () => {
    const metrics = new WorkerMetrics(sources)
    const first = metrics.rate()
    for (let image = 0; image < 100; image++) metrics.image()
    await setTimeout(100)

    const rate = metrics.rate()

    assert.equal(first, 0)
    assert.ok(rate > 0 && rate <= 1100, `${rate}`)
  })
})
