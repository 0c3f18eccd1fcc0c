import assert from 'node:assert/strict'

import { WorkerMetrics } from '../../../packages/jobs/lib/metrics.js'
import { MetricsServer } from '../../../packages/jobs/lib/metrics_server.js'

describe('MetricsServer', () => {
  let server: MetricsServer
  const metrics = new WorkerMetrics({ depth: () => Promise.resolve(null), inHand: () => 0 })
  beforeEach(async () => {
    server = await MetricsServer.open({ port: 0 }, metrics)
  })
  afterEach(() => server.close())

  it('serves metrics in the format of Prometheus', async () => {
    const response = await fetch(server.url)

    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
    assert.match(await response.text(), /^# HELP napi_torch_jobs_images_total /)
  })

  it('answers a liveness probe, and nothing else', async () => {
    const [health, other] = await Promise.all(['/healthz', '/'].map((path) => fetch(new URL(path, server.url))))

    assert.deepEqual([health?.status, await health?.text(), other?.status], [200, 'ok\n', 404])
  })

  it('is reached from this machine only, unless another host is given', () => {
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
  })

  it('refuses a port that is in use', async () => {
    const port = Number(new URL(server.url).port)

    await assert.rejects(MetricsServer.open({ port }, metrics), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: `Metrics cannot be served at 127.0.0.1:${port}: listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
    })
  })
})
