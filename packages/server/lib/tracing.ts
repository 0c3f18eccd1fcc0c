import type { IncomingHttpHeaders } from 'node:http'
import { isError } from 'napi-torch/internal'

/** Spans of OpenTelemetry, if it is installed. */
export interface Tracing {
  /** Runs `body` in a span that continues the trace of the caller. */
  request<T>(name: string, headers: IncomingHttpHeaders, attributes: Attributes, body: () => Promise<T>): Promise<T>
  /** Runs `body` in a span below the current one. */
  child<T>(name: string, body: () => Promise<T>): Promise<T>
}

/** Attributes of a span. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

const NO_TRACING: Tracing = {
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
    request: (name, headers, attributes, body) =>
      context.with(propagation.extract(context.active(), headers), () =>
        run(name, { kind: SpanKind.SERVER, attributes }, body),
      ),
    child: (name, body) => run(name, {}, body),
  }
}
