import { type Context, EXIT, plural } from 'napi-torch/internal/cli'
import { cancel as cancelRun } from '../cancel.js'
import type { QueueFlags } from './command.js'

/** Removes the chunks of a run from the queue. */
export async function cancel(run: string, { json, ...options }: QueueFlags, { terminal }: Context): Promise<number> {
  const cancelled = await cancelRun(run, options)
  if (json === true) terminal.printJson(cancelled)
  else terminal.print(`${plural(cancelled.removed, 'chunk')} removed from the queue`)
  return EXIT.ok
}
