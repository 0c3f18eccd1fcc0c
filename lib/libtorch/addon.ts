import { createRequire } from 'node:module'

import { TorchError } from '../util/errors.js'
import { PACKAGE_ROOT } from '../util/package.js'
import { isError } from '../util/realm.js'
import { explainLoadFailure } from './explain.js'
import { processFacts, unsupported } from './platform.js'

/** The command that makes an addon for this system. */
export const BUILD = 'npx napi-torch build'

const require = createRequire(import.meta.url)

/**
 * Finds the main addon, as node-gyp-build does.
 *
 * @throws {TorchError} `TORCH_ADDON_NOT_FOUND`, `TORCH_PLATFORM`.
 */
export function addonPath(): string {
  try {
    // It reads files and variables as soon as it is loaded.
    const { path } = require('node-gyp-build') as { path: (folder: string) => string }
    return path(PACKAGE_ROOT)
  } catch (cause) {
    throw addonError('Found no native addon', cause)
  }
}

/**
 * Opens an addon. Each copy of this package gets an instance of its own, which makes errors and arrays of its realm: what
 * `require` gives would be one for all realms of a thread.
 *
 * @throws {TorchError} `TORCH_ADDON_NOT_FOUND`, `TORCH_PLATFORM`.
 */
export function openAddon(path: string): unknown {
  const module = { exports: {} }
  try {
    process.dlopen(module, path)
  } catch (cause) {
    throw addonError('Cannot open the native addon', cause)
  }
  return module.exports
}

/** Makes the error for an addon that cannot be opened, which names the cause and what helps. */
export function addonError(what: string, cause: unknown): TorchError {
  const platform = unsupported(processFacts())
  if (platform !== null) return new TorchError('TORCH_PLATFORM', platform, { cause })
  const code = isError(cause) && 'code' in cause ? cause.code : undefined
  const reason = isError(cause) ? (cause.message.split('\n', 1)[0] ?? '') : String(cause)
  return new TorchError('TORCH_ADDON_NOT_FOUND', `${what}: ${reason}; ${remedyOf(code, reason)}`, { cause })
}

function remedyOf(code: unknown, reason: string): string {
  if (code === 'ERR_DLOPEN_DISABLED') {
    return 'run node without --no-addons and, with --permission, with --allow-addons'
  }
  if (code === 'ERR_ACCESS_DENIED') {
    return `allow node to read the package and libtorch: --allow-fs-read=${PACKAGE_ROOT}; docs/platforms.md lists what must be allowed`
  }
  const explanation = explainLoadFailure(reason)
  return explanation === '' ? `build it: ${BUILD}` : `${explanation}; or build it: ${BUILD}`
}
