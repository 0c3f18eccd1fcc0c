import { type Context, count, EXIT, plural } from 'napi-torch/internal/cli'
import { retry as retryRun } from '../retry.js'
import type { RetryFlags } from './command.js'

/** Adds the missing chunks of a run to the queue again. */
export async function retry(
  run: string,
  { json, ...options }: RetryFlags,
  { terminal, signal }: Context,
): Promise<number> {
  const retried = await retryRun(run, { ...options, signal })
  const { added, failed, reopened } = retried
  if (json === true) terminal.printJson(retried)
  else
    terminal.print(
      `${plural(added, 'chunk')} added to the queue: ${count(failed)} had failed, ${count(reopened)} will be computed again`,
    )
  return EXIT.ok
}
