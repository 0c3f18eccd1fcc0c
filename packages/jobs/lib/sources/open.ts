import { stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

import { TorchError } from 'napi-torch'
import { reasonOf, shorten } from 'napi-torch/internal'
import { AllowList, isAddress } from './allow_list.js'
import { folderItems, IMAGE_FILES } from './folder.js'
import { isGlob, parseGlob } from './glob.js'
import { csvItems, jsonlItems } from './lists.js'

/** A source of images that was found, and the folders and addresses that it may use. */
export interface OpenedSource {
  /** Absolute path or pattern. */
  readonly name: string
  readonly allowed: AllowList
  /** Lists absolute paths and addresses, one at a time. */
  items(): AsyncGenerator<string, void, undefined>
}

/** Folders and addresses that are allowed besides the folder of the source. */
export interface SourceOptions {
  readonly allowRoot: readonly string[]
  readonly allowUrlPrefix: readonly string[]
}

/**
 * Opens a source: a folder, a pattern of files, or a CSV or JSONL file of paths (relative to it) or addresses. Images may be read from
 * the folder of the source, and from what the options allow.
 *
 * @throws {TorchError} `TORCH_DATASET` if the source is none of these; listing its items may throw `TORCH_DATASET`, `TORCH_FILE`
 * and `TORCH_SOURCE_REFUSED`.
 */
export async function openSource(source: string, { allowRoot, allowUrlPrefix }: SourceOptions): Promise<OpenedSource> {
  const name = resolve(source)
  const stats = await stat(name).catch((cause: unknown) => {
    // A path that exists is not a pattern, even with wildcards in its name.
    if (isGlob(source)) return null
    throw new TorchError('TORCH_DATASET', `${source}: ${reasonOf(cause, 'file or folder')}`, { cause })
  })
  const allow = (root: string): Promise<AllowList> => AllowList.open([root, ...allowRoot], allowUrlPrefix)
  if (stats === null) {
    const glob = parseGlob(source)
    const allowed = await allow(glob.base)
    return { name, allowed, items: () => folderItems(glob.base, allowed, glob) }
  }
  if (stats.isDirectory()) {
    const allowed = await allow(name)
    return { name, allowed, items: () => folderItems(name, allowed, IMAGE_FILES) }
  }
  const read = readerOf(name)
  const allowed = await allow(dirname(name))
  return { name, allowed, items: () => listed(read(name), dirname(name), name, allowed) }
}

function readerOf(path: string): (path: string) => AsyncGenerator<string, void, undefined> {
  if (/\.csv$/i.test(path)) return csvItems
  if (/\.(?:jsonl|ndjson)$/i.test(path)) return jsonlItems
  throw new TorchError(
    'TORCH_DATASET',
    `${shorten(path)}: Expected a folder, a pattern, or a list that ends in .csv or .jsonl`,
  )
}

/** An item that is not allowed ends the list at once: usually the others are not allowed either. */
async function* listed(
  items: AsyncIterable<string>,
  folder: string,
  list: string,
  allowed: AllowList,
): AsyncGenerator<string, void, undefined> {
  for await (const item of items) {
    const isUrl = isAddress(item)
    const place = isUrl ? addressOf(item) : resolve(folder, item)
    const isAllowed = isUrl ? URL.canParse(place) && allowed.allows(new URL(place)) : allowed.names(place)
    if (isAllowed) {
      yield place
      continue
    }
    const kind = isUrl ? 'address' : 'folder'
    throw new TorchError('TORCH_SOURCE_REFUSED', `${list}: ${place} is in no allowed ${kind}`)
  }
}

/** Normalizes an address to the form in which it is fetched, without `..`. */
function addressOf(item: string): string {
  return URL.canParse(item) ? new URL(item).href : item
}
