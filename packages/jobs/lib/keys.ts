import { expected } from 'napi-torch/internal'

/** Stands before the names of all keys in Redis. */
export const KEY_PREFIX = 'napi-torch'

/** The queue where nobody names another. */
export const DEFAULT_QUEUE = 'images'

/** The keys of a queue that are not BullMQ's. */
export interface Keys {
  /** Set of the ids of all runs. */
  readonly runs: string
  /** Set of the ids of all workers. */
  readonly workers: string
  /** Hash: what is known of a run, and counts. */
  run(run: string): string
  /** Bits: which chunks of a run are done. */
  done(run: string): string
  /** Hash: images that were in hand when workers died. */
  suspects(run: string): string
  /** Text: how a worker is. It expires when the worker does not renew it. */
  worker(id: string): string
}

export function keysOf(queue: string): Keys {
  // BullMQ's own begin with `napi-torch:QUEUE:`.
  const base = `${KEY_PREFIX}-runs:${queue}`
  return {
    runs: base,
    workers: `${base}:workers`,
    run: (run) => `${base}:run:${run}`,
    done: (run) => `${base}:done:${run}`,
    suspects: (run) => `${base}:suspects:${run}`,
    worker: (id) => `${base}:worker:${id}`,
  }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless it may be the name of a queue. */
export function checkQueueName(name: unknown): string {
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    throw expected('a name of at most 64 letters, digits, dots and dashes', 'queue', name)
  }
  return name
}

/** The id of the job of a chunk: the same for the same, so that BullMQ takes no chunk twice. */
export function jobId(run: string, chunk: number): string {
  return `${run}-${chunk}`
}
