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

  /**
   * Gives the digest of the token that the header carries: clients with tokens are told apart by it.
   *
   * @throws {TorchError} `TORCH_UNAUTHORIZED` unless it is one of the tokens.
   */
  check(authorization: string | undefined): string {
    const token = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    if (token === undefined)
      throw new TorchError('TORCH_UNAUTHORIZED', 'Expected the header Authorization: Bearer TOKEN')
    const received = digest(token)
    // All are compared, and in constant time: the time must not tell how close a guess is.
    const isKnown = this.#digests.reduce((found, known) => timingSafeEqual(known, received) || found, false)
    if (!isKnown) throw new TorchError('TORCH_UNAUTHORIZED', 'The token is not valid')
    return received.toString('base64')
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

interface Bucket {
  tokens: number
  /** In the time of `performance.now()`. */
  at: number
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
  readonly #what: string
  readonly #buckets = new Map<string, Bucket>()

  /**
   * @param rate - A second; 0 means no limit.
   * @param what - What is limited, in the error.
   */
  constructor(rate: number, burst: number, what = `${rate} requests per second (rateLimit)`) {
    this.#rate = rate
    this.#burst = burst
    this.#what = what
  }

  /** Counts a request. @throws {TorchError} `TORCH_RATE_LIMIT` */
  take(key: string, now: number): void {
    if (this.#rate === 0) return
    const bucket = this.#bucketOf(key, now)
    this.#check(bucket)
    bucket.tokens--
  }

  /** Does what {@link take} does, but counts nothing. @throws {TorchError} `TORCH_RATE_LIMIT` */
  check(key: string, now: number): void {
    if (this.#rate > 0 && this.#buckets.has(key)) this.#check(this.#bucketOf(key, now))
  }

  #check({ tokens }: Bucket): void {
    if (tokens >= 1) return
    throw new TorchError('TORCH_RATE_LIMIT', `Expected at most ${this.#what}, received more`)
  }

  #bucketOf(key: string, now: number): Bucket {
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
    return bucket
  }
}

/** What a request says of its client. */
export interface Caller {
  /** The header `Authorization`. */
  readonly authorization: string | undefined
  /** Address of the client, that of a proxy where none is trusted. */
  readonly address: string
}

/** Settings of {@link AccessControl}. */
type AccessSettings = Pick<Settings, 'rateLimit' | 'rateBurst' | 'maxAuthFailures' | 'adminToken'>

/** Lets clients in: by their tokens, and no more often than the limits say. */
export class AccessControl {
  readonly #admin: Tokens
  readonly #requests: RateLimiter
  readonly #failures: RateLimiter
  #tokens: Tokens

  /** @param tokens - Those that requests may carry. */
  constructor({ rateLimit, rateBurst, maxAuthFailures, adminToken }: AccessSettings, tokens: Tokens) {
    this.#tokens = tokens
    this.#admin = new Tokens([adminToken])
    this.#requests = new RateLimiter(rateLimit, rateBurst)
    const what = `${maxAuthFailures} wrong tokens per minute (maxAuthFailures)`
    this.#failures = new RateLimiter(maxAuthFailures / 60, maxAuthFailures, what)
  }

  /** Whether requests must carry a token. */
  get isTokenRequired(): boolean {
    return this.#tokens.isRequired
  }

  /** Replaces the tokens that requests may carry. */
  replaceTokens(tokens: Tokens): void {
    this.#tokens = tokens
  }

  /**
   * Lets a request in, and gives what its client is known by: the digest of its token, or its address where no token is asked for.
   *
   * @throws {TorchError} `TORCH_UNAUTHORIZED`, `TORCH_RATE_LIMIT`
   */
  enter(caller: Caller): string {
    return this.#enter(caller, this.#tokens)
  }

  /** Does what {@link enter} does, for what only the administrator may do. */
  enterAsAdmin(caller: Caller): string {
    return this.#enter(caller, this.#admin)
  }

  #enter(caller: Caller, tokens: Tokens): string {
    const client = tokens.isRequired ? this.#authenticate(tokens, caller) : networkOf(caller.address)
    this.#requests.take(client, performance.now())
    return client
  }

  /** An address that has sent too many wrong tokens is refused before its token is looked at: guessing must not be free. */
  #authenticate(tokens: Tokens, { authorization, address }: Caller): string {
    const network = networkOf(address)
    const now = performance.now()
    this.#failures.check(network, now)
    try {
      return tokens.check(authorization)
    } catch (error) {
      this.#failures.take(network, now)
      throw error
    }
  }
}

/** Gives the address, or the first half of one of IPv6: a client has all addresses that share it. */
export function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (!plain.includes(':')) return plain
  const [head = '', tail = ''] = plain.split('::')
  const [first, last] = [head, tail].map((part) => (part === '' ? [] : part.split(':')))
  const zeros = Array.from(
    { length: plain.includes('::') ? 8 - (first?.length ?? 0) - (last?.length ?? 0) : 0 },
    () => '0',
  )
  return `${[...(first ?? []), ...zeros, ...(last ?? [])].slice(0, 4).join(':')}::/64`
}
