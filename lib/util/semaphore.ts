/** Limits how many asynchronous tasks run at a time; the others wait in the order in which they came. */
export class Semaphore {
  readonly #waiting: (() => void)[] = []
  #free: number

  /** Lets `count` tasks run at a time. */
  constructor(count: number) {
    this.#free = count
  }

  /** Waits for a free permit, runs `body`, and returns the permit when the promise of `body` has settled. */
  async use<T>(body: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await body()
    } finally {
      // The permit passes to the next task in line: if it were free in between, a new task could overtake.
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
