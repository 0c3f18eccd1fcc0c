import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'

// The one file of the library that reads process.env: what can be set from outside is seen here at a glance.

/** The libtorch folder that the user names in `NAPI_TORCH_LIBTORCH`, as it is written, or undefined. */
export function libtorchVariable(): string | undefined {
  return nonEmpty(process.env['NAPI_TORCH_LIBTORCH'])
}

/**
 * The folder in which this package keeps what it fetches: `NAPI_TORCH_CACHE`, else `napi-torch` in the cache folder of
 * the system (`$XDG_CACHE_HOME` or `~/.cache`; `~/Library/Caches` on macOS; `%LOCALAPPDATA%` on Windows).
 */
export function cacheFolder(): string {
  const own = nonEmpty(process.env['NAPI_TORCH_CACHE'])
  return own === undefined ? join(systemCacheFolder(), 'napi-torch') : resolve(own)
}

/**
 * Where the user wants the wheel of libtorch to be fetched from, instead of PyTorch's server: the address in
 * `NAPI_TORCH_LIBTORCH_URL` of the file itself or, if it ends in a slash, of the folder that holds it; or undefined.
 */
export function libtorchUrl(): string | undefined {
  return nonEmpty(process.env['NAPI_TORCH_LIBTORCH_URL'])
}

/** Tells whether `PREBUILDS_ONLY` asks for the addon of the package, as node-gyp-build has it, and not one built here. */
export function isPrebuiltWanted(): boolean {
  return nonEmpty(process.env['PREBUILDS_ONLY']) !== undefined
}

/**
 * Tells whether the user asks for color even where the output is not a terminal (https://force-color.org) or for none
 * (https://no-color.org), which wins; null where neither is set.
 */
export function colorPreference(): boolean | null {
  if (nonEmpty(process.env['NO_COLOR']) !== undefined) return false
  return nonEmpty(process.env['FORCE_COLOR']) === undefined ? null : true
}

/** The variables whose names begin so, by their whole names; empty ones count as not set. */
export function variablesFrom(prefix: string): ReadonlyMap<string, string> {
  const entries = Object.entries(process.env)
  return new Map(entries.flatMap(([name, value]) => (name.startsWith(prefix) && value ? [[name, value]] : [])))
}

/** The environment of a child process: this one's, with `variables` in place of what it holds under these names. */
export function environmentWith(
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  return { ...process.env, ...variables }
}

function systemCacheFolder(): string {
  // A relative XDG_CACHE_HOME is to be ignored: XDG Base Directory Specification 0.8.
  const xdg = nonEmpty(process.env['XDG_CACHE_HOME'])
  if (xdg !== undefined && isAbsolute(xdg)) return xdg
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches')
  if (process.platform === 'win32') return nonEmpty(process.env['LOCALAPPDATA']) ?? join(homedir(), 'AppData', 'Local')
  return join(homedir(), '.cache')
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
