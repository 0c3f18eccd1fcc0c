import { setImmediate } from 'node:timers/promises'

/** How long work may keep the event loop, in ms. */
const SLICE_MS = 4

/** Work in pieces: it yields where others may have their turn. */
export type Pieces<T> = Generator<undefined, T, undefined>

/** Does all pieces at once. */
export function finish<T>(pieces: Pieces<T>): T {
  for (;;) {
    const { done, value } = pieces.next()
    if (done === true) return value
  }
}

/**
 * Lets the event loop go round while long work is done on its thread. Call {@link next} between the pieces of the work: it waits
 * for a turn of the loop where the last one is some ms ago.
 */
export class Slices {
  readonly #signal: AbortSignal | undefined
  #since = performance.now()

  constructor(signal?: AbortSignal) {
    this.#signal = signal
  }

  /** @throws The reason of the signal. */
  async next(): Promise<void> {
    if (performance.now() - this.#since >= SLICE_MS) {
      await setImmediate()
      this.#since = performance.now()
    }
    this.#signal?.throwIfAborted()
  }

  /** Does the pieces one by one. @throws The reason of the signal. */
  async run<T>(pieces: Pieces<T>): Promise<T> {
    for (;;) {
      await this.next()
      const { done, value } = pieces.next()
      if (done === true) return value
    }
  }
}
