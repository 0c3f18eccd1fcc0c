import type { Redis } from 'ioredis'

import { RUN_KEPT_SECONDS } from './limits.js'

/** Deaths of workers that were computing one image and nothing else before that image is left out: the first may be chance. */
const DEATHS = 2

/**
 * Finds images that kill workers, such as a file that crashes a decoder. A chunk that has been taken over before is computed one
 * image at a time, and each is noted in Redis before it is started: a noted image that remains there has outlived its worker.
 */
export class PoisonMessages {
  readonly #redis: Redis
  readonly #key: string
  readonly #chunk: number

  constructor(redis: Redis, key: string, chunk: number) {
    this.#redis = redis
    this.#key = key
    this.#chunk = chunk
  }

  /** Counts the image that the last worker was computing when it died. Gives the positions of the images to leave out. */
  async begin(): Promise<ReadonlySet<number>> {
    const inHand = await this.#redis.hget(this.#key, this.#inHand)
    if (inHand !== null) {
      await this.#redis.multi().hincrby(this.#key, `${this.#deaths}${inHand}`, 1).hdel(this.#key, this.#inHand).exec()
    }
    const deaths = Object.entries(await this.#redis.hgetall(this.#key))
    const poison = deaths.filter(([field, count]) => field.startsWith(this.#deaths) && Number(count) >= DEATHS)
    return new Set(poison.map(([field]) => Number(field.slice(this.#deaths.length))))
  }

  /** Notes the image that is started next. */
  async note(position: number): Promise<void> {
    await this.#redis.hset(this.#key, this.#inHand, position)
  }

  /** Removes the note: a worker that dies after this was not killed by an image of the chunk. */
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
