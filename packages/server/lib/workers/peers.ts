import type { IndexEntry } from '../registry.js'
import type { StatisticsEntry } from '../statistics.js'
import type { PrimaryCalls, StatisticsWanted } from './calls.js'
import type { Channel } from './channel.js'

/** All workers of a service, as one of them sees them. What it asks for is done by all, itself included, through the primary process. */
export class Peers {
  readonly #primary: Pick<Channel<PrimaryCalls>, 'ask'>
  /** Number of this worker, from 1. */
  readonly number: number
  /** Whether all workers are ready. */
  isReady = false

  constructor(primary: Pick<Channel<PrimaryCalls>, 'ask'>, number: number) {
    this.#primary = primary
    this.number = number
  }

  /** Loads a model again in each worker. @throws {TorchError} As `ModelRegistry.load()`. */
  async load(model: string): Promise<void> {
    await this.#primary.ask('load', model)
  }

  /** Unloads a model in each worker. @throws {TorchError} As `ModelRegistry.unload()`. */
  async unload(model: string): Promise<void> {
    await this.#primary.ask('unload', model)
  }

  /** The models; one is `READY` where it is in each worker. */
  index(): Promise<readonly IndexEntry[]> {
    return this.#primary.ask('index', null)
  }

  /** The sum of the statistics. */
  statistics(wanted: StatisticsWanted): Promise<readonly StatisticsEntry[]> {
    return this.#primary.ask('statistics', wanted)
  }

  /** The sum of the metrics, in the format of Prometheus. */
  metrics(): Promise<string> {
    return this.#primary.ask('metrics', null)
  }
}
