import { randomUUID } from 'node:crypto'

import type { FastifyBaseLogger } from 'fastify'

import type { Exchange, ServerContext } from './context.js'

const REQUEST_ID = /^[\w.:-]{1,128}$/

/** The id of a request: the one that its client gives, if it can be one. */
export function requestIdOf(given: unknown): string {
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}

/** A request that is over. */
export interface FinishedRequest {
  readonly exchange: Exchange
  readonly method: string
  readonly route: string | null
  /** HTTP status, also of what came over gRPC. */
  readonly status: number
  readonly address: string
  /** The trace that it belongs to. */
  readonly traceId: string | null
  /** Whether it asks for a computation: it is counted even if it was for no model, and its time is. */
  readonly isCounted: boolean
  /** Whether it is one of many that say nothing. */
  readonly isMinor: boolean
}

/** Logs and counts a request: facts about it, nothing of its contents. */
export function recordRequest({ metrics }: ServerContext, log: FastifyBaseLogger, request: FinishedRequest): void {
  const { exchange, method, route, status, address, traceId, isCounted, isMinor } = request
  const { startedAt, model, version, timing, code } = exchange
  const ms = performance.now() - startedAt
  // What only asks for facts is answered in no time, which would hide how long the others take.
  if (isCounted) metrics.duration(model, ms / 1000)
  if (model !== '' || isCounted) metrics.request(model, status)
  if (code !== null) metrics.rejected(model, code)
  const round = (value: number): number => Math.round(value * 100) / 100
  log[isMinor ? 'debug' : 'info'](
    {
      method,
      route,
      status,
      address,
      ...(traceId === null ? {} : { traceId }),
      ...(code === null ? {} : { code }),
      ...(model === '' ? {} : { model }),
      ...(version === '' ? {} : { version }),
      ...(timing === null
        ? {}
        : {
            samples: timing.samples,
            batch: timing.batchSize,
            queueMs: round(timing.queueMs),
            preprocessMs: round(timing.preprocessMs),
            inferMs: round(timing.inferMs),
          }),
      ms: round(ms),
    },
    'request',
  )
}
