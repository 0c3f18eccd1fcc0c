import type { Redis } from 'ioredis'

import type { Keys } from './keys.js'

/** Time between heartbeats, in ms. */
const INTERVAL_MS = 2000

/** Time after the last heartbeat when a worker counts as dead, in seconds. */
const EXPIRY_SECONDS = 10

/** What a worker reports of itself with each heartbeat. */
export interface WorkerReport {
  /** Host, process id and a random suffix. */
  readonly id: string
  readonly host: string
  readonly pid: number
  /** Version of napi-torch. */
  readonly version: string
  /** Chunks that it is working on. */
  readonly inHand: number
  /** Images that it has processed since it started, failed ones included. */
  readonly images: number
  /** Images that failed. */
  readonly errors: number
  /** Over the last 10 s. */
  readonly imagesPerSecond: number
  /** Time since it started, in ms. */
  readonly uptimeMs: number
}

/** Reports a worker to Redis at regular intervals for as long as it runs. */
export class Heartbeat {
  readonly #redis: Redis
  readonly #keys: Keys
  readonly #id: string
  readonly #timer: NodeJS.Timeout

  constructor(redis: Redis, keys: Keys, id: string, report: () => WorkerReport) {
    this.#redis = redis
    this.#keys = keys
    this.#id = id
    const beat = (): void => void this.#beat(report())
    this.#timer = setInterval(beat, INTERVAL_MS)
    this.#timer.unref()
    beat()
  }

  /** Takes the worker off the list. */
  async end(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#redis.status !== 'ready') return
    await this.#redis.multi().del(this.#keys.worker(this.#id)).srem(this.#keys.workers, this.#id).exec()
  }

  async #beat(report: WorkerReport): Promise<void> {
    // Commands would wait while Redis is away, and old reports pile up.
    if (this.#redis.status !== 'ready') return
    try {
      await this.#redis
        .multi()
        .set(this.#keys.worker(this.#id), JSON.stringify(report), 'EX', EXPIRY_SECONDS)
        .sadd(this.#keys.workers, this.#id)
        .exec()
    } catch {
      // The connection reports its own errors.
    }
  }
}

/** Lists the workers whose heartbeat has not stopped, and forgets the others. */
export async function listWorkers(redis: Redis, keys: Keys): Promise<readonly WorkerReport[]> {
  const ids = (await redis.smembers(keys.workers)).sort()
  if (ids.length === 0) return []
  const texts = await redis.mget(ids.map((id) => keys.worker(id)))
  const dead = ids.filter((_, index) => texts[index] === null)
  if (dead.length > 0) await redis.srem(keys.workers, ...dead)
  return texts.flatMap((text) => (text === null || text === undefined ? [] : [JSON.parse(text) as WorkerReport]))
}
