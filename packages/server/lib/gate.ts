import { TorchError } from 'napi-torch'
import { onAbort } from 'napi-torch/internal'

/** Who wants through a {@link Gate}. */
export interface Visitor {
  readonly signal: AbortSignal
  /** The higher come first, then those that have waited longer. */
  readonly priority: number
  /** Called when there is room: throws if the work is no longer wanted. */
  check(): void
}

interface Waiting {
  readonly priority: number
  readonly enter: () => void
}

/** Lets so many through at a time; the others wait, in turn, up to a number. */
export class Gate {
  readonly #width: number
  readonly #maxWaiting: number
  /** In the order in which they come through. */
  readonly #waiting: Waiting[] = []
  #inside = 0

  constructor(width: number, maxWaiting: number) {
    this.#width = width
    this.#maxWaiting = maxWaiting
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Runs `body` when there is room.
   *
   * @throws {TorchError} `TORCH_QUEUE_FULL`; the reason of the signal, as soon as it is aborted while the visitor waits.
   */
  async pass<T>(visitor: Visitor, body: () => Promise<T>): Promise<T> {
    if (this.#inside < this.#width) this.#inside++
    else await this.#wait(visitor)
    try {
      visitor.check()
      return await body()
    } finally {
      // Whoever leaves hands over the place.
      const next = this.#waiting.shift()
      if (next === undefined) this.#inside--
      else next.enter()
    }
  }

  #wait({ signal, priority }: Visitor): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new TorchError('TORCH_QUEUE_FULL', `${this.#waiting.length} images wait already to be prepared`)
    }
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const ignore = onAbort(signal, (reason) => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(reason instanceof Error ? reason : new TypeError(String(reason)))
      })
      const waiting = {
        priority,
        enter: () => {
          ignore()
          resolve()
        },
      }
      let place = this.#waiting.length
      while (place > 0 && (this.#waiting[place - 1]?.priority ?? Infinity) < priority) place--
      this.#waiting.splice(place, 0, waiting)
    })
  }
}
