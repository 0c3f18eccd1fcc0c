import { stat } from 'node:fs/promises'
import { extname } from 'node:path'

import { failure, type FaultLocation } from '../../checkpoint/failure.js'
import { findStateDict, type FoundStateDict } from '../../checkpoint/state_dict/find.js'
import { foldState } from '../../checkpoint/state_dict/fold.js'
import { joinAttention } from '../../checkpoint/state_dict/join_attention.js'
import { readCheckpoint, type Checkpoint } from '../../checkpoint/read.js'
import { StoredTensor } from '../../checkpoint/stored.js'
import { stripPrefixOf } from '../../checkpoint/state_dict/strip_prefix.js'
import { OrderedDict, type CheckpointValue } from '../../checkpoint/values.js'
import { Caster } from '../../checkpoint/write/cast.js'
import { denseChunks } from '../../checkpoint/write/dense.js'
import { denseTensor, writeSafetensors } from '../../checkpoint/write/safetensors_writer.js'
import { writeTorchZip } from '../../checkpoint/write/torch_zip_writer.js'
import { recognize } from '../../models/recognize/recognize.js'
import { wrapperPrefix } from '../../tensor/state_dict.js'
import { expected } from '../../util/check.js'
import { TorchError } from '../../util/errors.js'
import { defineCommand, type Context, type Flags } from '../command.js'
import { EXIT } from '../exit_codes.js'
import { JSON_OUTPUT, KEY, PREFIX, STEM, WHOLE_MODULE } from '../options.js'
import { bytes } from '../output/text.js'
import { createReport, linesOf, notesOf } from './report.js'

const OPTIONS = {
  half: { description: 'cast floating-point tensors to float16', conflictsWith: 'bf16' },
  bf16: { description: 'cast floating-point tensors to bfloat16' },
  stripPrefix: { value: '<prefix>', description: 'remove this prefix, such as module., from the keys' },
  as: {
    value: '<names>',
    description: 'rename the keys of a ResNet to those of its reference',
    choices: ['torchvision'],
  },
  prefix: PREFIX,
  stem: STEM,
  key: KEY,
  wholeModule: WHOLE_MODULE,
  force: { description: 'replace <out> if it exists' },
  json: JSON_OUTPUT,
} as const

export const command = defineCommand({
  name: 'convert',
  description: 'Writes the state dict of a checkpoint in another format. Runs no code from the file.',
  arguments: {
    in: { description: 'checkpoint of any supported format' },
    out: { description: 'file to write; its name selects the format' },
  },
  options: OPTIONS,
  notes: `Names that end in .pth, .pt, .bin or .ckpt make a file as torch.save writes it, and .safetensors makes
safetensors. The new file has the state dict only. Without --half or --bf16, its bytes are copied unchanged.`,
  examples: [
    'napi-torch convert resnet18.pth resnet18.safetensors',
    'napi-torch convert training.ckpt model.pth --half --strip-prefix module.',
  ],
  run: (args, flags, context) => convert(args.in, args.out, flags, context),
})

type ConvertFlags = Flags<typeof OPTIONS>

/** Format of a file by the end of its name. */
const FORMATS: Readonly<Record<string, OutFormat>> = {
  '.pth': 'zip',
  '.pt': 'zip',
  '.bin': 'zip',
  '.ckpt': 'zip',
  '.safetensors': 'safetensors',
}

/**
 * Maximum growth of tensors that share memory when each is written in full, unless they take {@link ALWAYS_ALLOWED_BYTES} or
 * less: a hostile file of a thousand bytes could otherwise fill any disk.
 */
const MAX_EXPANSION = 16
const ALWAYS_ALLOWED_BYTES = 2 ** 30

/** A format that `convert` writes. */
export type OutFormat = 'zip' | 'safetensors'

/** A conversion, checked and ready to be written. */
export interface Conversion {
  readonly checkpoint: Checkpoint
  /** The state dict, with the keys that are written. */
  readonly found: FoundStateDict
  readonly out: string
  readonly format: OutFormat
  /** Prefix that was removed from the keys. */
  readonly strippedPrefix: string
  /** Prefix that a wrapper put before every key, and that is still there. */
  readonly wrapper: string
  /** Null where every byte is copied unchanged. */
  readonly caster: Caster | null
}

/** Converts a checkpoint. libtorch is not opened. */
async function convert(file: string, out: string, flags: ConvertFlags, { terminal, signal }: Context): Promise<number> {
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
  throw new TorchError('TORCH_USAGE', `Expected a name that ends in one of ${endings} for <out>, received ${out}`)
}

async function checkFree(out: string, force: boolean): Promise<void> {
  const stats = await stat(out).catch(() => undefined)
  if (stats === undefined) return
  if (stats.isDirectory()) throw failure('TORCH_FILE', { path: out }, 'Is a directory, expected the name of a file')
  if (!force) throw failure('TORCH_FILE', { path: out }, 'Already exists; pass --force to replace it')
}

/** Finds what is to be written, and refuses what cannot be written before anything is. */
function prepare(checkpoint: Checkpoint, out: string, format: OutFormat, flags: ConvertFlags): Conversion {
  const place = { path: checkpoint.path ?? undefined }
  const original = findStateDict(checkpoint, { key: flags.key, wholeModule: flags.wholeModule })
  const { stripPrefix = '' } = flags
  if (stripPrefix !== '' && ![...original.tensors.keys()].some((key) => key.startsWith(stripPrefix))) {
    throw expected('the beginning of a key', '--strip-prefix', stripPrefix)
  }
  const found =
    flags.as === undefined ? stripPrefixOf(original, stripPrefix, place) : underOurNames(original, flags, place)
  const dtype = flags.half === true ? 'float16' : flags.bf16 === true ? 'bfloat16' : null
  const caster = dtype === null ? null : new Caster(dtype)
  for (const [key, tensor] of found.tensors) {
    if (/^qu?int/.test(tensor.dtype)) {
      const text = `Tensor ${key} is quantized (${tensor.dtype}), and its scale would be lost; call dequantize() on it in Python`
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
    }
    caster?.changes(key, tensor.dtype, place)
  }
  const wrapper = wrapperPrefix(found.tensors.keys())
  return { checkpoint, found, out, format, strippedPrefix: stripPrefix, wrapper, caster }
}

/** The network alone, under the keys of the model that is built for it: torchvision's, or those of the scripts for small images. */
function underOurNames(found: FoundStateDict, { prefix, stem }: ConvertFlags, place: FaultLocation): FoundStateDict {
  const { keys } = recognize(joinAttention(foldState(found.tensors, place)), { prefix, stem: stem ?? 'no-maxpool' })
  const tensors = new Map<string, StoredTensor>()
  for (const [ours, theirs] of keys) {
    const tensor = found.tensors.get(theirs)
    if (tensor === undefined) {
      const text = `${theirs} is computed from several tensors, which convert does not do; in Python, remove its parametrization`
      throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, text)
    }
    tensors.set(ours, tensor)
  }
  return { ...found, tensors, metadata: null }
}

/** Refuses to replace a file that tensors are read from. */
async function checkNoSource({ found, out }: Conversion, file: string): Promise<void> {
  const target = await stat(out, { bigint: true }).catch(() => undefined)
  if (target === undefined) return
  const sources = [...found.tensors.values()].map(({ storage }) => storage.record.source)
  for (const source of new Set([file, ...sources])) {
    if (typeof source !== 'string') continue
    const { dev, ino } = await stat(source, { bigint: true })
    if (dev !== target.dev || ino !== target.ino) continue
    const text = 'Is the file to convert, or a part of it; write to another file'
    throw failure('TORCH_FILE', { path: out }, text)
  }
}

function write(conversion: Conversion, signal: AbortSignal): Promise<void> {
  return conversion.format === 'zip' ? writeZip(conversion, signal) : writeDense(conversion, signal)
}

/** Writes a state dict as torch.save does: keeps its order, shared storages and the versions of modules. */
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
  // Python libraries want to know that the tensors are PyTorch's, which other formats do not say.
  const metadata = isSafetensors ? checkpoint.metadata : new Map([['format', 'pt']])
  await writeSafetensors(out, dense, metadata, signal)
}

function checkExpansion({ tensors }: FoundStateDict, place: FaultLocation): void {
  const storages = new Set([...tensors.values()].map(({ storage }) => storage))
  const stored = [...storages].reduce((total, { nbytes }) => total + nbytes, 0)
  const dense = [...tensors.values()].reduce((total, { nbytes }) => total + nbytes, 0)
  if (dense <= Math.max(ALWAYS_ALLOWED_BYTES, MAX_EXPANSION * stored)) return
  const text = `Its tensors share ${bytes(stored)} of memory, and would take ${bytes(dense)} in safetensors, which cannot share memory`
  throw failure('TORCH_CHECKPOINT_LIMIT', place, text)
}
