import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingHttpHeaders } from 'node:http'

import { isError, packageFacts } from 'napi-torch/internal'
import { newSpanId, newTrace, traceOf, type TraceContext } from './trace_context.js'
import type { Attributes, Tracing } from './tracing.js'

// Not OpenTelemetry's exporter: since 0.301 it needs Node.js 22.15, and it brings six packages to send one kind of JSON.

const INTERVAL_MS = 5000
/** Spans that are sent together. */
const BATCH_SIZE = 512
const TIMEOUT_MS = 10_000
/** Characters of the text of a failed span. */
const MAX_STATUS_LENGTH = 200

/** Kinds and states of spans, as the protocol numbers them. */
const INTERNAL = 1
const SERVER = 2
const FAILED = 2

/** Options of {@link OtlpTracing}: settings of the server. */
export interface OtlpOptions {
  readonly otlpEndpoint: string
  readonly traceRatio: number
  readonly maxTraceSpans: number
}

/** Is told of spans that were sent, and of those that were dropped. */
export interface SpanObserver {
  sent(count: number): void
  dropped(count: number, reason: string): void
}

interface ActiveSpan {
  readonly trace: TraceContext
  readonly id: string
}

/** Records the spans of requests, and sends them to a collector as OTLP in JSON over HTTP. */
export class OtlpTracing implements Tracing {
  readonly #options: OtlpOptions
  readonly #active = new AsyncLocalStorage<ActiveSpan>()
  readonly #traces = new WeakMap<IncomingHttpHeaders, TraceContext>()
  readonly #spans: object[] = []
  readonly #timer: NodeJS.Timeout
  #sending: Promise<void> = Promise.resolve()
  observer: SpanObserver = { sent: () => undefined, dropped: () => undefined }

  constructor(options: OtlpOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#flush(), INTERVAL_MS).unref()
  }

  traceId(headers: IncomingHttpHeaders): string {
    return this.#traceOf(headers).traceId
  }

  request<T>(name: string, headers: IncomingHttpHeaders, attributes: Attributes, body: () => Promise<T>): Promise<T> {
    const trace = this.#traceOf(headers)
    return this.#run({ name, kind: SERVER, trace, parentId: trace.parentId, attributes }, body)
  }

  child<T>(name: string, body: () => Promise<T>): Promise<T> {
    const parent = this.#active.getStore()
    if (parent === undefined) return body()
    return this.#run({ name, kind: INTERNAL, trace: parent.trace, parentId: parent.id, attributes: {} }, body)
  }

  /** Sends what is left, and ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
    while (this.#spans.length > 0) {
      this.#flush()
      await this.#sending
    }
  }

  #traceOf(headers: IncomingHttpHeaders): TraceContext {
    const trace = this.#traces.get(headers) ?? traceOf(headers) ?? newTrace(this.#options.traceRatio)
    this.#traces.set(headers, trace)
    return trace
  }

  async #run<T>({ name, kind, trace, parentId, attributes }: SpanStart, body: () => Promise<T>): Promise<T> {
    if (!trace.isSampled) return body()
    const id = newSpanId()
    const startedAt = nanoseconds()
    let status: object = {}
    try {
      return await this.#active.run({ trace, id }, body)
    } catch (error) {
      const message = (isError(error) ? error.message : String(error)).slice(0, MAX_STATUS_LENGTH)
      status = { code: FAILED, message }
      throw error
    } finally {
      this.#add({
        traceId: trace.traceId,
        spanId: id,
        ...(parentId === null ? {} : { parentSpanId: parentId }),
        name,
        kind,
        startTimeUnixNano: startedAt,
        endTimeUnixNano: nanoseconds(),
        attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) })),
        status,
      })
    }
  }

  #add(span: object): void {
    if (this.#spans.length >= this.#options.maxTraceSpans) {
      this.observer.dropped(1, `more than ${this.#options.maxTraceSpans} wait (maxTraceSpans)`)
      return
    }
    this.#spans.push(span)
    if (this.#spans.length === BATCH_SIZE) this.#flush()
  }

  /** Sends the spans that wait, after those that are being sent: they stay in the queue, and count, until then. */
  #flush(): void {
    this.#sending = this.#sending.then(async () => {
      const spans = this.#spans.splice(0, BATCH_SIZE)
      if (spans.length > 0) await this.#send(spans)
    })
  }

  async #send(spans: readonly object[]): Promise<void> {
    try {
      const response = await fetch(this.#options.otlpEndpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(messageOf(spans)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      await response.body?.cancel()
      if (response.ok) this.observer.sent(spans.length)
      else this.observer.dropped(spans.length, `the collector answers ${response.status}`)
    } catch (error) {
      const { cause } = error as { readonly cause?: unknown }
      const reason = isError(cause) ? cause.message : isError(error) ? error.message : String(error)
      this.observer.dropped(spans.length, reason)
    }
  }
}

interface SpanStart {
  readonly name: string
  readonly kind: number
  readonly trace: TraceContext
  readonly parentId: string | null
  readonly attributes: Attributes
}

function messageOf(spans: readonly object[]): object {
  const { version } = packageFacts()
  const text = (key: string, stringValue: string): object => ({ key, value: { stringValue } })
  const resource = { attributes: [text('service.name', 'napi-torch'), text('service.version', version)] }
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'napi-torch', version }, spans }] }] }
}

function valueOf(value: Attributes[string]): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** Nanoseconds since 1970, exact to a microsecond: a double has no more digits. */
function nanoseconds(): string {
  return `${Math.round((performance.timeOrigin + performance.now()) * 1000)}000`
}
