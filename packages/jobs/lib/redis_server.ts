import { TorchError } from 'napi-torch'

/** The oldest Redis that BullMQ is made for. */
const OLDEST = [6, 2] as const

/**
 * Judges a Redis by what its `INFO` says. Gives sentences on what may lose work, though it does not forbid it.
 *
 * @throws {TorchError} `TORCH_REDIS` if it is too old, or throws keys away when its memory is full: among them jobs.
 */
export function judgeRedis(info: string, name: string): readonly string[] {
  const facts = new Map(info.split(/\r?\n/).map((line) => splitOnce(line)))
  const version = facts.get('redis_version') ?? ''
  if (!isRecent(version)) {
    throw new TorchError('TORCH_REDIS', `Expected Redis ${OLDEST.join('.')} or newer at ${name}, found ${version}`)
  }
  const policy = facts.get('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    const remedy = 'set maxmemory-policy to noeviction'
    throw new TorchError('TORCH_REDIS', `Redis at ${name} drops keys when its memory is full (${policy}): ${remedy}`)
  }
  if (facts.get('aof_enabled') !== '0') return []
  return [`Redis at ${name} keeps no log of changes: set appendonly to yes, or chunks are lost with it`]
}

function isRecent(version: string): boolean {
  const [major = NaN, minor = NaN] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

function splitOnce(line: string): readonly [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, Math.max(colon, 0)), line.slice(colon + 1)]
}
