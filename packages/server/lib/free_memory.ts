import { MessageChannel, type MessagePort } from 'node:worker_threads'

import { isArrayBuffer } from 'napi-torch/internal'

/** A port without another end: what is transferred to it is gone. */
const NOWHERE = nowhere()

function nowhere(): MessagePort {
  const { port1, port2 } = new MessageChannel()
  port2.close()
  return port1
}

/**
 * Frees the memory of an array that nothing uses any more, if it has all of it. V8 counts memory of that kind beside its heap, until it
 * collects garbage: a server of 25 MB that reads bodies of 5 MB would mark its whole heap for each of them, on all cores, which took a
 * quarter of the time in which its models could have computed.
 */
export function freeMemory({ buffer, byteLength }: Uint8Array | Uint8ClampedArray): void {
  if (!isArrayBuffer(buffer) || byteLength === 0 || byteLength !== buffer.byteLength) return
  try {
    NOWHERE.postMessage(null, [buffer])
  } catch {
    // Memory of libraries cannot be transferred.
  }
}
