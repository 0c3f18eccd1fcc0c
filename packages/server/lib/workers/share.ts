import { availableParallelism } from 'node:os'

import type { Settings } from '../settings.js'

// What one of several workers has of the machine, and of the limits of the service.

type Workers = Pick<Settings, 'workers'>

/** The part of a limit that one worker has, rounded up. 0, which means that there is none, stays 0. */
export function shareOf(limit: number, { workers }: Workers): number {
  return Math.ceil(limit / workers)
}

/** The cores that one worker has: at least one. */
export function coresOf({ workers }: Workers): number {
  return Math.max(1, Math.floor(availableParallelism() / workers))
}

/** The threads of an engine of one worker; undefined where the engine takes all cores. */
export function threadsOf({ threads, workers }: Pick<Settings, 'threads' | 'workers'>): number | undefined {
  if (threads > 0) return threads
  return workers === 1 ? undefined : coresOf({ workers })
}

/**
 * The settings of one worker: limits of the service are divided. The queues of a model, which a folder may limit for itself, are divided
 * where it is loaded.
 */
export function settingsOfWorker(settings: Settings): Settings {
  const share = (limit: number): number => shareOf(limit, settings)
  return {
    ...settings,
    maxBytesInFlight: share(settings.maxBytesInFlight),
    keptBodyBytes: share(settings.keptBodyBytes),
    maxConnections: share(settings.maxConnections),
    cacheBytes: share(settings.cacheBytes),
    // A rate need not be an integer.
    rateLimit: settings.rateLimit / settings.workers,
    rateBurst: share(settings.rateBurst),
    maxAuthFailures: share(settings.maxAuthFailures),
    maxTraceSpans: share(settings.maxTraceSpans),
  }
}
