import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { isDistributed } from './distcp/read.js'
import { failure } from './failure.js'
import { fetchFromHub, isHubAddress } from './hub.js'

/** The weights in a folder of a hub, as timm and transformers name them. Of several the first counts: it is the one that those read. */
export const WEIGHT_FILES = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
] as const

/** What may be the only checkpoint of a folder under another name. `.bin` is left out, as `training_args.bin` and its like end so. */
const CHECKPOINT = /\.(?:pth|pt|ckpt|safetensors|pth\.tar)$/i

/** A part of a checkpoint: its index stands for it. */
const SHARD = /-\d{5}-of-\d{5}\.(?:safetensors|bin)$/

/** Files of a folder that a message names, and characters of each. */
const MAX_FILES = 4
const MAX_NAME_LENGTH = 60

/**
 * Gives the checkpoint that a path means: what {@link fetchFromHub} fetches of an address `hf://owner/name`; of a folder, the first of {@link WEIGHT_FILES} in it, else the only file whose name ends as
 * a checkpoint's does; any other path as it is, and a folder of `torch.distributed.checkpoint` too.
 *
 * @throws {CheckpointError} `TORCH_FILE` for a folder that holds no checkpoint, or several.
 */
export async function checkpointAt(path: string): Promise<string> {
  if (isHubAddress(path)) return checkpointAt(await fetchFromHub(path, soleWeights))
  const isFolder = await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  )
  if (!isFolder || (await isDistributed(path))) return path
  const names = (await readdir(path).catch(() => [])).sort()
  const [only, ...others] = weightsAmong(names)
  if (only === undefined) throw failure('TORCH_FILE', { path }, reasonFor(names))
  if (others.length === 0) return join(path, only)
  throw failure(
    'TORCH_FILE',
    { path },
    `Is a directory with several checkpoints, pass one of them: ${shown([only, ...others])}`,
  )
}

/** The first of the usual names that is there, else all that may be checkpoints. */
function weightsAmong(names: readonly string[]): readonly string[] {
  const known = WEIGHT_FILES.find((name) => names.includes(name))
  return known === undefined ? names.filter((name) => CHECKPOINT.test(name) && !SHARD.test(name)) : [known]
}

/** The weights of a repository, unless there are several. */
function soleWeights(names: readonly string[]): string | undefined {
  const [only, ...others] = weightsAmong(names)
  return others.length === 0 ? only : undefined
}

/** Says why a folder holds no checkpoint. */
function reasonFor(names: readonly string[]): string {
  if (names.some((name) => name.endsWith('.distcp'))) {
    return 'Is a folder of torch.distributed.checkpoint without its .metadata, which says where the tensors are'
  }
  const shards = names.filter((name) => SHARD.test(name))
  if (shards.length > 0) return `Is a directory with shards of a checkpoint (${shown(shards)}) without their index`
  return `Is a directory without a checkpoint, expected ${WEIGHT_FILES.join(', ')}, or one .pth or .pt file`
}

function shown(names: readonly string[]): string {
  const cut = names.slice(0, MAX_FILES).map((name) => name.slice(0, MAX_NAME_LENGTH))
  return cut.join(', ') + (names.length > MAX_FILES ? ', …' : '')
}
