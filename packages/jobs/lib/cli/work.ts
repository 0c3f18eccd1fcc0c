import {
  BATCH_SIZE,
  type Context,
  defineCommand,
  DEVICE,
  duration,
  EXIT,
  type Flags,
  MODULE,
  oneLine,
  plural,
  POSITIVE_INTEGER,
  rate,
  type ValueType,
} from 'napi-torch/internal/cli'
import { DEFAULT_BATCH_SIZE, DEFAULT_CONCURRENCY, DEFAULT_LOCK_MS } from '../limits.js'
import type { MetricsAddress } from '../metrics_server.js'
import type { WorkEvent } from '../run_worker.js'
import { work as workOn } from '../work.js'
import { QUEUE_OPTIONS, REDIS_NOTES } from './options.js'

const ADDRESS: ValueType<MetricsAddress> = {
  expected: 'a port, or host:port',
  parse(text) {
    const match = /^(?:(.+):)?(\d{1,5})$/.exec(text)
    const port = Number(match?.[2])
    if (match === null || port > 65_535) return undefined
    const host = match[1]?.replace(/^\[|\]$/g, '')
    return host === undefined ? { port } : { host, port }
  },
}

const OPTIONS = {
  concurrency: {
    value: '<n>',
    description: 'number of chunks in hand at a time',
    type: POSITIVE_INTEGER,
    default: DEFAULT_CONCURRENCY,
  },
  threads: { value: '<n>', description: 'threads that compute (default: all cores)', type: POSITIVE_INTEGER },
  batchSize: { ...BATCH_SIZE, default: DEFAULT_BATCH_SIZE },
  device: DEVICE,
  model: { value: '<checkpoint>', description: "path of the checkpoint on this machine (default: the run's)" },
  module: { ...MODULE, description: 'file that builds the models of runs that need one; its code is run' },
  allowRoot: {
    value: '<folder>',
    description: 'use this folder only, whatever a run allows; may be repeated',
    isRepeatable: true,
  },
  lock: {
    value: '<seconds>',
    description: 'silence after which other workers take over a chunk',
    type: POSITIVE_INTEGER,
    default: DEFAULT_LOCK_MS / 1000,
  },
  untilDone: { description: 'exit when no chunks are left' },
  metrics: { value: '<address>', description: 'serve Prometheus metrics at this port, or host:port', type: ADDRESS },
  ...QUEUE_OPTIONS,
} as const

export const command = defineCommand({
  name: 'work',
  description: 'Works on the chunks of all runs of a queue, until a signal ends it.',
  options: OPTIONS,
  notes: `Start it on any number of machines; all must see the folders of images and results at the same paths. SIGTERM
and Ctrl-C finish the chunks in hand.

${REDIS_NOTES}`,
  examples: ['napi-torch jobs work', 'napi-torch jobs work --threads 8 --metrics 0.0.0.0:9464 --allow-root /data'],
  run: (_args, flags, context) => work(flags, context),
})

/** Works on chunks, and prints lines rather than a bar, as they go to a log. */
async function work(flags: Flags<typeof OPTIONS>, { terminal, signal }: Context): Promise<number> {
  const { json, lock, batchSize, ...options } = flags
  const summary = await workOn({
    ...options,
    maxBatchSize: batchSize,
    lockMs: 1000 * lock,
    signal,
    onEvent: (event) => terminal.note(json === true ? JSON.stringify(event) : lineOf(event)),
  })
  const { chunks, images, errors, elapsedMs } = summary
  if (json === true) terminal.printJson(summary)
  else {
    const faults = errors === 0 ? '' : `, ${plural(errors, 'image')} failed`
    terminal.print(`${plural(chunks, 'chunk')}, ${plural(images, 'image')} in ${duration(elapsedMs)}${faults}`)
  }
  return EXIT.ok
}

function lineOf(event: WorkEvent): string {
  switch (event.type) {
    case 'ready': {
      const metrics = event.metrics === null ? '' : `, metrics at ${event.metrics}`
      return `Worker ${event.worker} takes chunks of queue ${event.queue} from ${event.redis}${metrics}`
    }
    case 'warning':
      return `napi-torch: ${oneLine(event.message)}`
    case 'chunk':
      return `${chunkName(event)} ${endOf(event)}`
    case 'failed':
      return `${chunkName(event)} failed, attempt ${event.attempt} of ${event.attempts}: ${oneLine(event.message)}`
  }
}

function chunkName({ run, chunk }: { readonly run: string; readonly chunk: number }): string {
  return `${run.slice(0, 8)} chunk ${chunk}`
}

function endOf({ wasPresent, images, ms, errors }: Extract<WorkEvent, { type: 'chunk' }>): string {
  if (wasPresent) return 'was already done'
  const faults = Object.entries(errors).map(([code, number]) => `, ${number} × ${code}`)
  return `${plural(images, 'image')} in ${duration(ms)} (${rate((1000 * images) / ms)}/s)${faults.join('')}`
}
