/**
 * Reuses the memory of samples: a new array of half a megabyte for every image keeps the garbage collector busy, which blocks
 * the event loop.
 */
export class SamplePool {
  readonly #length: number
  readonly #mostFree: number
  readonly #free: Float32Array[] = []

  /** For samples of `length` elements; keeps `mostFree` of them while they are not in use. */
  constructor(length: number, mostFree: number) {
    this.#length = length
    this.#mostFree = mostFree
  }

  /** Lends a sample. Its elements may be any. */
  take(): Float32Array {
    return this.#free.pop() ?? new Float32Array(this.#length)
  }

  /** Takes a sample back, which must no longer be read or written. */
  give(sample: Float32Array): void {
    if (this.#free.length < this.#mostFree) this.#free.push(sample)
  }
}
