import { setImmediate } from 'node:timers/promises'

/** Time that work may take before others get their turn, in ms. */
const MAX_TURN_MS = 4

/** Divides long work on the main thread into turns of the event loop, between which other requests are served. */
export class Turns {
  #startedAt = performance.now()

  /** Ends the turn if it has lasted long enough; to be called about every millisecond. */
  async next(): Promise<void> {
    if (performance.now() - this.#startedAt < MAX_TURN_MS) return
    await setImmediate()
    this.#startedAt = performance.now()
  }
}
