import assert from 'node:assert/strict'

import { Counter, Gauge, Histogram, Registry } from 'prom-client'

import { MetricsSum, type MetricJson } from '../../../../packages/server/lib/workers/sum_metrics.js'

/** The metrics of a process that has counted `count`. */
async function metricsOf(count: number): Promise<readonly MetricJson[]> {
  const registers = [new Registry()]
  new Counter({ name: 'requests', help: 'Requests', labelNames: ['model'], registers }).inc({ model: 'a' }, count)
  new Histogram({ name: 'seconds', help: 'Time', buckets: [1], registers }).observe(count)
  new Gauge({ name: 'bytes', help: 'Bytes', registers }).set(count)
  new Gauge({ name: 'ready', help: 'Ready', aggregator: 'min', registers }).set(count)
  return registers[0]?.getMetricsAsJSON() ?? []
}

async function valuesOf(sum: MetricsSum): Promise<Readonly<Record<string, number>>> {
  const lines = (await sum.text([])).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]))
}

describe('MetricsSum', () => {
  it('sums counters, histograms and gauges, and takes the smallest where a gauge says so', async () => {
    const sum = new MetricsSum()
    sum.note(1, await metricsOf(2))
    sum.note(2, await metricsOf(0.5))

    assert.deepEqual(await valuesOf(sum), {
      'requests{model="a"}': 2.5,
      'seconds_bucket{le="1"}': 1,
      'seconds_bucket{le="+Inf"}': 2,
      seconds_sum: 2.5,
      seconds_count: 2,
      bytes: 2.5,
      ready: 0.5,
    })
  })

  it('keeps what processes counted that have ended, and nothing else of them', async () => {
    const sum = new MetricsSum()
    for (const count of [1, 2, 3]) {
      sum.note(1, await metricsOf(count))
      sum.end(1)
      // Neither before nor after these are summed is a counter smaller.
      const { [`requests{model="a"}`]: requests } = await valuesOf(sum)
      assert.equal(requests, (count * (count + 1)) / 2, `after the end of process ${count}`)
    }
    sum.note(1, await metricsOf(10))

    const { bytes, ready, seconds_count, 'requests{model="a"}': requests } = await valuesOf(sum)

    assert.deepEqual([bytes, ready, seconds_count, requests], [10, 10, 4, 16])
  })
})
