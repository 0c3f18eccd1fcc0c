import * as threads from 'node:worker_threads'

// Node.js 22.10 and newer have it; the type definitions do not know that others lack it.
const mark = (threads as { markAsUncloneable?: (value: object) => void }).markAsUncloneable

/**
 * Lets `postMessage` and `structuredClone` refuse an object with a DataCloneError, where Node.js has that: others copy the
 * empty shell of an object whose memory is native.
 */
export function markAsUncloneable(value: object): void {
  mark?.(value)
}
