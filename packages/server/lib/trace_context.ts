import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** The trace that a request belongs to: https://www.w3.org/TR/trace-context. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** The caller's span, 16 hexadecimal digits; null where the trace begins here. */
  readonly parentId: string | null
  readonly isSampled: boolean
}

/** Later versions may have more fields behind these. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/
const SAMPLED = 1

/** Reads the header `traceparent`; null where there is none, or it is malformed, as the specification has it. */
export function traceOf({ traceparent }: IncomingHttpHeaders): TraceContext | null {
  const [, traceId, parentId, flags] = TRACEPARENT.exec(String(traceparent ?? '').trim()) ?? []
  if (traceId === undefined || parentId === undefined || flags === undefined) return null
  return { traceId, parentId, isSampled: (parseInt(flags, 16) & SAMPLED) !== 0 }
}

/** Begins a trace, which is recorded with this probability. */
export function newTrace(ratio: number): TraceContext {
  return { traceId: randomBytes(16).toString('hex'), parentId: null, isSampled: Math.random() < ratio }
}

/** Makes the id of a span. */
export function newSpanId(): string {
  return randomBytes(8).toString('hex')
}
