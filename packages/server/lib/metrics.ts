import { Counter, Gauge, Histogram, Registry } from 'prom-client'

import { memory } from 'napi-torch'
import { packageFacts, type BatchFacts } from 'napi-torch/internal'
import type { MetricJson } from './workers/sum_metrics.js'
import { EventLoopLag } from './event_loop_lag.js'
import type { Timing } from './inference.js'
import { processMetrics } from './process_metrics.js'
import type { ModelRegistry } from './registry.js'

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128]

/** Loads of models, which where there are workers the primary process counts. */
export const RELOADS = {
  name: 'napi_torch_reloads_total',
  help: 'Loads, unloads and reloads of models by result',
  labelNames: ['result'],
} as const

/** Workers that died and were replaced, which the primary process counts. */
export const RESTARTS = {
  name: 'napi_torch_worker_restarts_total',
  help: 'Worker processes that were started in the place of one that had ended',
} as const

/** State that {@link Metrics} reads on each scrape. */
export interface MetricsSources {
  readonly models: ModelRegistry
  readonly bodyBytes: () => number
  readonly connections: () => Promise<number>
  readonly cacheBytes: () => number
}

/** The metrics of a server and of its process, in the format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #requests
  readonly #rejected
  readonly #queue
  readonly #preprocess
  readonly #infer
  readonly #batchSize
  readonly #batchWait
  readonly #batches
  readonly #duration
  readonly #reloads
  readonly #lookups
  readonly #spans
  readonly #lag

  constructor(sources: MetricsSources) {
    const registers = [this.#registry]
    const histogram = (name: string, help: string, buckets = SECONDS): Histogram<'model'> =>
      new Histogram({ name, help, labelNames: ['model'], buckets, registers })
    const counter = <const T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> =>
      new Counter({ name, help, labelNames: [...labelNames], registers })
    this.#requests = counter(
      'napi_torch_requests_total',
      'Requests by model and HTTP status, which gRPC calls are given, too; 499 means that the client left',
      ['model', 'status'],
    )
    this.#rejected = counter('napi_torch_rejected_total', 'Failed requests by model and error code', [
      'model',
      'reason',
    ])
    this.#duration = histogram(
      'napi_torch_request_seconds',
      'Time from the start of a request to compute to the end of its response',
    )
    this.#queue = histogram('napi_torch_queue_seconds', 'Time that a request waited')
    this.#preprocess = histogram('napi_torch_preprocess_seconds', 'Time to decode and prepare an image')
    this.#infer = histogram('napi_torch_infer_seconds', 'Time to compute a batch')
    this.#batchSize = histogram('napi_torch_batch_size_samples', 'Samples in a batch', BATCH_SIZES)
    this.#batchWait = histogram('napi_torch_batch_wait_seconds', 'Time that the oldest sample of a batch waited for it')
    this.#batches = counter(
      'napi_torch_batches_total',
      'Batches by why they began: full, the delay was over, or the engine was idle',
      ['model', 'reason'],
    )
    this.#reloads = new Counter({ ...RELOADS, registers })
    this.#lookups = counter('napi_torch_cache_samples_total', 'Samples by model, and whether their result was kept', [
      'model',
      'result',
    ])
    this.#spans = counter('napi_torch_trace_spans_total', 'Spans that were sent to the collector, or dropped', [
      'result',
    ])
    new Gauge({ name: 'napi_torch_workers', help: 'Processes that serve', registers }).set(1)
    new Counter({ ...RESTARTS, registers })
    observeModels(this.#registry, sources.models)
    observeMemory(this.#registry, sources)
    this.#lag = new EventLoopLag(this.#registry)
    new Gauge({
      name: 'napi_torch_build_info',
      help: 'Always 1; the versions are labels',
      labelNames: ['version', 'node'],
      aggregator: 'first',
      registers,
    }).set({ version: packageFacts().version, node: process.versions.node }, 1)
  }

  /** Notes a request that was answered or given up. */
  request(model: string, status: number): void {
    this.#requests.inc({ model, status: String(status) })
  }

  /** Notes how long a request took that asked for a computation. */
  duration(model: string, seconds: number): void {
    this.#duration.observe({ model }, seconds)
  }

  /** Notes the error code of a request. */
  rejected(model: string, reason: string): void {
    this.#rejected.inc({ model, reason })
  }

  /** Notes how long a request waited and was prepared. */
  inference(model: string, { queueMs, preprocessMs }: Timing): void {
    this.#queue.observe({ model }, queueMs / 1000)
    if (preprocessMs > 0) this.#preprocess.observe({ model }, preprocessMs / 1000)
  }

  /** Notes a batch. */
  batch(model: string, { size, computeMs, reason, oldestWaitMs }: BatchFacts): void {
    this.#batches.inc({ model, reason })
    this.#batchSize.observe({ model }, size)
    this.#batchWait.observe({ model }, oldestWaitMs / 1000)
    this.#infer.observe({ model }, computeMs / 1000)
  }

  /** Notes a load, unload or reload of models. */
  reload(result: 'ok' | 'failed'): void {
    this.#reloads.inc({ result })
  }

  /** Notes a sample whose result was looked for among those that are kept. */
  lookup(model: string, isHit: boolean): void {
    this.#lookups.inc({ model, result: isHit ? 'hit' : 'miss' })
  }

  /** Notes spans of traces. */
  spans(result: 'sent' | 'dropped', count: number): void {
    this.#spans.inc({ result }, count)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  text(): Promise<string> {
    return Registry.merge([this.#registry, processMetrics()]).metrics()
  }

  /** The metrics in a form that can be sent to another process, and summed there. */
  json(): Promise<readonly MetricJson[]> {
    return Registry.merge([this.#registry, processMetrics()]).getMetricsAsJSON()
  }

  close(): void {
    this.#lag.close()
    this.#registry.clear()
  }
}

function observeModels(registry: Registry, models: ModelRegistry): void {
  new Gauge({
    name: 'napi_torch_queue_depth_samples',
    help: 'Samples that wait',
    labelNames: ['model'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { name, queued } of models.models) this.inc({ model: name }, queued)
    },
  })
  new Gauge({
    name: 'napi_torch_model_ready',
    help: '1 if the model is ready, otherwise 0',
    labelNames: ['model', 'version'],
    // Ready where it is ready in each worker.
    aggregator: 'min',
    registers: [registry],
    collect() {
      this.reset()
      for (const { name: model, version, state } of models.index())
        this.set({ model, version }, state === 'READY' ? 1 : 0)
    },
  })
}

function observeMemory(registry: Registry, { bodyBytes, connections, cacheBytes }: MetricsSources): void {
  const gauge = (name: string, help: string, read: () => number | Promise<number>): Gauge =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })
  gauge('napi_torch_native_bytes', 'Bytes of live tensors', () => memory().bytes)
  gauge('napi_torch_native_tensors', 'Live tensors', () => memory().tensors)
  gauge('napi_torch_body_bytes', 'Bytes of the request bodies in memory', bodyBytes)
  gauge('napi_torch_cache_bytes', 'Bytes of the results that are kept', cacheBytes)
  gauge('napi_torch_connections', 'Open connections', connections)
}
