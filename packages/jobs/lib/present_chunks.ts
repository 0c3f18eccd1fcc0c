import { opendir } from 'node:fs/promises'
import { join } from 'node:path'

import { TorchError } from 'napi-torch'
import { reasonOf } from 'napi-torch/internal'
import { chunksFolder } from './chunk_files.js'

/** What lies in the folder of the chunks. */
export interface PresentChunks {
  has(chunk: number): boolean
  /** Files of writers that died. */
  readonly leftovers: readonly string[]
}

/**
 * Looks which chunks of a run have results: whether a file is there, not what is in it.
 *
 * @throws {TorchError} `TORCH_FILE` if the folder cannot be read.
 */
export async function presentChunks(out: string, chunks: number): Promise<PresentChunks> {
  const folder = chunksFolder(out)
  const found = new Uint8Array(chunks)
  const leftovers: string[] = []
  try {
    for await (const { name } of await opendir(folder)) {
      const number = /^(\d+)\.jsonl$/.exec(name)?.[1]
      if (number !== undefined) found[Number(number)] = 1
      else if (/^\..*\.tmp$/.test(name)) leftovers.push(join(folder, name))
    }
  } catch (cause) {
    throw new TorchError('TORCH_FILE', `${folder}: ${reasonOf(cause)}`, { cause })
  }
  return { has: (chunk) => found[chunk] === 1, leftovers }
}
