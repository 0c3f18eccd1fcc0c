import { setImmediate } from 'node:timers/promises'

/** How long work may keep the event loop, in ms. */
const SLICE_MS = 4

/** Elements of a piece of a tensor: so few that libtorch computes them on one thread, which waits for no other. */
const PIECE = 2 ** 15 - 1

/** Work in pieces: it yields where others may have their turn. */
export type Pieces<T> = Generator<undefined, T, undefined>

/** Yields before each of the pieces of a tensor, which are rows along its first dimension, and calls `body` with their bounds. */
export function* inPieces(
  { shape: [rows = 1], numel }: { readonly shape: readonly number[]; readonly numel: number },
  body: (start: number, end: number) => void,
): Pieces<void> {
  const step = Math.max(1, Math.floor((PIECE * rows) / Math.max(1, numel)))
  for (let start = 0; start < rows; start += step) {
    yield
    body(start, Math.min(rows, start + step))
  }
}

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

  /** Does the pieces one by one, and ends them early if it fails. @throws The reason of the signal. */
  async run<T>(pieces: Pieces<T>): Promise<T> {
    try {
      for (;;) {
        await this.next()
        const { done, value } = pieces.next()
        if (done === true) return value
      }
    } catch (error) {
      // What they hold is released; the value goes nowhere.
      pieces.return(undefined as T)
      throw error
    }
  }
}
