import { setTimeout as delay } from 'node:timers/promises'

import { Counter, Registry } from 'prom-client'

import { RELOADS, RESTARTS } from '../metrics.js'
import { processMetrics } from '../process_metrics.js'
import type { WorkerProcess } from './process.js'
import { MetricsSum, type MetricJson } from './sum_metrics.js'

/** Time that a worker has to tell its metrics; later, its last ones are taken. */
const WAIT_MS = 2000

/** The metrics of the primary process and of all workers. */
export class PoolMetrics {
  readonly #registry = new Registry()
  readonly #sum = new MetricsSum()
  readonly #reloads = new Counter({ ...RELOADS, registers: [this.#registry] })
  readonly #restarts = new Counter({ ...RESTARTS, registers: [this.#registry] })

  /** Notes a load, unload or reload of models. */
  reload(result: 'ok' | 'failed'): void {
    this.#reloads.inc({ result })
  }

  /** Notes that a worker is started in the place of one that has ended. */
  restart(): void {
    this.#restarts.inc()
  }

  /** Notes that a worker has ended. */
  end(number: number): void {
    this.#sum.end(number)
  }

  /** Gives the sum in the format of Prometheus. */
  async text(workers: readonly WorkerProcess[]): Promise<string> {
    await Promise.all(
      workers.map(async (worker) => {
        const late = new AbortController()
        const metrics = await Promise.race([
          worker.ask('metrics', null).catch(() => null),
          delay(WAIT_MS, null, { signal: late.signal }).catch(() => null),
        ])
        late.abort()
        if (metrics !== null) this.#sum.note(worker.number, metrics)
      }),
    )
    return this.#sum.text(await this.#own())
  }

  async #own(): Promise<readonly MetricJson[]> {
    return Registry.merge([this.#registry, processMetrics()]).getMetricsAsJSON()
  }
}
