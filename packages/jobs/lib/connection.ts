import { Redis } from 'ioredis'

import { TorchError } from 'napi-torch'
import type { RedisAddress } from './redis_settings.js'

/** Tries before Redis counts as not there; with the waits between them, some 5 s. */
const FIRST_TRIES = 6
const FIRST_WAIT_MS = 150
const LONGEST_WAIT_MS = 20_000

/** Answers that no further try will change: of Redis, and of TLS to its certificate. */
const REFUSED = /^WRONGPASS|^NOAUTH|^NOPERM|^ERR invalid password|^ERR Client sent AUTH|certificate|altnames/

/** A connection that lasts. */
export interface Connection {
  readonly redis: Redis
  close(): void
}

/** Who is told of the ups and downs of a {@link Connection}. */
export interface ConnectionEvents {
  /** Called when the connection is lost, once each time, with the reason. */
  readonly onLost?: ((reason: string) => void) | undefined
  /** Called when it is there again. */
  readonly onBack?: (() => void) | undefined
}

/**
 * Connects to Redis. Once it has been reached, a connection that is lost is made again for as long as it takes, with waits
 * that grow to 20 s; commands wait meanwhile.
 *
 * @throws {TorchError} `TORCH_REDIS` if it cannot be reached within some seconds, or lets nobody of this name in.
 */
export async function connect(address: RedisAddress, { onLost, onBack }: ConnectionEvents = {}): Promise<Connection> {
  let wasReady = false
  let isClosing = false
  const redis = new Redis({
    host: address.host,
    port: address.port,
    db: address.database,
    ...(address.username !== undefined && { username: address.username }),
    ...(address.password !== undefined && { password: address.password }),
    ...(address.isTls && { tls: {} }),
    lazyConnect: true,
    // BullMQ asks for this: a command waits until Redis is back.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (wasReady || times < FIRST_TRIES ? waitBefore(times) : null),
  })
  let lastError = 'the connection was closed'
  let isLost = false
  redis.on('error', (error: Error) => {
    lastError = reasonOf(error)
    if (!wasReady && REFUSED.test(error.message)) redis.disconnect()
  })
  redis.on('close', () => {
    if (wasReady && !isLost && !isClosing) onLost?.(lastError)
    isLost = wasReady
  })
  redis.on('ready', () => {
    if (isLost) onBack?.()
    isLost = false
    wasReady = true
  })
  await new Promise<void>((resolve, reject) => {
    redis.once('ready', resolve)
    redis.once('end', () => {
      // Without a cause: the error of the client holds the command that failed, which may be the one with the password.
      reject(new TorchError('TORCH_REDIS', `Redis at ${address.name} cannot be reached: ${lastError}`))
    })
    redis.connect().catch(() => undefined) // It also fails where a later try succeeds.
  })
  const close = (): void => {
    isClosing = true
    // Without a word to Redis, which may be away.
    redis.disconnect()
  }
  return { redis, close }
}

/** With chance in it, so that a hundred workers do not come back at the same time. */
function waitBefore(times: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** (times - 1), LONGEST_WAIT_MS) * (0.75 + Math.random() / 2)
}

/** Node.js has no text for an error of several addresses, only one for each. */
function reasonOf(error: Error): string {
  if (!(error instanceof AggregateError)) return error.message
  return error.errors.map((each: unknown) => (each instanceof Error ? each.message : String(each))).join('; ')
}
