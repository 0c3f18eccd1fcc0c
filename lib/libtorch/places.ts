import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { cacheFolder } from '../util/environment.js'
import { MANIFEST } from './manifest.js'

/** How a libtorch was found. `process` is one that the process had open already. */
export type LibtorchSource = 'environment' | 'package' | 'cache' | 'python' | 'system' | 'process'

/** A place where libtorch may be. */
export interface SearchPlace {
  readonly source: LibtorchSource
  /** What it is called in a message. */
  readonly name: string
  /** Folders to look into, best first; each may or may not hold libtorch. */
  folders(): readonly string[]
}

/** Folders of the cache are named `libtorch-2.13.0-cpu`. */
export const CACHE_PREFIX = 'libtorch-'

/** The npm package that carries libtorch for this platform, without CUDA. */
export const PLATFORM_PACKAGE = `@napi-torch/libtorch-cpu-${process.platform}-${process.arch}`

const PYTHON_TIMEOUT_MS = 5000

const SYSTEM_FOLDERS =
  process.platform === 'darwin'
    ? ['/opt/homebrew/opt/pytorch', '/usr/local/opt/pytorch', '/usr/local/libtorch', '/usr/local']
    : process.platform === 'win32'
      ? ['C:\\libtorch']
      : ['/opt/libtorch', '/usr/local/libtorch', '/usr/local', '/usr']

/** The places to look into when the user names none, in order. Look into them one by one: Python takes a while. */
export function places(): readonly SearchPlace[] {
  return [
    { source: 'package', name: `npm package ${PLATFORM_PACKAGE}`, folders: packageFolders },
    { source: 'cache', name: `cache ${cacheFolder()}`, folders: cachedFolders },
    { source: 'python', name: 'torch package of python3', folders: pythonFolders },
    { source: 'system', name: `system folders ${SYSTEM_FOLDERS.join(', ')}`, folders: () => SYSTEM_FOLDERS },
  ]
}

function packageFolders(): string[] {
  try {
    return [dirname(createRequire(import.meta.url).resolve(`${PLATFORM_PACKAGE}/package.json`))]
  } catch {
    return []
  }
}

/** The one that was installed last comes first, so that installing another flavor selects it. */
function cachedFolders(): string[] {
  return entries(cacheFolder())
    .filter((name) => name.startsWith(CACHE_PREFIX))
    .map((name) => join(cacheFolder(), name))
    .map((folder) => ({ folder, time: modificationTime(join(folder, MANIFEST)) }))
    .filter(({ time }) => time > 0)
    .sort((one, other) => other.time - one.time)
    .map(({ folder }) => folder)
}

// Asks where torch lies without importing it, which would take seconds. The current folder is no place to look: opening
// a library from wherever the process happens to stand would be a way in.
const PYTHON_PROGRAM = `
import sys
sys.path[:] = [folder for folder in sys.path if folder]
from importlib.util import find_spec
spec = find_spec("torch")
print("\\n".join(spec.submodule_search_locations) if spec else "")
`

function pythonFolders(): string[] {
  for (const python of process.platform === 'win32' ? ['python'] : ['python3', 'python']) {
    const { status, stdout } = spawnSync(python, ['-c', PYTHON_PROGRAM], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: PYTHON_TIMEOUT_MS,
      windowsHide: true,
    })
    if (status === 0) return stdout.split(/\r?\n/).filter((line) => line !== '')
  }
  return []
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function modificationTime(path: string): number {
  try {
    return statSync(path).mtimeMs
  } catch {
    return 0
  }
}
