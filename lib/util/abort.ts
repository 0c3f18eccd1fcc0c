import { expected } from './check.js'

type Listener = (reason: unknown) => void

/** What is to be called for each signal: one listener for all, as Node warns of more than ten. */
const waiting = new WeakMap<AbortSignal, Set<Listener>>()

/** Calls `listener` with the reason when `signal` is aborted, unless the function that comes back has been called before. */
export function onAbort(signal: AbortSignal | undefined, listener: Listener): () => void {
  if (signal === undefined) return () => undefined
  const listeners = waiting.get(signal) ?? listen(signal)
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `signal` is an AbortSignal, or undefined. */
export function checkSignal(signal: unknown): AbortSignal | undefined {
  const isSignal = signal === undefined || signal instanceof AbortSignal
  if (!isSignal) throw expected('an AbortSignal', 'signal', signal)
  return signal
}

function listen(signal: AbortSignal): Set<Listener> {
  const listeners = new Set<Listener>()
  waiting.set(signal, listeners)
  const call = (): void => {
    for (const listener of listeners) listener(signal.reason)
  }
  signal.addEventListener('abort', call, { once: true })
  return listeners
}
