import type { Colors } from 'napi-torch/internal/cli'

/** Names of the levels of pino. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}

/** Formats a line of the log, which is JSON, for reading on a terminal. */
export function humanLine(json: string, { dim, red, yellow, cyan }: Colors): string {
  const { level, time, msg = '', requestId, err, ...facts } = JSON.parse(json) as LogEntry
  const name = LEVELS[level] ?? String(level)
  const paint = level >= 50 ? red : level >= 40 ? yellow : cyan
  const clock = new Date(time).toTimeString().slice(0, 8)
  const shown = Object.entries(facts).map(([key, value]) => dim(`${key}=`) + textOf(value))
  const error = err === undefined ? [] : [err.message]
  const id = requestId === undefined ? [] : [dim(requestId.slice(0, 8))]
  return [dim(clock), paint(name.padEnd(5)), msg, ...error, ...shown, ...id].join(' ')
}

interface LogEntry {
  readonly level: number
  readonly time: number
  readonly msg?: string
  readonly requestId?: string
  readonly err?: { readonly message: string }
  readonly [fact: string]: unknown
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
