import { collectDefaultMetrics, Registry } from 'prom-client'

/**
 * Default metrics of prom-client that are left out. Some list every open connection: with 2,000 of them they block the event loop
 * for 20 ms, each time that they are read. The lag of the event loop is measured as `napi_torch_event_loop_lag_seconds`: the
 * default one is 10 ms where there is none.
 */
const LEFT_OUT = /^(?:nodejs_active_|nodejs_eventloop_lag_|process_open_fds$)/

/** How these are summed over several processes: the sum, or what prom-client does, says nothing. */
const AGGREGATORS = { process_start_time_seconds: 'min', process_max_fds: 'min' } as const

let registry: Registry | undefined

/** Metrics of the whole process. Made once, as its observers cannot be stopped: a process may have many servers. */
export function processMetrics(): Registry {
  if (registry !== undefined) return registry
  registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const { name } of registry.getMetricsAsArray()) if (LEFT_OUT.test(name)) registry.removeSingleMetric(name)
  for (const [name, aggregator] of Object.entries(AGGREGATORS)) {
    const metric = registry.getSingleMetric(name)
    // Some are not there on other systems.
    if (metric !== undefined) Object.assign(metric, { aggregator })
  }
  return registry
}
