import { checkOptions } from '../util/check.js'
import { CheckpointError } from '../util/errors.js'
import type { FileInput } from '../util/file_input.js'
import { Budget } from './budget.js'
import type { CheckpointContents } from './contents.js'
import { detectFormat } from './detect_format.js'
import { isDistributed, readDistributed } from './distcp/read.js'
import { failure } from './failure.js'
import { checkpointAt } from './folder.js'
import { resolveInput } from './input.js'
import { readLegacy } from './legacy/read.js'
import { isPt2, readPt2 } from './pt2/read.js'
import { checkLimits, type CheckpointLimits } from './limits.js'
import { readSafetensors } from './safetensors/read.js'
import { readSafetensorsIndex } from './safetensors/shards.js'
import { openSource, type ByteSource } from './source.js'
import { readEntries, readEntry, type ZipEntry } from './zip/archive.js'
import { readKind } from './zip/nested.js'
import { readTorchZip } from './zip/read.js'

/** Options of {@link readCheckpoint}. */
export interface ReadCheckpointOptions {
  /** Limits other than the defaults. */
  readonly limits?: Partial<CheckpointLimits> | undefined
}

/** A checkpoint file whose tensors have not been read. It holds no open file. */
export interface Checkpoint extends CheckpointContents {
  /** The file, that of a folder if one was passed; or null for a buffer. */
  readonly path: string | null
}

const READERS = {
  zip: readTorchZip,
  legacy: readLegacy,
  safetensors: readSafetensors,
  'safetensors-index': readSafetensorsIndex,
}

/**
 * Reads all that a checkpoint file says, apart from the data of its tensors, which stand in the tree as
 * {@link StoredTensor}. Of a folder of a hub, the file with the weights is read: `model.safetensors`, `pytorch_model.bin`, the index of
 * shards of either, else the only checkpoint. It needs no libtorch, runs nothing, and reads little more than the headers.
 *
 * @throws {CheckpointError} `TORCH_FILE`, `TORCH_CHECKPOINT_FORMAT`, `TORCH_CHECKPOINT_CORRUPT`,
 * `TORCH_CHECKPOINT_UNSAFE`, `TORCH_CHECKPOINT_UNSUPPORTED` or `TORCH_CHECKPOINT_LIMIT`.
 */
export async function readCheckpoint(input: FileInput, options: ReadCheckpointOptions = {}): Promise<Checkpoint> {
  checkOptions('options', options, ['limits'])
  const limits = checkLimits(options.limits)
  const resolved = await resolveInput(input, limits)
  const file = typeof resolved === 'string' ? await checkpointAt(resolved) : resolved
  if (typeof file === 'string' && (await isDistributed(file))) {
    return { path: file, ...(await readDistributed(file, limits)) }
  }
  const source = await openSource(file)
  try {
    if (source.path?.endsWith('.distcp') === true) {
      const text = 'Is one part of a checkpoint of torch.distributed.checkpoint, expected the folder that it is in'
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', { path: source.path }, text)
    }
    const format = await detectFormat(source)
    const budget = new Budget(limits, source.size)
    const entries = format === 'zip' ? await readEntries(source, limits, budget) : []
    if (isPt2(entries)) return { path: source.path ?? null, ...(await readPt2(source, limits, budget, entries)) }
    const inner = format === 'zip' ? await readInner(source, entries) : null
    if (inner !== null) return await readNested(inner, source, { limits, budget })
    const contents =
      format === 'zip' ? readTorchZip(source, limits, budget, entries) : READERS[format](source, limits, budget)
    return { path: source.path ?? null, ...(await contents) }
  } finally {
    await source.close()
  }
}

/** A checkpoint in a zip archive. */
interface Inner {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Gives the checkpoint that an archive holds as a file; null for an archive of torch.save. */
async function readInner(source: ByteSource, entries: readonly ZipEntry[]): Promise<Inner | null> {
  const kind = await readKind(source, entries)
  if (kind === undefined) return null
  if ('says' in kind) {
    throw failure(
      'TORCH_CHECKPOINT_UNSUPPORTED',
      { path: source.path },
      `Is not a checkpoint of torch.save: ${kind.says}`,
    )
  }
  const { inner } = kind
  return { name: inner.name, bytes: await readEntry(source, inner) }
}

/** Reads a file of an archive, out of memory; an archive in it is not opened again. */
async function readNested(
  { name, bytes }: Inner,
  { path, size }: ByteSource,
  { limits, budget }: { readonly limits: CheckpointLimits; readonly budget: Budget },
): Promise<Checkpoint> {
  const source = await openSource(bytes)
  try {
    const contents = await READERS[await detectFormat(source)](source, limits, budget)
    return { path: path ?? null, ...contents, size }
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    const { offset, opcode } = error
    const text = error.message.replace(/^buffer(?:, )?/, '').replace(/^: /, '')
    throw failure(error.code, { path, entry: name, offset, opcode }, text, error)
  }
}
