import type { Redis } from 'ioredis'

import { RUN_KEPT_SECONDS } from './limits.js'

/** Deaths of workers with an image in hand, and nothing else, before it is blamed: the first may be chance. */
const DEATHS = 2

/**
 * Finds the image of which workers die, such as a file that crashes a decoder. A chunk that has been taken over before is computed
 * one image at a time, each noted before it is begun: the one that was noted when the worker died is the suspect.
 */
export class Suspects {
  readonly #redis: Redis
  readonly #key: string
  readonly #chunk: number

  constructor(redis: Redis, key: string, chunk: number) {
    this.#redis = redis
    this.#key = key
    this.#chunk = chunk
  }

  /** Counts the image that was in hand when the last worker died. Gives the positions of those that are to be left out. */
  async begin(): Promise<ReadonlySet<number>> {
    const inHand = await this.#redis.hget(this.#key, this.#inHand)
    if (inHand !== null) {
      await this.#redis.multi().hincrby(this.#key, `${this.#deaths}${inHand}`, 1).hdel(this.#key, this.#inHand).exec()
    }
    const deaths = Object.entries(await this.#redis.hgetall(this.#key))
    const blamed = deaths.filter(([field, count]) => field.startsWith(this.#deaths) && Number(count) >= DEATHS)
    return new Set(blamed.map(([field]) => Number(field.slice(this.#deaths.length))))
  }

  /** Notes which image is begun. */
  async note(position: number): Promise<void> {
    await this.#redis.hset(this.#key, this.#inHand, position)
  }

  /** The chunk has ended: whoever dies now does not die of its images. */
  async end(): Promise<void> {
    await this.#redis.multi().hdel(this.#key, this.#inHand).expire(this.#key, RUN_KEPT_SECONDS).exec()
  }

  get #inHand(): string {
    return `${this.#chunk}:inHand`
  }

  get #deaths(): string {
    return `${this.#chunk}:deaths:`
  }
}
