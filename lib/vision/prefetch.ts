import { AsyncResource } from 'node:async_hooks'

/** How far work may run ahead of who consumes it. */
export interface PrefetchOptions {
  /** The most pieces of work under way at a time. */
  readonly concurrency: number
  /** The most pieces of work begun and not yet consumed. */
  readonly lookahead: number
}

/**
 * Does the work on `items` ahead of time, and yields the results in their order.
 *
 * When the consumer stops early, or a piece fails, no further one begins; results that the consumer will not see go to `discard`.
 * Nothing begins, and no item is asked for, before the first step of the iteration.
 */
export function prefetch<I, T>(
  items: Iterable<I>,
  work: (item: I) => Promise<T>,
  discard: (result: T) => void,
  { concurrency, lookahead }: PrefetchOptions,
): AsyncGenerator<T, void, undefined> {
  const pending: Promise<T>[] = []
  let iterator: Iterator<I> | null = null
  let running = 0
  let isStopped = false

  const begin = (): void => {
    iterator ??= items[Symbol.iterator]()
    while (!isStopped && running < concurrency && pending.length < lookahead) {
      const next = iterator.next()
      if (next.done === true) {
        isStopped = true
        return
      }
      running++
      const result = work(next.value).finally(() => {
        running--
        begin()
      })
      result.catch(() => undefined) // It is consumed later: until then it must not count as unhandled.
      pending.push(result)
    }
  }
  // What the work makes belongs to the tensor scope around this call, not to the one around the step that happens to
  // begin it: that one may be closed when the result is consumed.
  const beginHere = AsyncResource.bind(begin)

  async function* results(): AsyncGenerator<T, void, undefined> {
    try {
      beginHere()
      for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
        const result = await next
        beginHere()
        yield result
      }
    } finally {
      isStopped = true
      for (const settled of await Promise.allSettled(pending)) {
        if (settled.status === 'fulfilled') discard(settled.value)
      }
    }
  }
  return results()
}
