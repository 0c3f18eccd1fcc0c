import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { TorchError } from 'napi-torch'
import { reasonOf } from 'napi-torch/internal'
import type { Settings } from './settings.js'

/** The tokens that requests may carry, kept as digests. */
export class Tokens {
  readonly #digests: readonly Buffer[]

  constructor(tokens: readonly string[]) {
    this.#digests = tokens.filter((token) => token !== '').map(digest)
  }

  /** Reads the tokens of the settings. @throws {TorchError} `TORCH_FILE` if the token file cannot be read. */
  static async open({ token, tokenFile }: Settings): Promise<Tokens> {
    if (tokenFile === '') return new Tokens([token])
    const text = await readFile(tokenFile, 'utf8').catch((cause: unknown) => {
      throw new TorchError('TORCH_FILE', `${tokenFile}: ${reasonOf(cause)}`, { cause })
    })
    const tokens = text.split('\n').map((line) => line.trim())
    if (tokens.every((line) => line === ''))
      throw new TorchError('TORCH_FILE', `${tokenFile}: Expected at least one token, received none`)
    return new Tokens([token, ...tokens])
  }

  /** Whether requests must carry a token. */
  get isRequired(): boolean {
    return this.#digests.length > 0
  }

  /** @throws {TorchError} `TORCH_UNAUTHORIZED` unless the header carries one of the tokens. */
  check(authorization: string | undefined): void {
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    if (token === undefined)
      throw new TorchError('TORCH_UNAUTHORIZED', 'Expected the header Authorization: Bearer TOKEN')
    const received = digest(token)
    // All are compared, and in constant time: the time must not tell how close a guess is.
    const isKnown = this.#digests.reduce((found, known) => timingSafeEqual(known, received) || found, false)
    if (!isKnown) throw new TorchError('TORCH_UNAUTHORIZED', 'The token is not valid')
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Keys in memory: against a client with ever new addresses. */
const MAX_KEYS = 10_000

/**
 * Limits the requests per second of each key, and allows bursts: a token bucket.
 *
 * Not @fastify/rate-limit, which counts in fixed windows: at 10 a second with bursts of 50, it refuses a client that sends 12 a second
 * for 750 ms on end, and lets 100 through at once where two windows meet; this refuses every sixth, and lets 51 through.
 */
export class RateLimiter {
  readonly #rate: number
  readonly #burst: number
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor(rate: number, burst: number) {
    this.#rate = rate
    this.#burst = burst
  }

  /** Counts a request. @throws {TorchError} `TORCH_RATE_LIMIT` */
  take(key: string, now: number): void {
    if (this.#rate === 0) return
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, at: now }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.#rate)
    bucket.at = now
    // Moved to the end, so that the first key is the one that has been idle longest.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > MAX_KEYS) {
      const [oldest = ''] = this.#buckets.keys()
      this.#buckets.delete(oldest)
    }
    if (bucket.tokens < 1) {
      throw new TorchError(
        'TORCH_RATE_LIMIT',
        `Expected at most ${this.#rate} requests per second (rateLimit), received more`,
      )
    }
    bucket.tokens--
  }
}
