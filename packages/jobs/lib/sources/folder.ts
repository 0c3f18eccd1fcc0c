import { opendir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'
import { reasonOf, shorten } from 'napi-torch/internal'
import type { AllowList } from './allow_list.js'

/** Extensions of the image files that can be decoded. */
const EXTENSIONS = /\.(?:jpe?g|png|webp|gif|tiff?|avif)$/i

/** Natural order: 9 before 10. In one locale, as two listings of a folder must be equal. */
const NATURAL = new Intl.Collator('en', { numeric: true })

/** Selects the files of {@link folderItems}. */
export interface FolderFilter {
  /** Tells whether a file is selected, by its path relative to the folder, with slashes. */
  isWanted(relative: string): boolean
  /** Tells whether a folder is entered, by its path relative to the folder, with slashes. */
  isEntered(relative: string): boolean
}

/** Selects the image files of all folders, by their extensions. */
export const IMAGE_FILES: FolderFilter = {
  isWanted: (relative) => EXTENSIONS.test(relative),
  isEntered: () => true,
}

/**
 * Lists the files in a folder and in those below it, each folder in natural order. The names of one folder at a time are in memory.
 *
 * @throws {TorchError} `TORCH_FILE` if a folder cannot be read; `TORCH_SOURCE_REFUSED` if a link leads out of the
 * allowed folders.
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

async function* itemsBelow(
  walk: Walk,
  path: string,
  above: readonly string[],
): AsyncGenerator<string, void, undefined> {
  const here = join(walk.folder, path)
  const real = await realpath(here).catch((cause: unknown) => refuse(here, cause))
  if (above.includes(real)) return // A link back to a folder above.
  for (const { name, isFolder } of await entriesOf(walk, path)) {
    const next = path === '' ? name : `${path}/${name}`
    if (isFolder) yield* itemsBelow(walk, next, [...above, real])
    else yield join(walk.folder, next)
  }
}

interface Entry {
  readonly name: string
  readonly isFolder: boolean
}

async function entriesOf({ folder, allowed, filter }: Walk, below: string): Promise<Entry[]> {
  const here = join(folder, below)
  const entries: Entry[] = []
  try {
    for await (const entry of await opendir(here)) {
      const { name } = entry
      const path = join(here, name)
      const relative = below === '' ? name : `${below}/${name}`
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

/** A link to a missing file is listed: its image fails later, as does one that is deleted after it was listed. */
async function checkLink(path: string, allowed: AllowList): Promise<void> {
  const real = await realpath(path).catch(() => null)
  if (real === null || allowed.holds(real)) return
  const message = `${shorten(path)}: Is a link to ${real}, outside the allowed folders: allow that folder, or remove the link`
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
  throw new TorchError('TORCH_FILE', `${folder}: ${reasonOf(cause, 'folder')}`, { cause })
}
