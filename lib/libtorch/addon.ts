import { createRequire } from 'node:module'

import { hasCode } from '../util/errno.js'
import { TorchError } from '../util/errors.js'
import { PACKAGE_ROOT } from '../util/package.js'
import { isError } from '../util/realm.js'
import { explainLoadFailure } from './explain.js'
import { isTruncated } from './needed.js'
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
    // Opening it would end the process with a bus error.
    if (isTruncated(path)) throw new TypeError(`${path} is truncated`)
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
  const reason = isError(cause) ? (cause.message.split('\n', 1)[0] ?? '') : String(cause)
  return new TorchError('TORCH_ADDON_NOT_FOUND', `${what}: ${reason}; ${remedyOf(cause, reason)}`, { cause })
}

/** The file that Node's permission model did not let this process read; null for another error. */
export function deniedFile(cause: unknown): string | null {
  if (!hasCode(cause, 'ERR_ACCESS_DENIED')) return null
  return isError(cause) && 'resource' in cause && typeof cause.resource === 'string' ? cause.resource : PACKAGE_ROOT
}

function remedyOf(cause: unknown, reason: string): string {
  if (hasCode(cause, 'ERR_DLOPEN_DISABLED')) {
    return 'run node without --no-addons and, with --permission, with --allow-addons'
  }
  const resource = deniedFile(cause)
  if (resource !== null) return `allow it: --allow-fs-read=${resource}; docs/platforms.md lists what must be allowed`
  // node-gyp-build reads them as soon as it is loaded.
  const [, platform = process.platform, arch = process.arch] = /platform=(\S+) arch=(\S+)/.exec(reason) ?? []
  if (platform !== process.platform || arch !== process.arch || /libc=(?!glibc)/.test(reason)) {
    return 'unset the variables LIBC, npm_config_platform and npm_config_arch, which name another system'
  }
  if (/truncated|file too short|invalid ELF header|not a mach-o file|wrong ELF class/i.test(reason)) {
    return `install napi-torch again, or build it: ${BUILD}`
  }
  const explanation = explainLoadFailure(reason)
  return explanation === '' ? `build it: ${BUILD}` : `${explanation}; or build it: ${BUILD}`
}
