import { collectDefaultMetrics, Registry } from 'prom-client'

/**
 * Default metrics of prom-client that are left out. Some list every open connection: with 2,000 of them they block the event loop
 * for 20 ms, each time that they are read. The lag of the event loop is measured as `napi_torch_event_loop_lag_seconds`: the
 * default one is 10 ms where there is none.
 */
const LEFT_OUT = /^(?:nodejs_active_|nodejs_eventloop_lag_|process_open_fds$)/

let registry: Registry | undefined

/** Metrics of the whole process. Made once, as its observers cannot be stopped: a process may have many servers. */
export function processMetrics(): Registry {
  if (registry !== undefined) return registry
  registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const { name } of registry.getMetricsAsArray()) if (LEFT_OUT.test(name)) registry.removeSingleMetric(name)
  return registry
}
