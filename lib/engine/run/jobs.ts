import { native } from '../../libtorch/binding.js'
import type { EngineHandle } from '../../libtorch/handles.js'
import { onAbort } from '../../util/abort.js'

let newest = 0

/**
 * Starts a job of the executor and follows it until it no longer uses the memory that it was given: `signal` ends it
 * early, at the latest after the step at which it is. A job that ended first, but whose caller does not know yet, rejects
 * too: what an aborted caller sees must not depend on how fast the machine is.
 *
 * @throws The reason of `signal`.
 */
export async function followJob<T>(
  engine: EngineHandle,
  signal: AbortSignal | undefined,
  start: (id: number) => Promise<T | false>,
): Promise<T> {
  signal?.throwIfAborted()
  const id = ++newest
  const ignore = onAbort(signal, () => native.cancelJob(engine, id))
  try {
    const result = await start(id)
    signal?.throwIfAborted()
    if (result === false) throw new TypeError('Only a signal ends a job early')
    return result
  } finally {
    ignore()
  }
}
