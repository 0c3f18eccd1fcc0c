import { Redis } from 'ioredis'

import { TorchError } from 'napi-torch'
import { reasonOf } from 'napi-torch/internal'
import type { RedisAddress } from './redis_settings.js'

/** Attempts before Redis counts as unreachable: about 5 s, with the waits between them. */
const MAX_FIRST_ATTEMPTS = 6
const MIN_WAIT_MS = 150
const MAX_WAIT_MS = 20_000

/** The oldest Redis that BullMQ supports. */
const MIN_VERSION = [6, 2] as const

/** Errors that another attempt cannot change, of Redis and of TLS. */
const REFUSED = /^WRONGPASS|^NOAUTH|^NOPERM|^ERR invalid password|^ERR Client sent AUTH|certificate|altnames/

/** A connection to Redis that reconnects by itself. */
export interface Connection {
  readonly redis: Redis
  /** Settings of Redis that may lose work, one sentence each. */
  readonly warnings: readonly string[]
  close(): void
}

/** Callbacks of a {@link Connection}. */
export interface ConnectionEvents {
  /** Called once each time the connection is lost, with the reason. */
  readonly onLost?: ((reason: string) => void) | undefined
  /** Called when the connection has been restored. */
  readonly onBack?: (() => void) | undefined
}

/**
 * Connects to Redis. Once it has been reached, a lost connection is restored for as long as it takes, with waits that grow to 20 s;
 * commands wait meanwhile.
 *
 * @throws {TorchError} `TORCH_REDIS` if Redis cannot be reached within some seconds, refuses the user name or the password, is too
 * old, or evicts keys.
 */
export async function connect(address: RedisAddress, events: ConnectionEvents = {}): Promise<Connection> {
  const { redis, close } = await open(address, events)
  try {
    return { redis, warnings: checkServer(await redis.info(), address.name), close }
  } catch (error) {
    close()
    throw error
  }
}

async function open(
  address: RedisAddress,
  { onLost, onBack }: ConnectionEvents,
): Promise<Omit<Connection, 'warnings'>> {
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
    // BullMQ requires this: a command waits until Redis is back.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (wasReady || times < MAX_FIRST_ATTEMPTS ? waitBefore(times) : null),
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
    redis.connect().catch(() => undefined) // It also fails if a later attempt succeeds.
  })
  const close = (): void => {
    isClosing = true
    // Not quit(), which waits for a Redis that may be away.
    redis.disconnect()
  }
  return { redis, close }
}

/** Random, so that a hundred workers do not come back at the same time. */
function waitBefore(times: number): number {
  return Math.min(MIN_WAIT_MS * 2 ** (times - 1), MAX_WAIT_MS) * (0.75 + Math.random() / 2)
}

/**
 * Checks the version and the settings of a Redis, given what its `INFO` prints. Returns warnings about settings that may lose work.
 *
 * @throws {TorchError} `TORCH_REDIS` if it is too old, or evicts keys, jobs among them, when its memory is full.
 */
export function checkServer(info: string, name: string): readonly string[] {
  const facts = new Map(info.split(/\r?\n/).map((line) => splitOnce(line)))
  const version = facts.get('redis_version') ?? ''
  if (!isRecent(version)) {
    throw new TorchError('TORCH_REDIS', `Expected Redis ${MIN_VERSION.join('.')} or newer at ${name}, found ${version}`)
  }
  const policy = facts.get('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    const remedy = 'set maxmemory-policy to noeviction'
    throw new TorchError('TORCH_REDIS', `Redis at ${name} evicts keys when its memory is full (${policy}): ${remedy}`)
  }
  if (facts.get('aof_enabled') !== '0') return []
  return [`Redis at ${name} keeps no log of changes: set appendonly to yes, or a crash of Redis loses chunks`]
}

function isRecent(version: string): boolean {
  const [major = NaN, minor = NaN] = version.split('.').map(Number)
  return major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1])
}

function splitOnce(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, Math.max(colon, 0)), line.slice(colon + 1)]
}
