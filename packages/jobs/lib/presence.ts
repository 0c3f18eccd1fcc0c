import type { Redis } from 'ioredis'

import type { Keys } from './keys.js'

/** How often a worker tells how it is. */
const INTERVAL_MS = 2000

/** After this time without a word, in seconds, it is not listed any more. */
const SILENT_SECONDS = 10

/** What a worker tells about itself. */
export interface WorkerReport {
  /** Host, number of the process, and letters by chance. */
  readonly id: string
  readonly host: string
  readonly pid: number
  /** Of this package. */
  readonly version: string
  /** Chunks that it holds. */
  readonly inHand: number
  /** Since it began. */
  readonly images: number
  /** Of these, the ones without an answer. */
  readonly errors: number
  /** Of late. */
  readonly imagesPerSecond: number
  /** In ms, since it began. */
  readonly uptimeMs: number
}

/** Tells the others how a worker is, for as long as it lives. */
export class Presence {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #id: string
  readonly #timer: NodeJS.Timeout

  constructor(redis: Redis, keys: Keys, id: string, report: () => WorkerReport) {
    this.#redis = redis
    this.#keys = keys
    this.#id = id
    const tell = (): void => void this.#tell(report())
    this.#timer = setInterval(tell, INTERVAL_MS)
    this.#timer.unref()
    tell()
  }

  /** Says goodbye. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#redis.status !== 'ready') return
    await this.#redis.multi().del(this.#keys.worker(this.#id)).srem(this.#keys.workers, this.#id).exec()
  }

  async #tell(report: WorkerReport): Promise<void> {
    // While Redis is away, old words must not pile up.
    if (this.#redis.status !== 'ready') return
    try {
      await this.#redis
        .multi()
        .set(this.#keys.worker(this.#id), JSON.stringify(report), 'EX', SILENT_SECONDS)
        .sadd(this.#keys.workers, this.#id)
        .exec()
    } catch {
      // The connection tells of its own faults.
    }
  }
}

/** Lists the workers that live, and forgets the others. */
export async function listWorkers(redis: Redis, keys: Keys): Promise<readonly WorkerReport[]> {
  const ids = (await redis.smembers(keys.workers)).sort()
  if (ids.length === 0) return []
  const texts = await redis.mget(ids.map((id) => keys.worker(id)))
  const dead = ids.filter((_, index) => texts[index] === null)
  if (dead.length > 0) await redis.srem(keys.workers, ...dead)
  return texts.flatMap((text) => (text === null || text === undefined ? [] : [JSON.parse(text) as WorkerReport]))
}
