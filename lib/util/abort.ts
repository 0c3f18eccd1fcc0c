import { expected } from './check.js'
import { isAbortSignal } from './realm.js'

type Listener = (reason: unknown) => void

/** The listeners of each signal: the signal itself gets one for all of them, as Node warns of more than ten. */
const listenersOf = new WeakMap<AbortSignal, Set<Listener>>()

/**
 * Calls `listener` once with the reason when `signal` is aborted; at once if it is aborted already.
 * Returns a function that removes the listener.
 */
export function onAbort(signal: AbortSignal | undefined, listener: Listener): () => void {
  if (signal === undefined) return () => undefined
  if (signal.aborted) {
    listener(signal.reason)
    return () => undefined
  }
  const listeners = listenersOf.get(signal) ?? listenTo(signal)
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `signal` is an AbortSignal, or undefined. */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  const isSignal = signal === undefined || isAbortSignal(signal)
  if (!isSignal) throw expected('an AbortSignal', 'signal', signal)
  return signal
}

function listenTo(signal: AbortSignal): Set<Listener> {
  const listeners = new Set<Listener>()
  listenersOf.set(signal, listeners)
  const callAll = (): void => {
    for (const listener of listeners) listener(signal.reason)
  }
  signal.addEventListener('abort', callAll, { once: true })
  return listeners
}
