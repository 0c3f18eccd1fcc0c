import { expected } from 'napi-torch/internal'

/** Prefix of all keys in Redis. */
export const KEY_PREFIX = 'napi-torch'

/** The queue that is used unless another one is named. */
export const DEFAULT_QUEUE = 'images'

/** The keys of a queue that are not BullMQ's. */
export interface Keys {
  /** Set of the ids of all runs. */
  readonly runs: string
  /** Set of the ids of all workers. */
  readonly workers: string
  /** Hash: the manifest and the counts of a run. */
  run(run: string): string
  /** Bits: which chunks of a run are done. */
  done(run: string): string
  /** Hash: images that workers were computing when they died. */
  poison(run: string): string
  /** Text: the last report of a worker. It expires unless the worker renews it. */
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
    poison: (run) => `${base}:poison:${run}`,
    worker: (id) => `${base}:worker:${id}`,
  }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `name` can name a queue. */
export function checkQueueName(name: unknown): string {
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    throw expected('a name of at most 64 letters, digits, dots and dashes', 'queue', name)
  }
  return name
}

/** Id of the job of a chunk. It is always the same, so that BullMQ accepts no chunk twice. */
export function jobId(run: string, chunk: number): string {
  return `${run}-${chunk}`
}
