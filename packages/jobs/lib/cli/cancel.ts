import { type Context, defineCommand, EXIT, type Flags, plural } from 'napi-torch/internal/cli'
import { cancel as cancelRun } from '../cancel.js'
import { QUEUE_OPTIONS, REDIS_NOTES, RUN } from './options.js'

export const command = defineCommand({
  name: 'cancel',
  description: 'Takes the chunks of a run out of the queue. Results stay, and retry continues from there.',
  arguments: { run: RUN },
  options: QUEUE_OPTIONS,
  notes: REDIS_NOTES,
  run: ({ run }, flags, context) => cancel(run, flags, context),
})

async function cancel(
  run: string,
  { json, ...options }: Flags<typeof QUEUE_OPTIONS>,
  { terminal }: Context,
): Promise<number> {
  const cancelled = await cancelRun(run, options)
  if (json === true) terminal.printJson(cancelled)
  else terminal.print(`${plural(cancelled.removed, 'chunk')} removed from the queue`)
  return EXIT.ok
}
