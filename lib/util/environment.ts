import { homedir, userInfo } from 'node:os'
import { delimiter, isAbsolute, join, parse, relative, resolve, sep } from 'node:path'

// The one file of the library that reads process.env: what can be set from outside is seen here at a glance.

/** The libtorch folder that the user names in `NAPI_TORCH_LIBTORCH`, as it is written, or undefined. */
export function libtorchVariable(): string | undefined {
  return nonEmpty(process.env['NAPI_TORCH_LIBTORCH'])
}

/**
 * The folder in which this package keeps what it fetches: `NAPI_TORCH_CACHE`, else `napi-torch` in the cache folder of
 * the system (`$XDG_CACHE_HOME` or `~/.cache`; `~/Library/Caches` on macOS; `%LOCALAPPDATA%` on Windows). Null where the
 * system names none by a whole path: libraries are opened from there, so it is never looked for in the current folder.
 */
export function cacheFolder(): string | null {
  const own = nonEmpty(process.env['NAPI_TORCH_CACHE'])
  if (own !== undefined) return resolve(own)
  const system = systemCacheFolder()
  return system === null ? null : join(system, 'napi-torch')
}

/**
 * The folders that a variable lists, as far as libraries may be opened from there: whole paths outside of the current folder, in
 * which others may leave files, and those of the Python environment that `VIRTUAL_ENV` or `CONDA_PREFIX` names.
 */
export function foldersOf(variable: 'PATH' | 'PYTHONPATH'): readonly string[] {
  const here = process.cwd()
  const environments = ['VIRTUAL_ENV', 'CONDA_PREFIX'].flatMap((name) => {
    const folder = process.env[name]
    return folder !== undefined && isAbsolute(folder) ? [folder] : []
  })
  const isBelow = (folder: string, parent: string): boolean => {
    const way = relative(parent, folder)
    return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
  }
  // Below the root lies everything.
  const isForeign = (folder: string): boolean => here !== parse(here).root && isBelow(folder, here)
  return (process.env[variable] ?? '')
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .filter((folder) => !isForeign(folder) || environments.some((named) => isBelow(folder, named)))
}

/** Tells whether the user says how many threads operators shall use. */
export function isThreadCountSet(): boolean {
  return ['OMP_NUM_THREADS', 'MKL_NUM_THREADS'].some((name) => nonEmpty(process.env[name]) !== undefined)
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

function systemCacheFolder(): string | null {
  // A relative XDG_CACHE_HOME is to be ignored: XDG Base Directory Specification 0.8.
  const xdg = nonEmpty(process.env['XDG_CACHE_HOME'])
  if (xdg !== undefined && isAbsolute(xdg)) return xdg
  const local = nonEmpty(process.env['LOCALAPPDATA'])
  if (process.platform === 'win32' && local !== undefined && isAbsolute(local)) return local
  const home = homeFolder()
  if (home === null) return null
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches')
  return process.platform === 'win32' ? join(home, 'AppData', 'Local') : join(home, '.cache')
}

/** As `HOME` names it or, where that is no whole path, the system. */
function homeFolder(): string | null {
  for (const find of [homedir, () => userInfo().homedir]) {
    try {
      const folder = find()
      if (isAbsolute(folder)) return folder
    } catch {
      // The user of a container need not have an entry.
    }
  }
  return null
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
