import { TorchError } from '../errors.js'

/** Lets so many through at a time; the others wait, in turn, up to a number. */
export class Gate {
  readonly #width: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(width: number, maxWaiting: number) {
    this.#width = width
    this.#maxWaiting = maxWaiting
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Runs `body` when there is room. `check` is called then: it throws if the work is no longer wanted.
   *
   * @throws {TorchError} `TORCH_QUEUE_FULL`
   */
  async pass<T>(check: () => void, body: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#width) this.#inside++
    else {
      if (this.#waiting.length >= this.#maxWaiting) {
        throw new TorchError('TORCH_QUEUE_FULL', `${this.#waiting.length} images wait already to be prepared`)
      }
      // Whoever leaves hands over the place.
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    try {
      check()
      return await body()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside--
      else next()
    }
  }
}
