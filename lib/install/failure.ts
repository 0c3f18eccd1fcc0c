import { TorchError } from '../util/errors.js'

/** The error of an installation that did not succeed; nothing of it stays in the cache. */
export function installError(message: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_LIBTORCH_INSTALL', message, { cause })
}

/** The text of whatever was thrown; of the cause where that says more, as for the `fetch failed` of Node. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof TorchError) return error.message
  if (error instanceof AggregateError && error.message === '') return textOf(error.errors[0])
  return error.cause instanceof Error ? textOf(error.cause) : error.message
}
