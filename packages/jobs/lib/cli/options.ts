import { type Argument, JSON_OUTPUT, type Option } from 'napi-torch/internal/cli'

// What several commands of `jobs` have.

/** Options of every command that talks to Redis. */
export const QUEUE_OPTIONS = {
  redis: { value: '<url>', description: 'address of Redis, such as redis://host:6379/0' },
  queue: { value: '<name>', description: 'name of the queue (default: images)' },
  json: JSON_OUTPUT,
} as const satisfies Readonly<Record<string, Option>>

/** Where Redis is found. */
export const REDIS_NOTES = `Redis is at --redis, else at NAPI_TORCH_REDIS_URL (rediss:// for TLS), else on this machine. Pass its
password in NAPI_TORCH_REDIS_PASSWORD: other users of this machine can read the command line.`

/** The run that a command works on. */
export const RUN = { description: 'id of a run, or the folder of its results' } as const satisfies Argument
