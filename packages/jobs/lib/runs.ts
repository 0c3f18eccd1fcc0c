import type { Redis } from 'ioredis'

import type { Keys } from './keys.js'
import { RUN_KEPT_SECONDS } from './limits.js'
import { parseManifest, type RunManifest } from './manifest.js'

/** Counts of the images of a chunk, or of a run. */
export interface Counts {
  /** Failed ones included. */
  readonly images: number
  /** Number of failed images, by error code. */
  readonly errors: Readonly<Record<string, number>>
}

/** A run as Redis knows it. */
export interface RunRecord {
  readonly manifest: RunManifest
  readonly isCancelled: boolean
  /** Counts of the chunks that are done. */
  readonly counts: Counts
  readonly chunksDone: number
  /** In ms since 1970, by the clock of Redis. */
  readonly submittedAt: number
  /** Null while chunks are missing. */
  readonly finishedAt: number | null
}

/** Prefix of the fields that count errors; the code follows. */
const ERROR_FIELD = 'error:'

// Redis runs a script as a whole: a chunk that two workers finish counts once.

/** KEYS: run, bits. ARGV: chunk, time to live, images, then code and count of each error. Returns 1 unless the chunk was done. */
const FINISH = `
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('SETBIT', KEYS[2], ARGV[1], 1) == 1 then return 0 end
redis.call('HINCRBY', KEYS[1], 'images', ARGV[3])
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], '${ERROR_FIELD}' .. ARGV[i], ARGV[i + 1]) end
local done = redis.call('HINCRBY', KEYS[1], 'chunksDone', 1)
if done == tonumber(redis.call('HGET', KEYS[1], 'chunks')) then
  local now = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'finishedAt', now[1] .. string.format('%03d', math.floor(now[2] / 1000)))
  redis.call('EXPIRE', KEYS[1], ARGV[2])
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
return 1`

/** KEYS: run, bits. ARGV: chunk, images, then code and count of each error. Undoes FINISH. */
const REOPEN = `
if redis.call('SETBIT', KEYS[2], ARGV[1], 0) == 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'images', -ARGV[2])
for i = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], '${ERROR_FIELD}' .. ARGV[i], -ARGV[i + 1]) end
redis.call('HINCRBY', KEYS[1], 'chunksDone', -1)
redis.call('HDEL', KEYS[1], 'finishedAt')
redis.call('PERSIST', KEYS[1])
redis.call('PERSIST', KEYS[2])
return 1`

/** KEYS: run, runs, bits. ARGV: manifest, run, chunks. Adds the run, or continues it if it was cancelled. Returns 1 if it is new. */
const BEGIN = `
local isNew = redis.call('HSETNX', KEYS[1], 'manifest', ARGV[1])
redis.call('SADD', KEYS[2], ARGV[2])
if isNew == 1 then
  local now = redis.call('TIME')
  local ms = now[1] .. string.format('%03d', math.floor(now[2] / 1000))
  redis.call('HSET', KEYS[1], 'chunks', ARGV[3], 'submittedAt', ms)
end
if redis.call('HDEL', KEYS[1], 'cancelled') == 1 then
  redis.call('PERSIST', KEYS[1])
  redis.call('PERSIST', KEYS[3])
end
return isNew`

/** The runs of a queue in Redis: their manifests, which chunks are done, and how many images failed. */
export class Runs {
  readonly #redis: Redis
  readonly #keys: Keys

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis
    this.#keys = keys
  }

  /** Adds a run, or continues it if it was cancelled. Returns false if Redis knew it. */
  async begin(manifest: RunManifest): Promise<boolean> {
    const { run, chunks } = manifest
    const keys = [this.#keys.run(run), this.#keys.runs, this.#keys.done(run)]
    return (await this.#redis.eval(BEGIN, keys.length, ...keys, JSON.stringify(manifest), run, chunks)) === 1
  }

  /** Lists the ids of the runs, in no order, and forgets those that have expired. */
  async list(): Promise<readonly string[]> {
    const ids = await this.#redis.smembers(this.#keys.runs)
    const known: string[] = []
    for (const id of ids) {
      if ((await this.#redis.exists(this.#keys.run(id))) === 1) known.push(id)
      else await this.#redis.srem(this.#keys.runs, id)
    }
    return known
  }

  /**
   * Reads a run; null if Redis does not know it.
   *
   * @throws {TorchError} `TORCH_RUN` if another version of this package submitted it.
   */
  async find(run: string): Promise<RunRecord | null> {
    const fields = await this.#redis.hgetall(this.#keys.run(run))
    if (fields['manifest'] === undefined) return null
    const errors = Object.entries(fields)
      .filter(([name, count]) => name.startsWith(ERROR_FIELD) && count !== '0')
      .map(([name, count]) => [name.slice(ERROR_FIELD.length), Number(count)] as const)
    return {
      manifest: parseManifest(fields['manifest'], `Run ${run} in Redis`),
      isCancelled: fields['cancelled'] !== undefined,
      counts: { images: Number(fields['images'] ?? 0), errors: Object.fromEntries(errors) },
      chunksDone: Number(fields['chunksDone'] ?? 0),
      submittedAt: Number(fields['submittedAt']),
      finishedAt: fields['finishedAt'] === undefined ? null : Number(fields['finishedAt']),
    }
  }

  /** Tells whether the chunks of a run should be computed: Redis knows it, and it is not cancelled. */
  async isWanted(run: string): Promise<boolean> {
    const [manifest, cancelled] = await this.#redis.hmget(this.#keys.run(run), 'manifest', 'cancelled')
    return manifest !== null && cancelled === null
  }

  /** Reads which chunks of a run are done. */
  async done(run: string): Promise<(chunk: number) => boolean> {
    const bits = (await this.#redis.getBuffer(this.#keys.done(run))) ?? Buffer.alloc(0)
    return (chunk) => (((bits[chunk >> 3] ?? 0) >> (7 - (chunk & 7))) & 1) === 1
  }

  /** Marks a chunk as done and adds its counts. Returns false if it had been done before. */
  async finish(run: string, chunk: number, { images, errors }: Counts): Promise<boolean> {
    const keys = [this.#keys.run(run), this.#keys.done(run)]
    const values = [chunk, RUN_KEPT_SECONDS, images, ...Object.entries(errors).flat()]
    return (await this.#redis.eval(FINISH, keys.length, ...keys, ...values)) === 1
  }

  /** Marks a chunk as not done and subtracts its counts. */
  async reopen(run: string, chunk: number, { images, errors }: Counts): Promise<void> {
    const keys = [this.#keys.run(run), this.#keys.done(run)]
    await this.#redis.eval(REOPEN, keys.length, ...keys, chunk, images, ...Object.entries(errors).flat())
  }

  /** Marks a run as cancelled. */
  async cancel(run: string): Promise<void> {
    await this.#redis
      .multi()
      .hset(this.#keys.run(run), 'cancelled', 1)
      .expire(this.#keys.run(run), RUN_KEPT_SECONDS)
      .expire(this.#keys.done(run), RUN_KEPT_SECONDS)
      .exec()
  }
}
