import { stat } from 'node:fs/promises'
import { extname } from 'node:path'

import { Caster } from '../checkpoint/write/cast.js'
import { denseChunks } from '../checkpoint/write/dense.js'
import { failure, type FaultLocation } from '../checkpoint/failure.js'
import { findStateDict, type FoundStateDict } from '../checkpoint/state_dict/find.js'
import { readCheckpoint, type Checkpoint } from '../checkpoint/read.js'
import { denseTensor, writeSafetensors } from '../checkpoint/write/safetensors_writer.js'
import { StoredTensor } from '../checkpoint/stored.js'
import { stripPrefixOf } from '../checkpoint/state_dict/strip_prefix.js'
import { writeTorchZip } from '../checkpoint/write/torch_zip_writer.js'
import { OrderedDict, type CheckpointValue } from '../checkpoint/values.js'
import { expected } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { wrapperPrefix } from '../tensor/state_dict.js'
import type { Context } from './context.js'
import { createReport, linesOf, notesOf } from './convert_report.js'
import { EXIT } from './exit_codes.js'
import { bytes } from './format.js'
import type { ConvertFlags } from './program.js'

/** Format of a file by the end of its name. */
const FORMATS: Readonly<Record<string, OutFormat>> = {
  '.pth': 'zip',
  '.pt': 'zip',
  '.bin': 'zip',
  '.ckpt': 'zip',
  '.safetensors': 'safetensors',
}

/**
 * Tensors that share memory may take this many times as much without sharing, or {@link SMALL_BYTES}: a hostile file of a
 * thousand bytes could else fill any disk.
 */
const MOST_EXPANSION = 16
const SMALL_BYTES = 2 ** 30

/** A format that can be written. */
export type OutFormat = 'zip' | 'safetensors'

/** What is written, and how it came about. */
export interface Conversion {
  readonly checkpoint: Checkpoint
  /** With the keys that are written. */
  readonly found: FoundStateDict
  readonly out: string
  readonly format: OutFormat
  /** What was taken away from the front of the keys. */
  readonly strippedPrefix: string
  /** What still stands before every key because the model was wrapped. */
  readonly wrapper: string
  /** Null where every byte stays as it is. */
  readonly caster: Caster | null
}

/** Writes the state dict of a checkpoint into a file of another format. libtorch is not opened. */
export async function convert(
  file: string,
  out: string,
  flags: ConvertFlags,
  { terminal, signal }: Context,
): Promise<number> {
  const format = formatOf(out)
  await checkFree(out, flags.force === true)
  const conversion = prepare(await readCheckpoint(file), out, format, flags)
  await checkNoSource(conversion, file)
  await write(conversion, signal)
  const report = createReport(conversion, (await stat(out)).size)
  if (flags.json === true) terminal.printJson(report)
  else {
    for (const line of linesOf(report, terminal.colors)) terminal.print(line)
    for (const note of notesOf(report)) terminal.note(note)
  }
  return EXIT.ok
}

function formatOf(out: string): OutFormat {
  const format = FORMATS[extname(out).toLowerCase()]
  if (format !== undefined) return format
  const endings = Object.keys(FORMATS).join(', ')
  throw new TorchError('TORCH_USAGE', `Expected a name that ends in one of ${endings} for OUT, received ${out}`)
}

async function checkFree(out: string, force: boolean): Promise<void> {
  const stats = await stat(out).catch(() => undefined)
  if (stats === undefined) return
  if (stats.isDirectory()) throw failure('TORCH_FILE', { path: out }, 'Is a directory, expected the name of a file')
  if (!force) throw failure('TORCH_FILE', { path: out }, 'Exists already: pass --force to replace it')
}

/** Finds what is to be written, and refuses what cannot be before a byte of it is. */
function prepare(checkpoint: Checkpoint, out: string, format: OutFormat, flags: ConvertFlags): Conversion {
  const place = { path: checkpoint.path ?? undefined }
  const original = findStateDict(checkpoint, { key: flags.key, wholeModule: flags.wholeModule })
  const { stripPrefix = '' } = flags
  if (stripPrefix !== '' && ![...original.tensors.keys()].some((key) => key.startsWith(stripPrefix))) {
    throw expected('the beginning of a key', '--strip-prefix', stripPrefix)
  }
  const found = stripPrefixOf(original, stripPrefix, place)
  const dtype = flags.half === true ? 'float16' : flags.bf16 === true ? 'bfloat16' : null
  const caster = dtype === null ? null : new Caster(dtype)
  for (const [key, tensor] of found.tensors) {
    if (/^qu?int/.test(tensor.dtype)) {
      const text = `Tensor ${key} is quantised (${tensor.dtype}), and its scale would be lost: in Python, dequantize() it`
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
    }
    caster?.changes(key, tensor.dtype, place)
  }
  const wrapper = wrapperPrefix(found.tensors.keys())
  return { checkpoint, found, out, format, strippedPrefix: stripPrefix, wrapper, caster }
}

/** Replacing a file that tensors are read from would leave only the new form of them. */
async function checkNoSource({ found, out }: Conversion, file: string): Promise<void> {
  const target = await stat(out, { bigint: true }).catch(() => undefined)
  if (target === undefined) return
  const sources = [...found.tensors.values()].map(({ storage }) => storage.record.source)
  for (const source of new Set([file, ...sources])) {
    if (typeof source !== 'string') continue
    const { dev, ino } = await stat(source, { bigint: true })
    if (dev !== target.dev || ino !== target.ino) continue
    const text = 'Is the file that is converted, or a part of it: name another one for the result'
    throw failure('TORCH_FILE', { path: out }, text)
  }
}

function write(conversion: Conversion, signal: AbortSignal): Promise<void> {
  return conversion.format === 'zip' ? writeZip(conversion, signal) : writeDense(conversion, signal)
}

/** As torch.save writes a state dict: order, shared storages and the versions of modules kept. */
async function writeZip({ checkpoint, found, out, caster }: Conversion, signal: AbortSignal): Promise<void> {
  const state = new OrderedDict(found.tensors)
  if (found.metadata !== null) {
    const modules = [...found.metadata].map(([module, facts]) => [module, new Map(facts) as CheckpointValue] as const)
    state.attributes = new Map([['_metadata', new OrderedDict(modules)]])
  }
  if (caster === null) return writeTorchZip(out, state, undefined, signal)
  const keys = new Map([...found.tensors].map(([key, tensor]) => [tensor, key]))
  const place = { path: checkpoint.path ?? undefined }
  await writeTorchZip(
    out,
    state,
    (value) => (value instanceof StoredTensor ? caster.cast(keys.get(value) ?? '', value, place) : undefined),
    signal,
  )
}

async function writeDense({ checkpoint, found, out, caster }: Conversion, signal: AbortSignal): Promise<void> {
  const place = { path: checkpoint.path ?? undefined }
  checkExpansion(found, place)
  const dense = [...found.tensors].map(([key, tensor]) => {
    const { dtype, shape } = tensor
    if (caster?.changes(key, dtype, place) !== true) return denseTensor(out, key, tensor, () => denseChunks(tensor))
    return denseTensor(out, key, { dtype: caster.dtype, shape }, () =>
      caster.castChunks(key, dtype, denseChunks(tensor)),
    )
  })
  const isSafetensors = checkpoint.format === 'safetensors' || checkpoint.format === 'safetensors-index'
  // What other files do not say, Python libraries want to know: that the tensors are PyTorch's.
  const metadata = isSafetensors ? checkpoint.metadata : new Map([['format', 'pt']])
  await writeSafetensors(out, dense, metadata, signal)
}

function checkExpansion({ tensors }: FoundStateDict, place: FaultLocation): void {
  const storages = new Set([...tensors.values()].map(({ storage }) => storage))
  const stored = [...storages].reduce((total, { nbytes }) => total + nbytes, 0)
  const dense = [...tensors.values()].reduce((total, { nbytes }) => total + nbytes, 0)
  if (dense <= Math.max(SMALL_BYTES, MOST_EXPANSION * stored)) return
  const text = `Its tensors share ${bytes(stored)}, and would take ${bytes(dense)} in safetensors, which cannot share`
  throw failure('TORCH_CHECKPOINT_LIMIT', place, text)
}
