import { dirname, join, win32 } from 'node:path'

import { quote } from '../../util/check.js'
import { CheckpointError } from '../../util/errors.js'
import { Budget } from '../budget.js'
import type { CheckpointContents } from '../contents.js'
import { detectFormat } from '../detect_format.js'
import { failAt, failure, type Fail } from '../failure.js'
import { readLegacy } from '../legacy/read.js'
import { readJson, type JsonValue } from './json.js'
import { checkLimits, pastLimit, type CheckpointLimits } from '../limits.js'
import { readSafetensors } from './read.js'
import { openSource, type ByteSource } from '../source.js'
import { StoredTensor } from '../stored.js'
import type { CheckpointValue } from '../values.js'
import { readTorchZip } from '../zip/read.js'
import { isMap } from '../../util/realm.js'

/**
 * Reads the headers of all shards of a checkpoint from its index, such as `model.safetensors.index.json` or
 * `pytorch_model.bin.index.json`: `{ "weight_map": { tensor: file } }`, where the files lie beside the index. A shard is a file of
 * safetensors, or one of torch.save that holds a state dict.
 *
 * Tensors come in the order of the index; the metadata are those of the first shard.
 *
 * @throws {CheckpointError} `TORCH_FILE` if a shard is missing; `TORCH_CHECKPOINT_CORRUPT` if index and shards do not
 * list the same tensors, if two shards hold one, or if a shard is not a plain file name or not a state dict; what its reader throws.
 */
export async function readSafetensorsIndex(
  source: ByteSource,
  limits: CheckpointLimits,
  budget = new Budget(limits, source.size),
): Promise<CheckpointContents> {
  const fail = failAt({ path: source.path })
  const weightMap = await readWeightMap(source, { limits, budget, fail })
  const names = new Set(weightMap.values())
  if (names.size > limits.archiveEntries) {
    throw pastLimit(fail, limits, 'archiveEntries', `The index names ${names.size} shards`)
  }
  const found = new Map<string, StoredTensor>()
  let metadata: CheckpointContents['metadata'] | undefined
  let { size } = source
  for (const shard of names) {
    const contents = await readShard(source, shard, { limits, budget })
    size += contents.size
    metadata ??= contents.metadata
    for (const [name, tensor] of contents.tensors) {
      const listed = weightMap.get(name)
      if (listed !== shard) {
        const place = listed === undefined ? 'the index does not list' : `the index says to be in ${quote(listed)}`
        throw fail('TORCH_CHECKPOINT_CORRUPT', `Shard ${quote(shard)} holds tensor ${quote(name)}, which ${place}`)
      }
      found.set(name, tensor)
    }
    if (found.size > limits.tensors) {
      throw pastLimit(fail, limits, 'tensors', `The checkpoint has ${found.size} tensors`)
    }
  }
  const root = new Map<string, StoredTensor>()
  for (const [name, shard] of weightMap) {
    const tensor = found.get(name)
    if (tensor === undefined) {
      const text = `Shard ${quote(shard)} does not hold tensor ${quote(name)}, which the index says to be in it`
      throw fail('TORCH_CHECKPOINT_CORRUPT', text)
    }
    root.set(name, tensor)
  }
  return { format: 'safetensors-index', root, byteOrder: 'little', size, metadata: metadata ?? null }
}

/** Gives the names of the files that an index lists. @throws {CheckpointError} as {@link readSafetensorsIndex}, for what is no index. */
export async function readShardNames(path: string): Promise<ReadonlySet<string>> {
  const limits = checkLimits()
  const source = await openSource(path)
  try {
    const budget = new Budget(limits, source.size)
    return new Set((await readWeightMap(source, { limits, budget, fail: failAt({ path }) })).values())
  } finally {
    await source.close()
  }
}

async function readWeightMap(
  source: ByteSource,
  { limits, budget, fail }: { readonly limits: CheckpointLimits; readonly budget: Budget; readonly fail: Fail },
): Promise<Map<string, string>> {
  if (source.size > limits.headerBytes) {
    throw pastLimit(fail, limits, 'headerBytes', `The index has ${source.size} bytes`)
  }
  const json = await readJson(await source.read(0, source.size), { limits, budget, place: { path: source.path } })
  const map = isMap(json) ? json.get('weight_map') : undefined
  if (!isMap(map)) {
    const isRefusal = isMap(json) && ['error', 'message', 'detail', 'errors'].some((key) => json.has(key))
    const text = isRefusal
      ? 'Is not a checkpoint: it is the error message of a service in JSON; the download was refused'
      : 'Is not a checkpoint: it is JSON, but without the weight_map of an index of shards'
    throw fail('TORCH_CHECKPOINT_FORMAT', text)
  }
  const checked = new Map<string, string>()
  for (const [name, shard] of map) checked.set(name, checkShardName(name, shard, fail))
  return checked
}

/** A shard lies beside its index: a path would let a file that was downloaded name any other. */
function checkShardName(name: string, shard: JsonValue, fail: Fail): string {
  if (typeof shard !== 'string')
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a file name for tensor ${quote(name)}`)
  // The rules of Windows cover those of other systems: both slashes, and drives.
  const isPlain = win32.basename(shard) === shard && !/^\.{0,2}$|\0/.test(shard)
  if (isPlain) return shard
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a file name without folders for a shard, found ${quote(shard)}`)
}

/** What a shard holds. */
interface Shard extends Pick<CheckpointContents, 'size' | 'metadata'> {
  readonly tensors: ReadonlyMap<string, StoredTensor>
}

async function readShard(
  index: ByteSource,
  name: string,
  { limits, budget }: { readonly limits: CheckpointLimits; readonly budget: Budget },
): Promise<Shard> {
  if (index.path === undefined) {
    const text = 'Is an index of other files: pass its path, as a buffer has no files beside it'
    throw failure('TORCH_CHECKPOINT_UNSUPPORTED', {}, text)
  }
  const source = await openSource(join(dirname(index.path), name)).catch((error: unknown) => {
    if (!(error instanceof CheckpointError)) throw error
    const text = `Shard ${quote(name)} cannot be opened: ${error.message}`
    throw failure('TORCH_FILE', { path: index.path }, text, error)
  })
  budget.grow(source.size)
  try {
    // A file that is cut off is told as one of its kind.
    const format = name.endsWith('.safetensors') ? 'safetensors' : await detectFormat(source)
    if (format === 'safetensors-index') {
      throw failure('TORCH_CHECKPOINT_CORRUPT', { path: source.path }, 'Is an index itself, expected a shard')
    }
    const { root, size, metadata } = await READERS[format](source, limits, budget)
    return { tensors: stateDictOf(root, source), size, metadata }
  } finally {
    await source.close()
  }
}

const READERS = { safetensors: readSafetensors, zip: readTorchZip, legacy: readLegacy }

/** The tensors of a shard, whose names are those of the index. */
function stateDictOf(root: CheckpointValue, { path }: ByteSource): ReadonlyMap<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>()
  for (const [name, tensor] of isMap(root) ? root : [[null, null]]) {
    if (typeof name !== 'string' || !(tensor instanceof StoredTensor)) {
      const text = 'Expected a state dict in a shard: names and tensors, nothing else'
      throw failure('TORCH_CHECKPOINT_CORRUPT', { path }, text)
    }
    tensors.set(name, tensor)
  }
  return tensors
}
