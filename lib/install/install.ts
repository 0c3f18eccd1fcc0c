import { existsSync, statSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'

import { checkBoolean, checkOneOf, checkOptions, checkString, expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { LIBTORCH_MINOR, type LibtorchLocation } from '../libtorch/libtorch.js'
import { minorOf, readLibtorchFolder } from '../libtorch/folder.js'
import { publish, selectInstalled, withStaging } from './cache.js'
import { installError, installFolder } from './failure.js'
import { FLAVORS, fetchOfficial, keepArchive, LIBTORCH_VERSION, type Fetched, type Flavor } from './official.js'
import type { Reporter } from './progress.js'
import { copyFolder, unpackArchive } from './unpack.js'

export type { InstallProgress } from './progress.js'

/** Options of {@link installLibtorch}. */
export interface InstallLibtorchOptions extends Reporter {
  /**
   * Take libtorch from here: an unpacked libtorch or a site-packages folder; an archive (a torch wheel or a libtorch
   * zip); or a folder of wheels, as `pip download torch` leaves it. Default: the official wheel is fetched.
   */
  readonly from?: string | undefined
  /** `cpu` or `cu130`. Default: `cpu`, or with `from` whichever is there. */
  readonly flavor?: Flavor | undefined
  /** Install even if it is in the cache already. Default: `false`; `from` always installs. */
  readonly force?: boolean | undefined
  /** Keep the fetched wheel in `wheels/` of the cache, where pip may take it from. Default: `false`. */
  readonly keepWheel?: boolean | undefined
}

/**
 * Puts libtorch into the cache folder of this package, where it is found from then on; only what is needed of it.
 *
 * What is in the cache already is not fetched again, but becomes the one that is found first. With `from` or `force` it is replaced.
 * The cache changes in one step at the end: a failure leaves it as it was, and two installers at once do no harm.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_INSTALL`, `TORCH_LIBTORCH_VERSION` for another minor version than 2.13,
 * `TORCH_FILE` where `from` does not exist.
 */
export async function installLibtorch(options: InstallLibtorchOptions = {}): Promise<LibtorchLocation> {
  checkOptions('options', options, ['from', 'flavor', 'force', 'keepWheel', 'onStep', 'onProgress', 'signal'])
  const { from, flavor, force = false, keepWheel = false, signal } = options
  if (from !== undefined) checkString('from', from)
  if (flavor !== undefined) checkOneOf('flavor', flavor, FLAVORS)
  checkBoolean('force', force)
  checkBoolean('keepWheel', keepWheel)
  signal?.throwIfAborted()

  let repair = false
  if (from === undefined && !force) {
    const { place, fault } = await selectInstalled(LIBTORCH_VERSION, flavor ?? 'cpu')
    if (place !== null) {
      options.onStep?.(`libtorch ${LIBTORCH_VERSION} (${flavor ?? 'cpu'}) is installed already`)
      return locationOf(place, place)
    }
    if (fault !== null) {
      repair = true
      options.onStep?.(`${fault}; installing it again`)
    }
  }
  return withStaging(async (staging) => {
    const staged = join(staging, 'libtorch')
    await mkdir(staged)
    const origin =
      from === undefined ? await fetchInto(staged, staging, options) : await takeInto(staged, from, options)
    const location = locationOf(staged, origin)
    checkVersion(location, origin, flavor)
    const place = await publish(staged, location, { origin, replace: force || repair || from !== undefined })
    // Another installer may be about to replace it, by two renames.
    return { ...location, ...(readLibtorchFolder(place) ?? foldersIn(place, location, staged)) }
  })
}

/** Where the folders of a libtorch lie once it has been moved. */
function foldersIn(
  place: string,
  { folder, libFolder, includeFolder }: LibtorchLocation,
  staged: string,
): Pick<LibtorchLocation, 'folder' | 'libFolder' | 'includeFolder'> {
  const moved = (path: string): string => join(place, relative(staged, path))
  return {
    folder: moved(folder),
    libFolder: moved(libFolder),
    includeFolder: includeFolder === null ? null : moved(includeFolder),
  }
}

async function fetchInto(staged: string, staging: string, options: InstallLibtorchOptions): Promise<string> {
  const { archives, origin } = await fetchOfficial(options.flavor ?? 'cpu', join(staging, 'fetched'), options)
  await unpackFetched({ archives, origin }, staged, options)
  return origin
}

/** Removes or puts away each archive as soon as it is unpacked: with CUDA they are 3 GB, and as much unpacked. */
async function unpackFetched({ archives }: Fetched, staged: string, options: InstallLibtorchOptions): Promise<void> {
  for (const archive of archives) {
    await unpackArchive(archive, staged, options)
    if (options.keepWheel === true) await keepArchive(archive, join(installFolder(), 'wheels'))
    else await rm(archive)
  }
}

async function takeInto(staged: string, from: string, options: InstallLibtorchOptions): Promise<string> {
  const path = resolve(from)
  if (!existsSync(path)) throw new TorchError('TORCH_FILE', `Cannot read ${path}: it does not exist`)
  if (!statSync(path).isDirectory()) {
    await unpackArchive(path, staged, options)
    return path
  }
  const found = readLibtorchFolder(path)
  if (found === null) {
    for (const archive of await wheelsIn(path)) await unpackArchive(archive, staged, options)
    return path
  }
  if (found.libFolder !== join(found.folder, 'lib')) {
    throw expected('a folder that holds nothing but libtorch', 'from', from)
  }
  await copyFolder(found, staged, options)
  return path
}

async function wheelsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /^(torch|nvidia_.*)-[^/]*\.whl$/.test(name))
  if (!names.some((name) => name.startsWith('torch-'))) {
    throw installError(`Cannot install from ${folder}: it holds neither libtorch nor a torch wheel`)
  }
  return names.map((name) => join(folder, name))
}

function locationOf(place: string, origin: string): LibtorchLocation {
  const found = readLibtorchFolder(place)
  if (found === null) throw installError(`Cannot install from ${origin}: it holds no libtorch for ${process.platform}`)
  return { ...found, source: 'cache' }
}

function checkVersion({ version, flavor }: LibtorchLocation, origin: string, wanted: string | undefined): void {
  if (minorOf(version) !== LIBTORCH_MINOR) {
    const message = `Expected libtorch ${LIBTORCH_MINOR} in ${origin}, received ${version}`
    throw new TorchError('TORCH_LIBTORCH_VERSION', message)
  }
  if (wanted !== undefined && flavor !== wanted) {
    throw installError(`Expected libtorch with flavor ${wanted} in ${origin}, received ${flavor}`)
  }
}
