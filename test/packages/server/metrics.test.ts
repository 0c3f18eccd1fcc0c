import assert from 'node:assert/strict'

import { MODEL, startServer, useServer } from '../../support/server.js'

async function metricsOf(url: string): Promise<ReadonlyMap<string, string>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return new Map(Array.from(text.matchAll(/^([a-z]\S*) (\S+)$/gm), ([, name = '', value = '']) => [name, value]))
}

describe('/metrics', () => {
  const running = useServer()

  it('has the process metrics of Prometheus: memory, CPU time, start, garbage collection', async () => {
    const metrics = await metricsOf(running().url)

    for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'nodejs_heap_size_used_bytes']) {
      assert.ok(Number(metrics.get(name)) > 0, name)
    }
    const startedAt = Number(metrics.get('process_start_time_seconds')) * 1000
    assert.ok(Math.abs(Date.now() - process.uptime() * 1000 - startedAt) < 2000, String(startedAt))
    const text = await (await fetch(`${running().url}/metrics`)).text()
    assert.match(text, /^# TYPE nodejs_gc_duration_seconds histogram$/m)
  })

  it('leaves out metrics that list every connection', async () => {
    const names = [...(await metricsOf(running().url)).keys()]

    assert.deepEqual(
      names.filter((name) => /^nodejs_active|^process_open_fds/.test(name)),
      [],
    )
  })

  it('shows an event loop that is not held up as one without lag', async () => {
    await metricsOf(running().url)
    await new Promise((resolve) => setTimeout(resolve, 200))

    const lag = (await metricsOf(running().url)).get('napi_torch_event_loop_lag_seconds{quantile="0.5"}')

    // The timer's interval of 10 ms is not a part of it.
    assert.ok(Number(lag) < 0.009, lag)
  })

  it('counts for each server of a process by itself, and shows the process on both', async () => {
    const other = await startServer()
    try {
      await fetch(`${running().url}/v1/classify/${MODEL}`, {
        method: 'POST',
        headers: { 'content-type': 'image/png' },
        body: 'x',
      })

      // Counted when the connection is done with it.
      const failed = `napi_torch_rejected_total{model="${MODEL}",reason="TORCH_IMAGE"}`
      while ((await metricsOf(running().url)).get(failed) !== '1');
      const [mine, others] = await Promise.all([metricsOf(running().url), metricsOf(other.url)])

      assert.equal(others.get(failed), undefined)
      assert.ok(mine.has('process_resident_memory_bytes') && others.has('process_resident_memory_bytes'))
    } finally {
      await other.server.close()
    }
    assert.ok((await metricsOf(running().url)).has('process_resident_memory_bytes'))
  })
})
