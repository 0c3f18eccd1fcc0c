import { opendir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { checkString } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { reasonOf } from '../util/errno.js'
import { IMAGE_FILE } from '../vision/image_extensions.js'

/** Orders by the value of numbers in names, so that `image 9` comes before `image 10`, and equally in every locale. */
const NATURAL = new Intl.Collator('en', { numeric: true })

/**
 * Lists the image files in a folder and its subfolders, by their endings: JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP and PNM. Files and
 * subfolders of a folder are in natural order. A folder is opened when it is reached.
 *
 * @throws {TorchError} `TORCH_FILE` if a folder cannot be read.
 */
export async function* imageFiles(folder: string): AsyncGenerator<string, void, undefined> {
  yield* filesBelow(checkString('folder', folder), [])
}

async function* filesBelow(folder: string, above: readonly string[]): AsyncGenerator<string, void, undefined> {
  const real = await realpath(folder).catch((cause: unknown) => refuse(folder, cause))
  if (above.includes(real)) return // A link that leads back up.
  const entries = await entriesOf(folder).catch((cause: unknown) => refuse(folder, cause))
  entries.sort((one, other) => NATURAL.compare(one.name, other.name) || (one.name < other.name ? -1 : 1))
  for (const { name, isFolder } of entries) {
    const path = join(folder, name)
    if (isFolder) yield* filesBelow(path, [...above, real])
    else yield path
  }
}

interface Entry {
  readonly name: string
  readonly isFolder: boolean
}

/** Gives the images and folders in a folder; a link counts as its target. */
async function entriesOf(folder: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const entry of await opendir(folder)) {
    const { name } = entry
    const isFolder = entry.isSymbolicLink() ? await leadsToFolder(join(folder, name)) : entry.isDirectory()
    if (isFolder || IMAGE_FILE.test(name)) entries.push({ name, isFolder })
  }
  return entries
}

async function leadsToFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
}

function refuse(folder: string, cause: unknown): never {
  throw new TorchError('TORCH_FILE', `${folder}: ${reasonOf(cause)}`, { cause })
}
