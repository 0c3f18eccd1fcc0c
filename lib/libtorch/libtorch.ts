import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { isPrebuiltWanted, libtorchVariable } from '../util/environment.js'
import { TorchError } from '../util/errors.js'
import { BUILD, deniedFile, openAddon } from './addon.js'
import { explainLoadFailure } from './explain.js'
import { libraryFile, minorOf, readLibtorchFolder, UNKNOWN_VERSION, type LibtorchFolder } from './folder.js'
import { faultOfSizes } from './manifest.js'
import { neededLibraries } from './needed.js'
import { places, type SearchPlace, type LibtorchSource } from './places.js'
import { processFacts, unsupported } from './platform.js'
import { isPackageFolder, PACKAGE_ROOT } from '../util/package.js'

export type { LibtorchSource } from './places.js'

/** The minor version of libtorch that this release is made for. */
export const LIBTORCH_MINOR = '2.13'

/** The minor versions that the addon can be compiled against. */
export const BUILDABLE_MINORS = ['2.11', '2.12', '2.13', '2.14'] as const

/** A libtorch on this machine, and how it was found. */
export interface LibtorchLocation extends LibtorchFolder {
  /** Which place of the search order it is from. */
  readonly source: LibtorchSource
}

/** Options of {@link findLibtorch}. */
export interface FindLibtorchOptions {
  /**
   * `run`: of the minor version that the addon was compiled for. `build`: with headers, to compile the addon against;
   * then `NAPI_TORCH_LIBTORCH` may name any of {@link BUILDABLE_MINORS}. Default: `run`.
   */
  readonly purpose?: 'run' | 'build' | undefined
}

/** The helper addon, which is linked to nothing; see `native/preload/preload.cc`. */
interface Preload {
  open(path: string): string | null
  openAside(path: string): Promise<string | null>
  loaded(name: string): string | null
  readonly builtFor: string
}

const INSTALL = 'npx napi-torch install-libtorch'

let current: LibtorchLocation | null = null

let opening: Promise<void> | null = null

/**
 * Opens libtorch for the whole process, so that the addon finds it; does nothing the second time.
 *
 * A libtorch that the process has open already (by another worker, or by another copy of this package) is taken as it
 * is: two of them in one process do not live together.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_NOT_FOUND`, `TORCH_LIBTORCH_VERSION`, `TORCH_LIBTORCH_LOAD`, `TORCH_PLATFORM`, or
 * `TORCH_ADDON_NOT_FOUND` where the helper addon is not built.
 */
export function openLibtorch(): LibtorchLocation {
  if (current !== null) return current

  const { preload, location, libraries } = locate()
  for (const path of libraries) {
    const failure = preload.open(path)
    if (failure !== null) throw cannotLoad(location, failure)
  }
  openCudaGraphs(preload, location)
  return (current = location)
}

/**
 * Does what {@link openLibtorch} does on another thread: it takes 300 ms and more, in which nothing else would go on. The second call
 * waits for the first. Never rejects: what fails here fails at the first use, and says why.
 */
export function openLibtorchAside(): Promise<void> {
  if (current !== null) return Promise.resolve()
  return (opening ??= openOnThread())
}

async function openOnThread(): Promise<void> {
  try {
    const { preload, location, libraries } = locate()
    for (const path of libraries) {
      if ((await preload.openAside(path)) !== null) return
    }
    if (current !== null) return
    openCudaGraphs(preload, location)
    current = location
  } catch {
    // openLibtorch() throws it.
  }
}

/** The libraries to open, in order. What is open already is not opened again, only made visible to the addon. */
function locate(): { preload: Preload; location: LibtorchLocation; libraries: readonly string[] } {
  checkElectron()
  const preload = requirePreload()
  const location = openInProcess(preload) ?? findLibtorch()
  if (minorOf(location.version) !== minorOf(preload.builtFor)) throw wrongVersion(location, 'run')
  const { libFolder } = location
  return { preload, location, libraries: librariesToOpen(libFolder).map((name) => join(libFolder, name)) }
}

/** The libtorch that {@link openLibtorch} has opened in this thread, or null. */
export function currentLibtorch(): LibtorchLocation | null {
  return current
}

/**
 * Finds libtorch: the folder in `NAPI_TORCH_LIBTORCH`, else the npm platform package, the cache of this package, a
 * Python with torch, system folders. Nothing is opened.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_NOT_FOUND` where there is none, or none in the folder that the user names;
 * `TORCH_LIBTORCH_VERSION` where there are only others than the addon was compiled for.
 */
export function findLibtorch({ purpose = 'run' }: FindLibtorchOptions = {}): LibtorchLocation {
  const named = libtorchVariable()
  if (named !== undefined) return findNamed(named, purpose)

  const looked = ['NAPI_TORCH_LIBTORCH: not set']
  const minor = wantedMinor(purpose)
  let other: LibtorchLocation | null = null
  for (const place of places()) {
    const faults: string[] = []
    for (const folder of foldersAt(place, faults)) {
      const found = readAllowed(folder, faults)
      if (found === null) continue
      const location = { ...found, source: place.source }
      const fault = faultOf(found, [minor], purpose)
      if (fault === null) return location
      faults.push(`${found.folder} ${fault}`)
      if (!hasMinor(found, [minor])) other ??= location
    }
    looked.push(`${place.name}: ${faults.length === 0 ? 'none' : faults.join(', ')}`)
  }
  if (other !== null) throw wrongVersion(other, purpose)
  const list = looked.map((line) => `  ${line}`).join('\n')
  throw new TorchError(
    'TORCH_LIBTORCH_NOT_FOUND',
    `Found no libtorch ${minor} on this machine; looked at\n${list}\nRun this: ${INSTALL}`,
  )
}

function foldersAt(place: SearchPlace, faults: string[]): readonly string[] {
  return allowed(() => place.folders(), faults) ?? []
}

function readAllowed(folder: string, faults: string[]): LibtorchFolder | null {
  return allowed(() => readLibtorchFolder(folder), faults)
}

/** Adds to `faults` what Node's permission model does not let this process read. */
function allowed<T>(read: () => T, faults: string[]): T | null {
  try {
    return read()
  } catch (cause) {
    const denied = deniedFile(cause)
    if (denied === null) throw cause
    faults.push(`${denied} may not be read (--allow-fs-read)`)
    return null
  }
}

/** What the user names is never passed over in silence. */
function findNamed(path: string, purpose: 'run' | 'build'): LibtorchLocation {
  const faults: string[] = []
  const found = readAllowed(path, faults)
  if (faults[0] !== undefined) {
    throw new TorchError('TORCH_LIBTORCH_NOT_FOUND', `NAPI_TORCH_LIBTORCH names ${path}, but ${faults[0]}`)
  }
  if (found === null) {
    const fault = existsSync(path) ? `has no lib/${libraryFile('torch_cpu')}` : 'does not exist'
    throw new TorchError(
      'TORCH_LIBTORCH_NOT_FOUND',
      `NAPI_TORCH_LIBTORCH names ${path}, which ${fault}; name a folder of libtorch, or unset it and run: ${INSTALL}`,
    )
  }
  const location = { ...found, source: 'environment' } as const
  const minors = purpose === 'build' ? BUILDABLE_MINORS : [wantedMinor(purpose)]
  if (!hasMinor(found, minors)) throw wrongVersion(location, purpose)
  const fault = faultOf(location, minors, purpose)
  if (fault === null) return location
  throw new TorchError('TORCH_LIBTORCH_NOT_FOUND', `NAPI_TORCH_LIBTORCH names ${path}, which ${fault}`)
}

function wantedMinor(purpose: 'run' | 'build'): string {
  if (purpose === 'build') return LIBTORCH_MINOR
  const path = preloadPath()
  return path === undefined ? LIBTORCH_MINOR : minorOf(loadPreload(path).builtFor)
}

function hasMinor({ version }: LibtorchFolder, minors: readonly string[]): boolean {
  return minors.includes(minorOf(version))
}

function faultOf(folder: LibtorchFolder, minors: readonly string[], purpose: 'run' | 'build'): string | null {
  if (!hasMinor(folder, minors)) return `is ${folder.version}`
  if (purpose === 'build' && folder.includeFolder === null) return 'has no headers (include/ATen/ATen.h)'
  return faultOfSizes(folder.folder)
}

/** The order in which each finds what it needs among those opened before. */
function librariesToOpen(libFolder: string): string[] {
  const present = new Set(readdirSync(libFolder))
  // Beside libtorch its OpenMP lies under a name with or without a hash: libgomp.so.1, libgomp-98b21ff3.so.1.
  const needed = neededLibraries(join(libFolder, libraryFile('torch_cpu')))
  const openmp = needed.filter((name) => /^lib[gi]?omp/.test(name) && present.has(name))
  const optional = ['c10_cuda', 'torch_cuda', 'c10_hip', 'torch_hip', 'torch'].map(libraryFile)
  // Opening the CUDA library is what registers the device: nothing of the addon refers to it.
  return [...openmp, libraryFile('c10'), libraryFile('torch_cpu'), ...optional.filter((name) => present.has(name))]
}

/** The library that lets engines record graphs of CUDA, beside the helper: built where CUDA's headers were found. */
function openCudaGraphs(preload: Preload, { libFolder }: LibtorchLocation): void {
  const helper = preloadPath()
  if (helper === undefined || !existsSync(join(libFolder, libraryFile('torch_cuda')))) return
  const library = join(dirname(helper), 'napi_torch_cuda.node')
  const failure = existsSync(library) ? preload.open(library) : null
  // All works without it, if slower.
  if (failure !== null) process.emitWarning(`CUDA is used without graphs: ${failure}`, 'TorchWarning')
}

/** A second libtorch in one process would end it, so what is open is used, whatever the user names. */
function openInProcess(preload: Preload): LibtorchLocation | null {
  const library = preload.loaded(libraryFile('torch_cpu'))
  if (library === null) return null
  const libFolder = dirname(library)
  const unknown = { folder: libFolder, libFolder, includeFolder: null, version: UNKNOWN_VERSION, flavor: 'cpu' }
  return { ...(readLibtorchFolder(libFolder) ?? unknown), source: 'process' }
}

/** Where the addon would open, and fail later. The rest of {@link unsupported} is told when something does not open. */
function checkElectron(): void {
  if (process.versions['electron'] === undefined) return
  const reason = unsupported(processFacts())
  if (reason !== null) throw new TorchError('TORCH_PLATFORM', reason)
}

function requirePreload(): Preload {
  const path = preloadPath()
  if (path !== undefined) return loadPreload(path)
  const reason = unsupported(processFacts())
  const remedy = isPackageFolder()
    ? `build it: ${BUILD}`
    : 'this code seems to be bundled into another file: keep napi-torch out of the bundle (esbuild --external:napi-torch)'
  throw reason === null
    ? new TorchError(
        'TORCH_ADDON_NOT_FOUND',
        `Found no native addon for ${process.platform}-${process.arch}; looked at ${preloadPaths().join(', ')}; ${remedy}`,
      )
    : new TorchError('TORCH_PLATFORM', reason)
}

function loadPreload(path: string): Preload {
  return openAddon(path) as Preload
}

/** In a folder of its own: node-gyp-build takes the first addon that it finds. The order is that of node-gyp-build. */
function preloadPaths(): string[] {
  const prebuilt = join('prebuilds', `${process.platform}-${process.arch}`)
  return (isPrebuiltWanted() ? [prebuilt] : ['build', prebuilt]).map((folder) =>
    join(PACKAGE_ROOT, folder, 'preload', 'napi_torch_preload.node'),
  )
}

function preloadPath(): string | undefined {
  return preloadPaths().find((path) => existsSync(path))
}

function wrongVersion(found: LibtorchLocation, purpose: 'run' | 'build'): TorchError {
  const buildable = hasMinor(found, BUILDABLE_MINORS)
  const range = `${BUILDABLE_MINORS[0]} to ${BUILDABLE_MINORS.at(-1)}`
  const wanted =
    purpose === 'build' ? `the addon can be built against ${range}` : `this addon was built for ${wantedMinor('run')}`
  const build = `, or build the addon against it: NAPI_TORCH_LIBTORCH=${found.folder} ${BUILD}`
  return new TorchError(
    'TORCH_LIBTORCH_VERSION',
    `Found libtorch ${found.version} in ${found.folder} (${HOW_FOUND[found.source]}), but ${wanted}; ` +
      `run: ${INSTALL}${buildable ? build : ''}`,
  )
}

const HOW_FOUND: Readonly<Record<LibtorchSource, string>> = {
  environment: 'named by NAPI_TORCH_LIBTORCH',
  package: 'npm package',
  cache: 'cache',
  python: 'Python package',
  system: 'system folder',
  process: 'opened by other code of this process',
}

function cannotLoad(found: LibtorchLocation, failure: string): TorchError {
  const explanation = explainLoadFailure(failure, { isMemoryLimited: isMemoryLimited() })
  return new TorchError(
    'TORCH_LIBTORCH_LOAD',
    `Cannot open libtorch ${found.version} in ${found.folder}: ${failure}${explanation === '' ? '' : `. ${explanation}`}`,
  )
}

/** Tells whether the address space of this process has a limit (`ulimit -v`), which the loader does not name. */
function isMemoryLimited(): boolean {
  try {
    return /^Max address space +\d/m.test(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return false
  }
}
