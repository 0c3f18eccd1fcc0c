import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

import { skip } from '../../support/skip.js'
import { MODEL, post, startServer, useServer } from '../../support/server.js'

const JSON_TYPE = { 'content-type': 'application/json' }

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

  /** Times at which the event loop was later than `bound`, in seconds, and all times. */
  async function lags(bound: string): Promise<readonly [later: number, all: number]> {
    const metrics = await metricsOf(running().url)
    const [within, all] = [bound, '+Inf'].map((le) =>
      Number(metrics.get(`napi_torch_event_loop_lag_seconds_bucket{le="${le}"}`)),
    )
    return [(all ?? NaN) - (within ?? NaN), all ?? NaN]
  }

  it('shows an event loop that is not held up as one without lag', async () => {
    const [, before] = await lags('0.01')
    await new Promise((resolve) => setTimeout(resolve, 300))

    const [, after] = await lags('0.01')
    const median = (await metricsOf(running().url)).get('napi_torch_event_loop_lag_seconds_bucket{le="0.005"}')

    assert.ok(after > before)
    assert.ok(Number(median) > after / 2, `${median} of ${after}`)
  })

  it('shows an event loop that was held up to every reader, however many read before', async () => {
    const [before] = await lags('0.1')
    const until = performance.now() + 200
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 50))

    const seen = [await lags('0.1'), await lags('0.1')].map(([later]) => later)

    assert.deepEqual([seen[0] === seen[1], (seen[0] ?? NaN) > before], [true, true])
  })

  it('has nothing that promtool complains of, beside names of prom-client', async function () {
    const text = await (await fetch(`${running().url}/metrics`)).text()
    assert.doesNotMatch(text, /quantile=/)

    const { status, stdout, stderr, error } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    })

    if (error !== undefined) return skip(this, 'promtool of Prometheus is not installed')
    assert.equal(`${stdout}${stderr}`, '')
    assert.equal(status, 0)
  })

  for (const [name, url, init, status] of [
    ['a wrong media type', '/infer', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' }, 415],
    ['a version that is not there', '/versions/99/infer', { method: 'POST', headers: JSON_TYPE, body: '{}' }, 404],
    ['an address that is not there', '/nothing', {}, 404],
    ['a wrong method', '/infer', { method: 'PUT' }, 405],
    ['a question for facts', '', {}, 200],
  ] as const) {
    it(`counts ${name} under the model that the path names, ${status}`, async () => {
      const counter = `napi_torch_requests_total{model="${MODEL}",status="${status}"}`
      const before = Number((await metricsOf(running().url)).get(counter) ?? 0)

      const response = await fetch(`${running().url}/v2/models/${MODEL}${url}`, init)

      assert.equal(response.status, status)
      await response.arrayBuffer()
      let now = before
      for (const until = Date.now() + 2000; now === before && Date.now() < until;)
        now = Number((await metricsOf(running().url)).get(counter) ?? 0)
      assert.equal(now, before + 1)
    })
  }

  it('gives a model that is not there no metrics of its own', async () => {
    await fetch(`${running().url}/v2/models/unknown/infer`, { method: 'POST', headers: JSON_TYPE, body: '{}' })

    assert.doesNotMatch(await (await fetch(`${running().url}/metrics`)).text(), /model="unknown"/)
  })

  it('says why batches began, and how long their oldest sample waited', async () => {
    const data = Array<number>(3 * 28 * 28).fill(0)
    await post(`${running().url}/v2/models/${MODEL}/infer`, {
      inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28], data }],
    })

    const metrics = await metricsOf(running().url)

    assert.equal(metrics.get(`napi_torch_batches_total{model="${MODEL}",reason="idle"}`), '1')
    assert.equal(metrics.get(`napi_torch_batch_wait_seconds_count{model="${MODEL}"}`), '1')
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
