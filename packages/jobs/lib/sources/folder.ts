import { opendir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'
import { reasonOf } from 'napi-torch/internal'
import type { AllowList } from './allow_list.js'

/** Endings of the files that are decoded. */
const EXTENSIONS = /\.(?:jpe?g|png|webp|gif|tiff?|avif)$/i

/** Numbers count as such, in the same way in every locale: two listings of a folder must be equal. */
const NATURAL = new Intl.Collator('en', { numeric: true })

/** What {@link folderItems} takes. */
export interface FolderFilter {
  /** Tells whether a file counts, by its path relative to the folder, with slashes. */
  isWanted(relative: string): boolean
  /** Tells whether a folder is to be entered. */
  isEntered(relative: string): boolean
}

/** Takes the image files of all folders, by their endings. */
export const IMAGE_FILES: FolderFilter = {
  isWanted: (relative) => EXTENSIONS.test(relative),
  isEntered: () => true,
}

/**
 * Lists the files in a folder and those below it, each folder's in natural order. Of one folder after the other, the names are
 * in memory.
 *
 * @throws {TorchError} `TORCH_FILE` if a folder cannot be read; `TORCH_SOURCE_REFUSED` for a link that leads out of the allowed
 * folders.
 */
export async function* folderItems(
  folder: string,
  allowed: AllowList,
  filter: FolderFilter,
): AsyncGenerator<string, void, undefined> {
  yield* itemsBelow({ folder, allowed, filter }, '', [])
}

interface Walk {
  readonly folder: string
  readonly allowed: AllowList
  readonly filter: FolderFilter
}

async function* itemsBelow(walk: Walk, way: string, above: readonly string[]): AsyncGenerator<string, void, undefined> {
  const here = join(walk.folder, way)
  const real = await realpath(here).catch((cause: unknown) => refuse(here, cause))
  if (above.includes(real)) return // A link that leads back up.
  for (const { name, isFolder } of await entriesOf(walk, way)) {
    const next = way === '' ? name : `${way}/${name}`
    if (isFolder) yield* itemsBelow(walk, next, [...above, real])
    else yield join(walk.folder, next)
  }
}

interface Entry {
  readonly name: string
  readonly isFolder: boolean
}

async function entriesOf({ folder, allowed, filter }: Walk, way: string): Promise<Entry[]> {
  const here = join(folder, way)
  const entries: Entry[] = []
  try {
    for await (const entry of await opendir(here)) {
      const { name } = entry
      const path = join(here, name)
      const relative = way === '' ? name : `${way}/${name}`
      const isLink = entry.isSymbolicLink()
      const isFolder = isLink ? await leadsToFolder(path) : entry.isDirectory()
      if (isFolder ? !filter.isEntered(relative) : !filter.isWanted(relative)) continue
      if (isLink) await checkLink(path, allowed)
      entries.push({ name, isFolder })
    }
  } catch (cause) {
    refuse(here, cause)
  }
  return entries.sort((one, other) => NATURAL.compare(one.name, other.name) || (one.name < other.name ? -1 : 1))
}

/** A link that leads nowhere is listed: its image will have vanished, as others may until their turn comes. */
async function checkLink(path: string, allowed: AllowList): Promise<void> {
  const real = await realpath(path).catch(() => null)
  if (real === null || allowed.holds(real)) return
  const message = `${path}: Is a link to ${real}, outside of the allowed folders: allow that folder, or take the link away`
  throw new TorchError('TORCH_SOURCE_REFUSED', message)
}

async function leadsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

function refuse(folder: string, cause: unknown): never {
  if (cause instanceof TorchError) throw cause
  throw new TorchError('TORCH_FILE', `${folder}: ${reasonOf(cause)}`, { cause })
}
