import { prefetch } from './prefetch.js'

/** How samples become batches. */
export interface BatchLoading<Read, Finished, Joined> {
  /** Indices of the samples of each batch. */
  readonly batches: Iterable<readonly number[]>
  /** The most samples that are read ahead of the batch that the consumer waits for. */
  readonly lookahead: number
  /** The most samples that are read at a time. */
  readonly concurrency: number
  readonly signal: AbortSignal | undefined
  /** Called for each sample that fails, in order; the batch goes on without it. Without it the iteration ends with the error. */
  readonly onError: ((error: unknown, index: number) => void) | undefined
  /** Reads a sample, ahead of time, beside others. */
  readonly read: (index: number) => Promise<Read>
  /**
   * Begins what has to be begun in the order of the samples, and not before their batch is asked for. The next sample waits for the
   * promise that it gives, not for the result in it.
   */
  readonly finish: (sample: Read) => Promise<{ readonly result: Promise<Finished> }>
  readonly join: (samples: readonly Finished[], indices: readonly number[]) => Joined
  /** Disposes what a sample that no batch takes holds. */
  readonly discard: (sample: Read | Finished) => void
}

/**
 * Reads samples ahead, and joins them to batches in order. What is drawn by chance is drawn in `finish`: in the order of the samples,
 * and after what the consumer drew before it asked for the batch, as in a loop of Python without workers.
 */
export function loadBatches<Read, Finished, Joined>(
  loading: BatchLoading<Read, Finished, Joined>,
): AsyncGenerator<Joined, void, undefined> {
  const { batches, lookahead, concurrency, signal, read, discard } = loading
  const work = async (item: BatchItem): Promise<Settled<Read>> => {
    const value = Promise.resolve().then(() => {
      signal?.throwIfAborted()
      return read(item.index)
    })
    return { ...item, ...(await outcome(value)) }
  }
  const unused = ({ value }: Settled<Read>): void => {
    if (value !== undefined) discard(value)
  }
  return joined(prefetch(itemsOf(batches), work, unused, { concurrency, lookahead }), loading)
}

async function* joined<Read, Finished, Joined>(
  samples: AsyncIterable<Settled<Read>>,
  { signal, onError, finish, join, discard }: BatchLoading<Read, Finished, Joined>,
): AsyncGenerator<Joined, void, undefined> {
  const waiting: { readonly index: number; readonly result: Promise<Outcome<Finished>> }[] = []
  let finished: Finished[] = []
  const refuse = (error: unknown, index: number): void => {
    if (onError === undefined || signal?.aborted === true) throw error
    onError(error, index)
  }
  try {
    for await (const { index, isLast, ...sample } of samples) {
      if (sample.value === undefined && onError === undefined) throw sample.error
      waiting.push({ index, ...(await begin(sample, finish)) })
      if (!isLast) continue

      const indices: number[] = []
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const { value, error } = await next.result
        if (value === undefined) refuse(error, next.index)
        else {
          finished.push(value)
          indices.push(next.index)
        }
      }
      if (finished.length === 0) continue
      const batch = join(finished, indices)
      finished = []
      yield batch
    }
  } finally {
    finished.forEach(discard)
    for (const { value } of await Promise.all(waiting.map(({ result }) => result))) {
      if (value !== undefined) discard(value)
    }
  }
}

/** A sample of a batch. */
interface BatchItem {
  readonly index: number
  /** Whether the batch ends with it. */
  readonly isLast: boolean
}

/** What became of a sample. */
type Outcome<T> =
  { readonly value: T; readonly error?: undefined } | { readonly value?: undefined; readonly error: unknown }

type Settled<T> = BatchItem & Outcome<T>

async function outcome<T>(sample: Promise<T>): Promise<Outcome<T>> {
  return sample.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
}

/** Finishes a sample that could be read; gives the promise of what becomes of it once the next one may begin. */
async function begin<Read, Finished>(
  sample: Outcome<Read>,
  finish: BatchLoading<Read, Finished, unknown>['finish'],
): Promise<{ readonly result: Promise<Outcome<Finished>> }> {
  if (sample.value === undefined) return { result: Promise.resolve({ error: sample.error }) }
  const { value: begun, error } = await outcome(finish(sample.value))
  return { result: begun === undefined ? Promise.resolve({ error }) : outcome(begun.result) }
}

function* itemsOf(batches: Iterable<readonly number[]>): Generator<BatchItem, void, undefined> {
  for (const batch of batches) {
    for (const [position, index] of batch.entries()) yield { index, isLast: position === batch.length - 1 }
  }
}
