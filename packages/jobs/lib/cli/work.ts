import { type Context, duration, EXIT, oneLine, plural, rate } from 'napi-torch/internal/cli'
import type { WorkEvent } from '../run_worker.js'
import { work as workOn } from '../work.js'
import type { WorkFlags } from './command.js'

/** Runs a worker until a signal stops it. Prints lines for a log, not a progress bar. */
export async function work(flags: WorkFlags, { terminal, signal }: Context): Promise<number> {
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
    const failed = errors === 0 ? '' : `, ${plural(errors, 'image')} failed`
    terminal.print(`${plural(chunks, 'chunk')}, ${plural(images, 'image')} in ${duration(elapsedMs)}${failed}`)
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
  const failures = Object.entries(errors).map(([code, number]) => `, ${number} × ${code}`)
  return `${plural(images, 'image')} in ${duration(ms)} (${rate((1000 * images) / ms)}/s)${failures.join('')}`
}
