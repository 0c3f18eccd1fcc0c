import type { IncomingHttpHeaders } from 'node:http'
import { isError } from 'napi-torch/internal'
import { traceOf } from './trace_context.js'

/** The spans of requests. */
export interface Tracing {
  /** Runs `body` in a span that continues the trace of the caller. */
  request<T>(name: string, headers: IncomingHttpHeaders, attributes: Attributes, body: () => Promise<T>): Promise<T>
  /** Runs `body` in a span below the current one. */
  child<T>(name: string, body: () => Promise<T>): Promise<T>
  /** Gives the id of the trace of a request, for its line in the log; null if it has none. */
  traceId(headers: IncomingHttpHeaders): string | null
  /** Sends what is left, and ends. */
  close(): Promise<void>
}

/** Attributes of a span. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

const OF_CALLER = {
  traceId: (headers: IncomingHttpHeaders) => traceOf(headers)?.traceId ?? null,
  close: () => Promise.resolve(),
}

const NO_TRACING: Tracing = {
  ...OF_CALLER,
  request: (_name, _headers, _attributes, body) => body(),
  child: (_name, body) => body(),
}

/**
 * Opens OpenTelemetry's API if it is installed. Without an SDK, which the program sets up, spans are not recorded and cost next to
 * nothing.
 */
export async function openTracing(): Promise<Tracing> {
  const api = await import('@opentelemetry/api').catch(() => null)
  if (api === null) return NO_TRACING
  const { context, propagation, SpanKind, SpanStatusCode, trace } = api
  const tracer = trace.getTracer('napi-torch')

  const run = <T>(
    name: string,
    options: { kind?: (typeof SpanKind)['SERVER']; attributes?: Attributes },
    body: () => Promise<T>,
  ): Promise<T> =>
    tracer.startActiveSpan(name, options, async (span) => {
      try {
        return await body()
      } catch (error) {
        const text = isError(error) ? error.message : String(error)
        span.setStatus({ code: SpanStatusCode.ERROR, message: text })
        throw error
      } finally {
        span.end()
      }
    })
  return {
    ...OF_CALLER,
    request: (name, headers, attributes, body) =>
      context.with(propagation.extract(context.active(), headers), () =>
        run(name, { kind: SpanKind.SERVER, attributes }, body),
      ),
    child: (name, body) => run(name, {}, body),
  }
}
