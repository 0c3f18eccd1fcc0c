/** Random numbers of a seed that depend on nothing else, so that a training which goes on draws what it would have drawn: mulberry32. */
export class SeededRandom {
  #state: number

  /** @param keys Such as a seed and the number of an epoch. */
  constructor(...keys: readonly number[]) {
    this.#state = keys.reduce((state, key) => Math.imul(state ^ key, 0x9e3779b1) + 0x85ebca6b, 0x6a09e667) >>> 0
  }

  /** Gives a number from 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** Gives the values in a random order. */
  shuffled<T>(values: readonly T[]): T[] {
    const result = [...values]
    for (let last = result.length - 1; last > 0; last--) {
      const other = Math.floor(this.next() * (last + 1))
      const [a, b] = [result[last], result[other]]
      if (a === undefined || b === undefined) continue
      result[last] = b
      result[other] = a
    }
    return result
  }
}
