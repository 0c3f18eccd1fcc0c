import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client'

/** A metric with its values, as prom-client gives it; it can be sent to another process. */
export type MetricJson = MetricObjectWithValues<MetricValue<string>>

/** Metrics that only grow, and must not shrink when a process ends: Prometheus would take that for a restart. */
const GROWING: readonly string[] = ['counter', 'histogram']

/** Sums the metrics of several processes, those that have ended included. */
export class MetricsSum {
  /** The last metrics of each process that runs. */
  readonly #last = new Map<number, readonly MetricJson[]>()
  /** What those that have ended counted. */
  readonly #ended: (readonly MetricJson[])[] = []
  #summing: Promise<void> = Promise.resolve()

  /** Notes the metrics of a process. */
  note(process: number, metrics: readonly MetricJson[]): void {
    this.#last.set(process, metrics)
  }

  /**
   * Notes that a process has ended. What it counted since the last {@link note} is lost: no reader has seen it, so that no counter
   * becomes smaller.
   */
  end(process: number): void {
    const metrics = this.#last.get(process) ?? []
    this.#last.delete(process)
    // The types of prom-client say that it is a number.
    this.#ended.push(metrics.filter(({ type }) => GROWING.includes(String(type))))
    this.#summing = this.#summing.then(() => this.#sumEnded())
  }

  /** Gives the sum in the format of Prometheus. Gauges are summed, unless they say otherwise. */
  text(own: readonly MetricJson[]): Promise<string> {
    return registryOf([...this.#last.values(), ...this.#ended, own]).metrics()
  }

  /** Keeps one list, however many processes have ended. */
  async #sumEnded(): Promise<void> {
    const lists = [...this.#ended]
    const sum = await registryOf(lists).getMetricsAsJSON()
    this.#ended.splice(0, lists.length, sum)
  }
}

function registryOf(all: readonly (readonly MetricJson[])[]): ReturnType<typeof AggregatorRegistry.aggregate> {
  return AggregatorRegistry.aggregate(all.map((metrics) => [...metrics]))
}
