import { TorchError } from '../util/errors.js'

/** The error of an installation that did not succeed; nothing of it stays in the cache. */
export function installError(message: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_LIBTORCH_INSTALL', message, { cause })
}
