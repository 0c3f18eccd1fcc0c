import { isMap } from '../../util/realm.js'
import { findStateDict, type FoundStateDict } from '../../checkpoint/state_dict/find.js'
import { readCheckpoint, type Checkpoint } from '../../checkpoint/read.js'
import type { StoredStorage, StoredTensor } from '../../checkpoint/stored.js'
import { describeValue, type CheckpointValue } from '../../checkpoint/values.js'
import type { Architecture } from '../../models/architecture.js'
import { describeShape } from '../../util/check.js'
import { defineCommand, type Context, type Flags } from '../command.js'
import { EXIT } from '../exit_codes.js'
import { JSON_OUTPUT, KEY, PREFIX, STEM, WHOLE_MODULE } from '../options.js'
import { oneLine } from '../output/errors.js'
import { table } from '../output/table.js'
import { bytes, count, jsonNumber, MAX_ROWS, plural, printable } from '../output/text.js'
import { inspectDiff } from './diff.js'
import { describeNetwork, networkLines, type NetworkReport } from './network.js'
import { readStats, STATS_HEADS, statsColumns, type TensorStats } from './stats.js'
import { bytesToCheck, canBeChecked, countNotFinite, type NotFinite } from './values.js'

const OPTIONS = {
  json: JSON_OUTPUT,
  key: KEY,
  wholeModule: WHOLE_MODULE,
  prefix: PREFIX,
  stem: STEM,
  check: {
    description: 'look for NaN and infinity even if the tensors take more than 1 GB',
    negation: 'do not look for NaN and infinity',
  },
  tensors: { description: 'print the table of all tensors, and nothing else' },
  stats: { description: 'print minimum, maximum, mean and NaN of each tensor', conflictsWith: 'diff' },
  diff: { value: '<other>', description: 'compare with another checkpoint; exit code 1 if they differ' },
  diffKey: { value: '<key>', description: 'path of the state dict in the other checkpoint' },
} as const

export const command = defineCommand({
  name: 'inspect',
  description: 'Lists the contents of a checkpoint: tensors, sizes, architecture. Runs no code from the file.',
  arguments: { file: { description: 'checkpoint of any supported format' } },
  options: OPTIONS,
  examples: [
    'napi-torch inspect model.pth',
    "napi-torch inspect model.pth --json | jq '.tensors[].key'",
    'napi-torch inspect model.pth --stats',
    'napi-torch inspect model.pth --diff model.safetensors',
  ],
  run: ({ file }, flags, context) =>
    flags.diff === undefined ? inspect(file, flags, context) : inspectDiff(file, flags.diff, flags, context),
})

type InspectFlags = Flags<typeof OPTIONS>

/** Bytes of tensors whose values are read only with `--check`, as that takes seconds. */
const MAX_UNASKED_BYTES = 1e9

/** So are those of tensors that share memory, if they have more bytes together than this, and than so many times those of the file. */
const MAX_SHARED_BYTES = 64e6
const MAX_SHARED_RATIO = 16

/** Characters of all strings together that are printed as they are: many keys of a file can hold one long string. */
const MAX_TEXT = 2 ** 20

/** Entries beside the state dict that are printed. */
const MAX_ENTRIES = 20

/** Lists the contents of a checkpoint. libtorch is not opened. */
async function inspect(file: string, flags: InspectFlags, context: Context): Promise<number> {
  const { terminal, signal } = context
  const checkpoint = await readCheckpoint(file)
  const report = await createReport(checkpoint, flags, signal)
  if (flags.json === true) terminal.printJson(report)
  else for (const line of linesOf(report, flags, terminal.colors)) terminal.print(line)
  return EXIT.ok
}

/** What `--json` prints; `docs/cli.md` documents it. Fields are added in minor releases, changed in major ones. */
export interface InspectReport extends NetworkReport {
  readonly file: string | null
  readonly format: string
  /** Of the file. */
  readonly bytes: number
  readonly byteOrder: 'little' | 'big'
  /** Path of the state dict in the file, such as `model.state_dict`; `''` if it is the whole checkpoint. */
  readonly source: string
  readonly totals: {
    readonly tensors: number
    /** Elements of all tensors except the running statistics of batch normalization. */
    readonly parameters: number
    readonly elements: number
    /** Bytes of all elements; memory that tensors share counts for each of them. */
    readonly bytes: number
    readonly storages: number
    readonly storageBytes: number
    /** Number of tensors of each element type. */
    readonly dtypes: Readonly<Record<string, number>>
  }
  /** Entries beside the state dict, such as `epoch`; values other than numbers, booleans and the first million characters of strings are described in words. */
  readonly entries: readonly { readonly key: string; readonly value: number | string | boolean | null }[]
  readonly values: {
    readonly checked: boolean
    /** Tensors that hold NaN or infinity. */
    readonly notFinite: readonly ({ readonly key: string } & NotFinite)[]
  }
  readonly tensors: readonly TensorReport[]
}

/** A tensor of an {@link InspectReport}. */
export interface TensorReport {
  readonly key: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly elements: number
  readonly bytes: number
  /** In elements. */
  readonly strides: readonly number[]
  readonly storageOffset: number
  /** Tensors with the same storage share memory. */
  readonly storage: string
  /** With `--stats`; null for complex and quantized tensors. Infinities and integers past 2^53 are strings. */
  readonly stats?:
    (Pick<TensorStats, 'nan' | 'infinite'> & Readonly<Record<'min' | 'max' | 'mean', number | string | null>>) | null
}

async function createReport(checkpoint: Checkpoint, flags: InspectFlags, signal: AbortSignal): Promise<InspectReport> {
  const { path, format, size, byteOrder } = checkpoint
  const found = findStateDict(checkpoint, { key: flags.key, wholeModule: flags.wholeModule })
  const stored = [...found.tensors]
  const storages = new Set(stored.map(([, { storage }]) => storage))
  const sum = (sizes: Iterable<number>): number => [...sizes].reduce((total, part) => total + part, 0)
  const dtypes: Record<string, number> = {}
  for (const [, { dtype }] of stored) dtypes[dtype] = (dtypes[dtype] ?? 0) + 1
  const stats = new Map<string, TensorStats | null>()
  if (flags.stats === true) for (const [key, tensor] of stored) stats.set(key, await readStats(tensor, signal))
  // The result would not be printed.
  const check = flags.check ?? (flags.tensors === true && flags.json !== true ? false : undefined)
  return {
    file: path,
    format,
    bytes: size,
    byteOrder,
    source: found.source,
    ...describeNetwork(checkpoint, found, { prefix: flags.prefix, stem: flags.stem }),
    totals: {
      tensors: stored.length,
      parameters: sum(stored.filter(([key]) => !isRunningStatistic(key)).map(([, { numel }]) => numel)),
      elements: sum(stored.map(([, { numel }]) => numel)),
      bytes: sum(stored.map(([, { nbytes }]) => nbytes)),
      storages: storages.size,
      storageBytes: sum([...storages].map(({ nbytes }) => nbytes)),
      dtypes,
    },
    entries: entriesBeside(checkpoint, found),
    values: await checkValues(stored, { wanted: check, size, stats, signal }),
    tensors: stored.map(([key, tensor]) => reportTensor(key, tensor, stats.get(key))),
  }
}

function isRunningStatistic(key: string): boolean {
  return /(^|\.)(running_mean|running_var|num_batches_tracked)$/.test(key)
}

function entriesBeside({ root }: Checkpoint, { source, skipped }: FoundStateDict): InspectReport['entries'] {
  const entries: { key: string; value: number | string | boolean | null }[] = []
  // In the state dict itself: counters and the like.
  for (const [key, what] of skipped) entries.push({ key: join(source, key), value: what })
  if (source === '' || !isMap(root)) return entries
  let text = 0
  for (const [key, value] of root) {
    if (typeof key !== 'string' || source === key || source.startsWith(`${key}.`)) continue
    if (typeof value === 'string') text += value.length
    const isTooMuch = typeof value === 'string' && text > MAX_TEXT
    entries.push({ key, value: isTooMuch ? describeValue(value) : plainValue(value) })
  }
  return entries
}

function join(source: string, key: string): string {
  return source === '' ? key : `${source}.${key}`
}

/** Keeps values that JSON has, and describes others in words. */
function plainValue(value: CheckpointValue): number | string | boolean | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : describeValue(value)
}

type Stored = readonly (readonly [string, StoredTensor])[]

async function checkValues(
  stored: Stored,
  {
    wanted,
    size,
    stats,
    signal,
  }: {
    readonly wanted: boolean | undefined
    readonly size: number
    readonly stats: ReadonlyMap<string, TensorStats | null>
    readonly signal: AbortSignal
  },
): Promise<InspectReport['values']> {
  const floats = stored.filter(([, { dtype }]) => canBeChecked(dtype))
  const uncounted = floats.filter(([key]) => (stats.get(key) ?? null) === null)
  const bytesRead = uncounted.reduce((total, [, tensor]) => total + bytesToCheck(tensor), 0)
  const most = Math.min(MAX_UNASKED_BYTES, Math.max(MAX_SHARED_BYTES, MAX_SHARED_RATIO * size))
  if (!(wanted ?? bytesRead <= most)) return { checked: false, notFinite: [] }
  const counts = await countNotFinite(
    uncounted.map(([, tensor]) => tensor),
    signal,
  )
  const byKey = new Map(uncounted.map(([key], index) => [key, counts[index]]))
  const notFinite = floats.flatMap(([key]) => {
    const { nan, infinite } = stats.get(key) ?? byKey.get(key) ?? { nan: 0, infinite: 0 }
    return nan + infinite === 0 ? [] : [{ key, nan, infinite }]
  })
  return { checked: true, notFinite }
}

function reportTensor(key: string, tensor: StoredTensor, stats: TensorStats | null | undefined): TensorReport {
  const { dtype, shape, strides, storageOffset, storage, numel, nbytes } = tensor
  const report = { key, dtype, shape, elements: numel, bytes: nbytes, strides, storageOffset, storage: storage.key }
  if (stats === undefined) return report
  if (stats === null) return { ...report, stats }
  const { nan, infinite } = stats
  const [min, max, mean] = [jsonNumber(stats.min), jsonNumber(stats.max), jsonNumber(stats.mean)]
  return { ...report, stats: { min, max, mean, nan, infinite } }
}

function* linesOf(
  report: InspectReport,
  flags: InspectFlags,
  colors: Context['terminal']['colors'],
): Generator<string> {
  const { tensors } = report
  const summary = table(
    [{}, {}],
    [...summaryOf(report)].map(([title, text]) => [colors.bold(title), text]),
  )
  if (flags.tensors === true) {
    yield tensorTable(tensors, tensors.length, colors)
  } else if (tensors.length <= MAX_ROWS) {
    yield tensorTable(tensors, tensors.length, colors)
    yield ''
    yield summary
  } else {
    // A summary below so long a table would not be seen.
    yield summary
    yield ''
    yield tensorTable(tensors, MAX_ROWS, colors)
    yield `… ${plural(tensors.length - MAX_ROWS, 'more tensor')} (--tensors prints all of them)`
  }
  for (const { key, nan, infinite } of report.values.notFinite) {
    const found = [nan > 0 ? `${count(nan)} NaN` : '', infinite > 0 ? `${count(infinite)} infinite` : '']
    yield `${colors.yellow('Warning:')} ${printable(key)} holds ${found.filter((part) => part !== '').join(' and ')}`
  }
}

/** Prints the first `rows` of the tensors. */
function tensorTable(tensors: readonly TensorReport[], rows: number, { dim }: Context['terminal']['colors']): string {
  const sharing = sharedBy(tensors)
  const hasStats = tensors.some(({ stats }) => stats !== undefined)
  const heads = hasStats ? STATS_HEADS.map((head) => ({ head, align: 'right' }) as const) : []
  return table(
    [{ head: 'key' }, { head: 'dtype' }, { head: 'shape' }, { head: 'size', align: 'right' }, ...heads, {}],
    tensors
      .slice(0, rows)
      .map(({ key, dtype, shape, bytes: size, storage, stats }) => [
        printable(key),
        dtype,
        describeShape(shape),
        bytes(size),
        ...(hasStats ? statsColumns(stats ?? null) : []),
        sharing.has(storage) ? dim(`shares memory ${storage}`) : '',
      ]),
    { styleHead: dim },
  )
}

function* summaryOf(report: InspectReport): Generator<[string, string]> {
  const { file, format, totals, architecture, entries, values } = report
  const inside = report.source === '' ? '' : `, state dict at ${printable(report.source)}`
  yield ['file', `${file ?? ''} (${bytes(report.bytes)}, ${format}, ${report.byteOrder}-endian${inside})`]
  yield ['architecture', architecture === null ? oneLine(report.architectureError ?? '') : describe(architecture)]
  yield* networkLines(report)
  const dtypes = Object.entries(totals.dtypes).map(([dtype, tensors]) => `${tensors} ${dtype}`)
  yield ['tensors', `${count(totals.tensors)} (${dtypes.join(', ')}) in ${plural(totals.storages, 'storage')}`]
  yield ['parameters', count(totals.parameters)]
  yield [
    'size',
    totals.storageBytes === totals.bytes
      ? bytes(totals.bytes)
      : `${bytes(totals.bytes)}, stored in ${bytes(totals.storageBytes)}`,
  ]
  for (const { key, value } of entries.slice(0, MAX_ENTRIES)) yield [printable(key), oneLine(String(value))]
  if (entries.length > MAX_ENTRIES) yield ['…', `${plural(entries.length - MAX_ENTRIES, 'entry', 'entries')} more`]
  if (!values.checked) yield ['values', 'not checked for NaN (use --check)']
}

function describe(architecture: Architecture): string {
  const { name, numClasses, inputChannels, prefix } = architecture
  const wrapped = prefix === '' ? '' : `, keys begin with ${printable(prefix)}`
  return `${name}, ${plural(numClasses, 'class', 'classes')}, ${plural(inputChannels, 'input channel')}${wrapped}`
}

/** Gives the storages of more than one tensor. */
function sharedBy(tensors: readonly TensorReport[]): ReadonlySet<StoredStorage['key']> {
  const seen = new Set<string>()
  return new Set(tensors.map(({ storage }) => storage).filter((storage) => seen.size === seen.add(storage).size))
}
