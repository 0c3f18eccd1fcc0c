import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { TorchError } from 'napi-torch'
import type { Settings } from './settings.js'

/** Knows the tokens that requests may carry, by their digests. */
export class Tokens {
  readonly #digests: readonly Buffer[]

  constructor(tokens: readonly string[]) {
    this.#digests = tokens.filter((token) => token !== '').map(digest)
  }

  /** Those of the settings. @throws {TorchError} `TORCH_FILE` if the token file cannot be read. */
  static async open({ token, tokenFile }: Settings): Promise<Tokens> {
    if (tokenFile === '') return new Tokens([token])
    const text = await readFile(tokenFile, 'utf8').catch((cause: unknown) => {
      throw new TorchError('TORCH_FILE', `${tokenFile}: Cannot be read`, { cause })
    })
    const tokens = text.split('\n').map((line) => line.trim())
    if (tokens.every((line) => line === '')) throw new TorchError('TORCH_FILE', `${tokenFile}: Holds no token`)
    return new Tokens([token, ...tokens])
  }

  /** Tells whether any token is asked for. */
  get isRequired(): boolean {
    return this.#digests.length > 0
  }

  /** @throws {TorchError} `TORCH_UNAUTHORIZED` unless the header carries one of the tokens. */
  check(authorization: string | undefined): void {
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    if (token === undefined)
      throw new TorchError('TORCH_UNAUTHORIZED', 'Expected the header Authorization: Bearer TOKEN')
    const received = digest(token)
    // All are compared, in a time that tells nothing of how near a guess is.
    const isKnown = this.#digests.reduce((found, known) => timingSafeEqual(known, received) || found, false)
    if (!isKnown) throw new TorchError('TORCH_UNAUTHORIZED', 'The token is not one that the server knows')
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Keys that are remembered: against a client that comes with ever new addresses. */
const MOST_KEYS = 10_000

/** Lets each key make so many requests a second, and some more at once. */
export class RateLimiter {
  readonly #rate: number
  readonly #burst: number
  readonly #buckets = new Map<string, { tokens: number; at: number }>()

  constructor(rate: number, burst: number) {
    this.#rate = rate
    this.#burst = burst
  }

  /** Notes a request. @throws {TorchError} `TORCH_RATE_LIMIT` */
  take(key: string, now: number): void {
    if (this.#rate === 0) return
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, at: now }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.#rate)
    bucket.at = now
    // To the end: the first of the map is the one that has been silent longest.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > MOST_KEYS) {
      const [oldest = ''] = this.#buckets.keys()
      this.#buckets.delete(oldest)
    }
    if (bucket.tokens < 1) {
      throw new TorchError('TORCH_RATE_LIMIT', `More than ${this.#rate} requests a second were sent (rateLimit)`)
    }
    bucket.tokens--
  }
}
