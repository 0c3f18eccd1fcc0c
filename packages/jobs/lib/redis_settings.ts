import { TorchError } from 'napi-torch'
import { checkOptions, checkString, variablesFrom } from 'napi-torch/internal'

/** Address of Redis, user name and password. What is not given is taken from the environment. */
export interface RedisSettings {
  /**
   * `redis://host:port/database`, or `rediss://` for TLS with a certificate that Node.js trusts (`NODE_EXTRA_CA_CERTS` adds
   * authorities). Default: `NAPI_TORCH_REDIS_URL`, else `redis://127.0.0.1:6379/0`.
   */
  readonly url?: string | undefined
  /** Default: `NAPI_TORCH_REDIS_USERNAME`, else that of the URL, else none. */
  readonly username?: string | undefined
  /** Default: `NAPI_TORCH_REDIS_PASSWORD`, else that of the URL, else none. No message of this package contains it. */
  readonly password?: string | undefined
}

/** Parts of the address of Redis. */
export interface RedisAddress {
  /** The address without secrets, for messages. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly database: number
  readonly isTls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
}

const PREFIX = 'NAPI_TORCH_REDIS_'
const DEFAULT_URL = 'redis://127.0.0.1:6379/0'
const DEFAULT_PORT = 6379

/**
 * Completes settings from the environment and parses the URL.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the URL is not one of Redis.
 */
export function redisAddress(settings: string | RedisSettings = {}): RedisAddress {
  const given = typeof settings === 'string' ? { url: settings } : settings
  checkOptions('redis', given, ['url', 'username', 'password'])
  const variables = variablesFrom(PREFIX)
  const url = parse(checkString('redis.url', given.url ?? variables.get(`${PREFIX}URL`) ?? DEFAULT_URL))
  return {
    ...url,
    name: `${url.isTls ? 'rediss' : 'redis'}://${url.host}:${url.port}/${url.database}`,
    username: given.username ?? variables.get(`${PREFIX}USERNAME`) ?? url.username,
    password: given.password ?? variables.get(`${PREFIX}PASSWORD`) ?? url.password,
  }
}

function parse(text: string): Omit<RedisAddress, 'name'> {
  try {
    const { protocol, hostname, port, pathname, username, password } = new URL(text)
    const database = /^\/?(\d{0,4})$/.exec(pathname)?.[1]
    if (/^rediss?:$/.test(protocol) && hostname !== '' && database !== undefined) {
      return {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? DEFAULT_PORT : Number(port),
        database: Number(database),
        isTls: protocol === 'rediss:',
        username: secretOf(username),
        password: secretOf(password),
      }
    }
  } catch {
    // Not a URL, or one with a badly encoded password: see below.
  }
  // Not repeated in the message: it may contain a password.
  const message =
    'Expected redis://HOST:PORT/DATABASE or rediss://HOST:PORT/DATABASE for redis.url, received another URL'
  throw new TorchError('TORCH_INVALID_ARGUMENT', message)
}

function secretOf(encoded: string): string | undefined {
  return encoded === '' ? undefined : decodeURIComponent(encoded)
}
