import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'

import { cacheFolder, foldersOf } from '../util/environment.js'
import { hasCode } from '../util/errno.js'
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
    {
      source: 'cache',
      name: `cache ${cacheFolder() ?? '(no home folder: set NAPI_TORCH_CACHE)'}`,
      folders: cachedFolders,
    },
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
  const cache = cacheFolder()
  if (cache === null) return []
  return entries(cache)
    .filter((name) => name.startsWith(CACHE_PREFIX))
    .map((name) => join(cache, name))
    .map((folder) => ({ folder, time: modificationTime(join(folder, MANIFEST)) }))
    .filter(({ time }) => time > 0)
    .sort((one, other) => other.time - one.time)
    .map(({ folder }) => folder)
}

// Asks where torch lies without importing it, which would take seconds. In isolated mode (-I) Python looks neither into the
// current folder nor into those of PYTHONPATH, as opening a library from wherever the process happens to stand would be a way
// in. It leaves out the packages of `pip install --user` too: these, and the folders of PYTHONPATH that are safe, come back.
const PYTHON_PROGRAM = `
import os, site, sys
from importlib.machinery import PathFinder
folders = [*sys.argv[1:], *sys.path, site.getusersitepackages()]
spec = PathFinder.find_spec("torch", [folder for folder in folders if os.path.isabs(folder)])
print("\\n".join(spec.submodule_search_locations or []) if spec else "")
`

function pythonFolders(): string[] {
  const names = process.platform === 'win32' ? ['python.exe'] : ['python3', 'python']
  for (const python of names.flatMap((name) => foldersOf('PATH').map((folder) => join(folder, name)))) {
    if (!existsSync(python)) continue
    const answer = ask(python)
    if (answer !== null) return answer.split(/\r?\n/).filter((line) => isAbsolute(line))
  }
  return []
}

/** What a Python answers; null where it fails, or where Node's permission model does not let it run. */
function ask(python: string): string | null {
  try {
    const { status, stdout } = spawnSync(python, ['-I', '-c', PYTHON_PROGRAM, ...foldersOf('PYTHONPATH')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: PYTHON_TIMEOUT_MS,
      windowsHide: true,
    })
    return status === 0 ? stdout : null
  } catch {
    return null
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    // What Node's permission model forbids is said, as what is not there is.
    if (hasCode(error, 'ERR_ACCESS_DENIED')) throw error
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
