import type * as BullMQ from 'bullmq'
import type { Redis } from 'ioredis'
import { TorchError } from 'napi-torch'

/** The packages that this part needs and the others do not: users install them themselves. */
export interface Libraries {
  readonly bullmq: typeof BullMQ
  readonly Redis: typeof Redis
}

/**
 * Imports BullMQ and its Redis client.
 *
 * @throws {TorchError} `TORCH_NOT_INSTALLED` with the command that installs them.
 */
export async function loadLibraries(): Promise<Libraries> {
  try {
    const [bullmq, ioredis] = await Promise.all([import('bullmq'), import('ioredis')])
    return { bullmq, Redis: ioredis.Redis }
  } catch (cause) {
    const message = 'Jobs need two more packages: npm install bullmq ioredis'
    throw new TorchError('TORCH_NOT_INSTALLED', message, { cause })
  }
}
