import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { hasCode, reasonOf } from '../util/errno.js'
import { readLibtorchFolder, type LibtorchFolder } from '../libtorch/folder.js'
import { describeFiles, faultOfContents, MANIFEST, type LibtorchManifest } from '../libtorch/manifest.js'
import { CACHE_PREFIX } from '../libtorch/places.js'
import { installError, installFolder } from './failure.js'

const STAGING_PREFIX = 'staging-'

/** A staging folder that has not been touched for this long was left by a process that was killed. */
const STAGING_LIFETIME_MS = 24 * 60 * 60 * 1000

/**
 * Runs `work` with a folder of its own inside the cache, on the same disk, and removes the folder afterwards.
 *
 * @throws {TorchError} `TORCH_LIBTORCH_INSTALL` where the cache cannot be written.
 */
export async function withStaging<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const cache = installFolder()
  let folder: string
  try {
    await mkdir(cache, { recursive: true })
    await removeLeftovers(cache)
    folder = await mkdtemp(join(cache, STAGING_PREFIX))
  } catch (cause) {
    throw installError(`Cannot write to ${cache}: ${reasonOf(cause)}; set NAPI_TORCH_CACHE to another folder`, cause)
  }
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Moves a complete libtorch from a staging folder to its place in the cache, in one step: no reader ever sees half of it.
 *
 * Where the place is taken, by an older installation or by another process that was faster, `replace` decides.
 */
export async function publish(
  staged: string,
  { version, flavor }: LibtorchFolder,
  { origin, replace }: { readonly origin: string; readonly replace: boolean },
): Promise<string> {
  const manifest: LibtorchManifest = { version, flavor, origin, files: await describeFiles(staged) }
  await writeFile(join(staged, MANIFEST), `${JSON.stringify(manifest, null, 1)}\n`)

  const place = placeOf(version, flavor)
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(staged, place)
      return place
    } catch (cause) {
      // By its code, as another process may have freed the place since.
      const isTaken = existsSync(place) || hasCode(cause, 'ENOTEMPTY', 'EEXIST')
      if (!isTaken || attempt === PUBLISH_ATTEMPTS) {
        throw installError(`Cannot move libtorch to ${place}: ${reasonOf(cause)}`, cause)
      }
    }
    if (!replace && isComplete(place)) return place
    await setAside(place, `${staged}-replaced-${attempt}`)
  }
}

/** Other processes may take the place between our two renames; so many times in a row is something else. */
const PUBLISH_ATTEMPTS = 100

/**
 * Makes a complete libtorch of the cache the one that is found first. Gives its folder; or null where there is none, and
 * in `fault` what is wrong with the one that is there: every file of it is read.
 */
export async function selectInstalled(
  version: string,
  flavor: string,
): Promise<{ readonly place: string | null; readonly fault: string | null }> {
  const place = placeOf(version, flavor)
  if (!isComplete(place)) return { place: null, fault: null }
  const fault = await faultOfContents(join(place, 'torch'))
  if (fault !== null) return { place: null, fault: `${place} ${fault}` }
  const now = new Date()
  // In a cache that belongs to somebody else the order stays as it is.
  await utimes(join(place, MANIFEST), now, now).catch(() => undefined)
  return { place, fault: null }
}

function placeOf(version: string, flavor: string): string {
  return join(installFolder(), `${CACHE_PREFIX}${version}-${flavor}`)
}

function isComplete(place: string): boolean {
  return existsSync(join(place, MANIFEST)) && readLibtorchFolder(place) !== null
}

/** Into the staging folder, which is removed in the end. */
async function setAside(place: string, aside: string): Promise<void> {
  try {
    await rename(place, aside)
  } catch (cause) {
    // Without it the place is free, or taken again by another process.
    if (!hasCode(cause, 'ENOENT')) throw installError(`Cannot replace ${place}: ${reasonOf(cause)}`, cause)
  }
}

/** What another installer has removed meanwhile is removed. */
async function removeLeftovers(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(STAGING_PREFIX)) continue
    const folder = join(cache, name)
    try {
      const { mtimeMs } = await stat(folder)
      if (Date.now() - mtimeMs > STAGING_LIFETIME_MS) await rm(folder, { recursive: true, force: true })
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTEMPTY', 'ENOTDIR')) throw error
    }
  }
}
