import { onAbort } from '../util/abort.js'

/** Options of {@link lookAhead}. */
export interface LookAheadOptions {
  /** Maximum number of results that are begun and not yet consumed. */
  readonly limit: number
  /** Ends the iteration with the signal's reason, also while a source is awaited. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Does `work` for each source, ahead of the consumer, and yields the results in the order of the sources.
 *
 * A failure, of the work or of the sources, ends the iteration when its turn comes. When the iteration ends, or the consumer
 * stops early, no further work begins, the work under way is awaited, and the sources are closed.
 */
export async function* lookAhead<Source, Result>(
  sources: Iterable<Source> | AsyncIterable<Source>,
  work: (source: Source) => Promise<Result>,
  { limit, signal }: LookAheadOptions,
): AsyncGenerator<Result, void, undefined> {
  signal?.throwIfAborted()
  const reader = new Reader(sources, work, limit)
  const ignore = onAbort(signal, () => reader.wake())
  try {
    for (;;) {
      signal?.throwIfAborted()
      reader.read()
      const [next] = reader.pending
      if (next !== undefined) {
        const result = await next
        reader.consume()
        yield result
      } else if (reader.isDone) {
        reader.throwFailure()
        return
      } else {
        await reader.changed()
      }
    }
  } finally {
    ignore()
    await reader.close()
  }
}

/** Takes sources one after the other and begins their work. */
class Reader<Source, Result> {
  /** Results that have not been consumed, in order. */
  readonly pending: Promise<Result>[] = []
  isDone = false
  readonly #iterator: AsyncIterator<Source> | Iterator<Source>
  readonly #work: (source: Source) => Promise<Result>
  readonly #limit: number
  #isReading = false
  #failure: { readonly error: unknown } | null = null
  #wake: () => void = () => undefined

  constructor(
    sources: Iterable<Source> | AsyncIterable<Source>,
    work: (source: Source) => Promise<Result>,
    limit: number,
  ) {
    this.#iterator = Symbol.asyncIterator in sources ? sources[Symbol.asyncIterator]() : sources[Symbol.iterator]()
    this.#work = work
    this.#limit = limit
  }

  /** Continues reading, up to the limit. */
  read(): void {
    if (!this.#isReading) void this.#read()
  }

  /** Makes room for another result. */
  consume(): void {
    void this.pending.shift()
    this.read()
  }

  /** Settles when there is something new. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake()
  }

  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error
  }

  async close(): Promise<void> {
    const isExhausted = this.isDone
    this.isDone = true
    const closed = isExhausted ? undefined : this.#iterator.return?.()
    // A source that is awaited may never come, so closing the iterator is not awaited.
    if (this.#isReading) Promise.resolve(closed).catch(() => undefined)
    await Promise.allSettled(this.pending)
    if (!this.#isReading) await closed
  }

  async #read(): Promise<void> {
    this.#isReading = true
    try {
      while (!this.isDone && this.pending.length < this.#limit) {
        const step = await this.#iterator.next()
        if (this.isDone) break
        if (step.done === true) {
          this.isDone = true
          break
        }
        const result = this.#work(step.value)
        result.catch(() => undefined) // Until it is consumed, a failure must not count as an unhandled rejection.
        this.pending.push(result)
        this.#wake()
      }
    } catch (error) {
      this.#failure = { error }
      this.isDone = true
    } finally {
      this.#isReading = false
      this.#wake()
    }
  }
}
