import { opendir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { checkString } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { reasonOf } from '../util/errno.js'

/** Endings of the files that are decoded. */
const EXTENSIONS = /\.(?:jpe?g|png|webp|gif|tiff?|avif)$/i

/** Numbers count as such: `image 9` stands before `image 10`. The same in every locale. */
const NATURAL = new Intl.Collator('en', { numeric: true })

/**
 * Lists the image files in a folder and those below it: JPEG, PNG, WebP, GIF, TIFF and AVIF by their endings, each folder's
 * in natural order, its subfolders in their place among them. A folder is opened when it is reached.
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

/** The images and folders in a folder; links count as what they lead to. */
async function entriesOf(folder: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const entry of await opendir(folder)) {
    const { name } = entry
    const isFolder = entry.isSymbolicLink() ? await leadsToFolder(join(folder, name)) : entry.isDirectory()
    if (isFolder || EXTENSIONS.test(name)) entries.push({ name, isFolder })
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
