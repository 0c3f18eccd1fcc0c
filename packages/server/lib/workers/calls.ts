import type { FolderChange, IndexEntry } from '../registry.js'
import type { ModelSettings, Settings } from '../settings.js'
import type { StatisticsEntry } from '../statistics.js'
import type { PlainError } from './channel.js'
import type { PlainScan } from './plain_scan.js'
import type { MetricJson } from './sum_metrics.js'

// What the primary process and its workers ask each other for. Types only: both ends are of one release.

/** How a worker is started. */
export interface WorkerStart {
  readonly number: number
  readonly settings: Settings
}

/** Where a worker listens. */
export interface Addresses {
  readonly url: string
  readonly grpcAddress: string | null
}

/** A change of a model of the watched folder, whose error can be sent. */
export interface PlainChange extends Omit<FolderChange, 'error'> {
  readonly error: PlainError | null
}

/** Names of a model and one of its versions; all where they are not given. */
export interface StatisticsWanted {
  readonly model: string | undefined
  readonly version: string | undefined
}

/** What the primary process asks a worker for. */
export interface WorkerCalls {
  /** Begins to listen and to load the models. */
  readonly listen: (start: WorkerStart) => Promise<Addresses>
  /** Waits until the models of the settings are loaded. */
  readonly ready: (argument: null) => Promise<null>
  readonly replace: (models: readonly ModelSettings[]) => Promise<null>
  readonly load: (model: string) => Promise<null>
  readonly unload: (model: string) => Promise<null>
  readonly follow: (scan: PlainScan) => Promise<readonly PlainChange[]>
  readonly index: (argument: null) => Promise<readonly IndexEntry[]>
  readonly statistics: (wanted: StatisticsWanted) => Promise<readonly StatisticsEntry[]>
  readonly metrics: (argument: null) => Promise<readonly MetricJson[]>
  /** Says whether all workers are ready. */
  readonly allReady: (isReady: boolean) => Promise<null>
  /** Shuts down, and then ends. */
  readonly close: (graceMs: number) => Promise<null>
}

/** What a worker asks the primary process for: most is done by all workers. */
export interface PrimaryCalls {
  /** Says that the worker listens to what it is asked for: what was sent before that is lost. */
  readonly hello: (argument: null) => Promise<null>
  readonly load: (model: string) => Promise<null>
  readonly unload: (model: string) => Promise<null>
  readonly index: (argument: null) => Promise<readonly IndexEntry[]>
  readonly statistics: (wanted: StatisticsWanted) => Promise<readonly StatisticsEntry[]>
  /** The sum of the metrics, in the format of Prometheus. */
  readonly metrics: (argument: null) => Promise<string>
}
