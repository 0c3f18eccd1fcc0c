/**
 * Memory of samples that are done with, for the next ones: a new array of half a megabyte for every image keeps the garbage
 * collector busy, and that stops the event loop.
 */
export class SamplePool {
  readonly #length: number
  readonly #mostFree: number
  readonly #free: Float32Array[] = []

  /** For samples of `length` elements, of which `mostFree` are kept while nobody uses them. */
  constructor(length: number, mostFree: number) {
    this.#length = length
    this.#mostFree = mostFree
  }

  /** Lends a sample. Its elements may be any. */
  take(): Float32Array {
    return this.#free.pop() ?? new Float32Array(this.#length)
  }

  /** Takes a sample back, which nobody may read or write any more. */
  give(sample: Float32Array): void {
    if (this.#free.length < this.#mostFree) this.#free.push(sample)
  }
}
