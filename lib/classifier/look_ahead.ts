import { onAbort } from '../util/abort.js'

/** How {@link lookAhead} goes about it. */
export interface LookAheadOptions {
  /** The most pieces of work begun and not yet consumed. */
  readonly limit: number
  /** Ends the iteration with its reason, also while a source is awaited. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Does a piece of work for each source, ahead of time, and yields the results in the order of the sources.
 *
 * A failure, of a piece of work or of the sources, ends the iteration when its turn comes. When it ends, or the consumer
 * stops early, no further work begins, what is under way is waited for, and the sources are closed.
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

  /** Goes on reading, unless it does, or has run ahead far enough. */
  read(): void {
    if (!this.#isReading) void this.#read()
  }

  /** Makes room for another result. */
  consume(): void {
    void this.pending.shift()
    this.read()
  }

  /** Settles when there is more to look at. */
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
    // A source that is awaited may never come: its iterator closes then, and nobody waits for that.
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
        result.catch(() => undefined) // It is consumed later: until then it must not count as unhandled.
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
