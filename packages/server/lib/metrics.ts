import { monitorEventLoopDelay } from 'node:perf_hooks'

// The one import of prom-client: another library could take its place here.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

import { memory } from 'napi-torch'
import { packageFacts } from 'napi-torch/internal'
import type { Timing } from './inference.js'
import type { ModelRegistry } from './registry.js'

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128]

/** What {@link Metrics} looks at when it is asked. */
export interface MetricsSources {
  readonly models: ModelRegistry
  readonly bodyBytes: () => number
  readonly connections: () => Promise<number>
}

/** The figures of a server in the format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #delay = monitorEventLoopDelay({ resolution: 10 })
  readonly #requests
  readonly #rejected
  readonly #queue
  readonly #preprocess
  readonly #infer
  readonly #batchSize
  readonly #duration
  readonly #reloads

  constructor({ models, bodyBytes, connections }: MetricsSources) {
    const registers = [this.#registry]
    const seconds = <const T extends string>(name: string, help: string, labelNames: readonly T[]): Histogram<T> =>
      new Histogram({ name, help, labelNames: [...labelNames], buckets: SECONDS, registers })
    const gauge = (name: string, help: string, collect: () => number | Promise<number>): Gauge =>
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(await collect())
        },
      })
    this.#requests = new Counter({
      name: 'napi_torch_requests_total',
      help: 'Requests by model and HTTP status; 499 is a client that left',
      labelNames: ['model', 'status'],
      registers,
    })
    this.#rejected = new Counter({
      name: 'napi_torch_rejected_total',
      help: 'Requests that were refused, by the code of the reason',
      labelNames: ['model', 'reason'],
      registers,
    })
    this.#duration = seconds(
      'napi_torch_request_seconds',
      'Time from the first byte of a request to the last of its answer',
      ['model'],
    )
    this.#queue = seconds('napi_torch_queue_seconds', 'Time that a request waited for its turn', ['model'])
    this.#preprocess = seconds('napi_torch_preprocess_seconds', 'Time in which an image was decoded and prepared', [
      'model',
    ])
    this.#infer = seconds('napi_torch_infer_seconds', 'Time in which a batch was computed', ['model'])
    this.#batchSize = new Histogram({
      name: 'napi_torch_batch_size_samples',
      help: 'Samples in a batch',
      labelNames: ['model'],
      buckets: BATCH_SIZES,
      registers,
    })
    this.#reloads = new Counter({
      name: 'napi_torch_reloads_total',
      help: 'Changes of the models, by result',
      labelNames: ['result'],
      registers,
    })
    new Gauge({
      name: 'napi_torch_queue_depth_samples',
      help: 'Samples that wait',
      labelNames: ['model'],
      registers,
      collect() {
        this.reset()
        for (const { name, queued } of models.models) this.inc({ model: name }, queued)
      },
    })
    new Gauge({
      name: 'napi_torch_model_ready',
      help: '1 where a model answers, else 0',
      labelNames: ['model', 'version'],
      registers,
      collect() {
        this.reset()
        for (const { name: model, version, state } of models.index())
          this.set({ model, version }, state === 'READY' ? 1 : 0)
      },
    })
    gauge('napi_torch_native_bytes', 'Bytes of live tensors', () => memory().bytes)
    gauge('napi_torch_native_tensors', 'Live tensors', () => memory().tensors)
    gauge('napi_torch_body_bytes', 'Bytes that the bodies of requests under way hold', bodyBytes)
    gauge('napi_torch_connections', 'Open connections', connections)
    gauge('process_resident_memory_bytes', 'Resident memory of the process', () => process.memoryUsage.rss())
    gauge('process_uptime_seconds', 'Time since the process began', () => process.uptime())
    const delay = this.#delay
    delay.enable()
    new Gauge({
      name: 'napi_torch_event_loop_lag_seconds',
      help: 'How late the event loop was since this was asked last, by quantile; 1 is the longest gap',
      labelNames: ['quantile'],
      registers,
      collect() {
        // The timer itself takes its resolution.
        const lag = (ns: number): number => Math.max(0, (Number.isFinite(ns) ? ns : 0) / 1e9 - 0.01)
        this.set({ quantile: '0.5' }, lag(delay.percentile(50)))
        this.set({ quantile: '0.99' }, lag(delay.percentile(99)))
        this.set({ quantile: '1' }, lag(delay.max))
        delay.reset()
      },
    })
    new Gauge({
      name: 'napi_torch_build_info',
      help: 'Always 1; the labels say what runs',
      labelNames: ['version', 'node'],
      registers,
    }).set({ version: packageFacts().version, node: process.versions.node }, 1)
  }

  /** Notes a request that was answered, or not. */
  request(model: string, status: number, seconds: number): void {
    this.#requests.inc({ model, status: String(status) })
    this.#duration.observe({ model }, seconds)
  }

  /** Notes why a request was refused. */
  rejected(model: string, reason: string): void {
    this.#rejected.inc({ model, reason })
  }

  /** Notes where the time of a request went. */
  inference(model: string, { queueMs, preprocessMs }: Timing): void {
    this.#queue.observe({ model }, queueMs / 1000)
    if (preprocessMs > 0) this.#preprocess.observe({ model }, preprocessMs / 1000)
  }

  /** Notes a batch. */
  batch(model: string, size: number, inferMs: number): void {
    this.#batchSize.observe({ model }, size)
    this.#infer.observe({ model }, inferMs / 1000)
  }

  /** Notes a change of the models. */
  reload(result: 'ok' | 'failed'): void {
    this.#reloads.inc({ result })
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  close(): void {
    this.#delay.disable()
    this.#registry.clear()
  }
}
