import { Histogram, type Registry } from 'prom-client'

const INTERVAL_MS = 20
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5]

/**
 * Measures how late the event loop calls a timer. A histogram, which every reader may read: the one of `node:perf_hooks` must be
 * reset to show the last minute, and one reader of several that does so takes the values from the others.
 */
export class EventLoopLag {
  readonly #timer: NodeJS.Timeout

  constructor(registry: Registry) {
    const histogram = new Histogram({
      name: 'napi_torch_event_loop_lag_seconds',
      help: `Lag of the event loop, measured every ${INTERVAL_MS} ms`,
      buckets: SECONDS,
      registers: [registry],
    })
    let last = performance.now()
    this.#timer = setInterval(() => {
      const now = performance.now()
      histogram.observe(Math.max(0, now - last - INTERVAL_MS) / 1000)
      last = now
    }, INTERVAL_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
