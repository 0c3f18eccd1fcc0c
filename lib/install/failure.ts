import { cacheFolder } from '../util/environment.js'
import { TorchError } from '../util/errors.js'

/** The error of an installation that did not succeed; nothing of it stays in the cache. */
export function installError(message: string, cause?: unknown): TorchError {
  return new TorchError('TORCH_LIBTORCH_INSTALL', message, { cause })
}

/**
 * The folder for what is installed.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_INSTALL` where the system names no folder for it.
 */
export function installFolder(): string {
  const folder = cacheFolder()
  if (folder === null) throw installError('The user has no home folder: set NAPI_TORCH_CACHE to a folder')
  return folder
}
