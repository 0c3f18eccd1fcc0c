import { fastify, type FastifyBaseLogger } from 'fastify'

import type { Settings } from './settings.js'

/** What receives the lines of the log, which are JSON. */
export interface LogStream {
  write(line: string): void
}

interface LogOptions {
  readonly level: string
  readonly base: object | null
  readonly stream?: LogStream
}

/**
 * Options of the logger of a process; false where it is silent.
 *
 * @param worker - Number that each line carries. Default: none.
 */
export function logOptions(
  { logLevel: level }: Pick<Settings, 'logLevel'>,
  stream: LogStream | undefined,
  worker?: number,
): LogOptions | false {
  if (level === 'silent') return false
  const base = worker === undefined ? null : { worker }
  return { level, base, ...(stream === undefined ? {} : { stream }) }
}

/** Makes the log of a process that serves nothing itself: that of the web framework, so that all lines have one form. */
export function createLog(settings: Pick<Settings, 'logLevel'>, stream: LogStream | undefined): FastifyBaseLogger {
  return fastify({ logger: logOptions(settings, stream) }).log
}
