import { findStateDict, type FoundStateDict } from '../checkpoint/state_dict/find.js'
import { readCheckpoint, type Checkpoint } from '../checkpoint/read.js'
import type { StoredStorage, StoredTensor } from '../checkpoint/stored.js'
import { describeValue, type CheckpointValue } from '../checkpoint/values.js'
import { describeShape } from '../util/check.js'
import { TorchError } from '../util/errors.js'
import { detectArchitecture, type Architecture } from '../models/detect.js'
import type { Context } from './context.js'
import { EXIT } from './exit_codes.js'
import { bytes, count, jsonNumber, MOST_ROWS, plural, printable } from './format.js'
import { readStats, STATS_HEADS, statsColumns, type TensorStats } from './inspect_stats.js'
import { canBeChecked, countNotFinite, type NotFinite } from './inspect_values.js'
import type { InspectFlags } from './program.js'
import { oneLine } from './report.js'
import { table } from './table.js'

/** Reading all values of more than this is asked for by `--check`: it takes seconds. */
const CHECKED_BYTES = 1e9

/** Other entries of a training checkpoint that are worth a line each. */
const MOST_ENTRIES = 20

/** Lists what a checkpoint holds, or compares it with another. libtorch is not opened. */
export async function inspect(file: string, flags: InspectFlags, context: Context): Promise<number> {
  if (flags.diff !== undefined) {
    const { inspectDiff } = await import('./inspect_diff.js')
    return inspectDiff(file, flags.diff, flags, context)
  }
  const { terminal, signal } = context
  const checkpoint = await readCheckpoint(file)
  const report = await createReport(checkpoint, flags, signal)
  if (flags.json === true) terminal.printJson(report)
  else for (const line of linesOf(report, flags, terminal.colors)) terminal.print(line)
  return EXIT.ok
}

/** What `--json` prints; `docs/cli.md` documents it. Fields are added in minor releases, changed in major ones. */
export interface InspectReport {
  readonly file: string | null
  readonly format: string
  /** Of the file. */
  readonly bytes: number
  readonly byteOrder: 'little' | 'big'
  /** Where the state dict lies in the file, such as `model.state_dict`; `''` if it is the whole checkpoint. */
  readonly source: string
  /** Null where it is none that is known. */
  readonly architecture: Architecture | null
  /** Why the architecture is null. */
  readonly architectureError: string | null
  readonly totals: {
    readonly tensors: number
    /** Elements of all tensors but the running statistics of batch normalisation. */
    readonly parameters: number
    readonly elements: number
    /** Of all elements; tensors that share memory count each. */
    readonly bytes: number
    readonly storages: number
    readonly storageBytes: number
    /** Tensors of each element type. */
    readonly dtypes: Readonly<Record<string, number>>
  }
  /** What stands beside the state dict, such as `epoch`; values other than numbers, strings and booleans in words. */
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
  /** Tensors that have this in common share memory. */
  readonly storage: string
  /** With `--stats`: null for complex and quantised tensors. Infinities and integers past 2^53 are strings. */
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
  // Nothing of it would be printed.
  const check = flags.check ?? (flags.tensors === true && flags.json !== true ? false : undefined)
  return {
    file: path,
    format,
    bytes: size,
    byteOrder,
    source: found.source,
    ...detect(found),
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
    values: await checkValues(stored, check, stats, signal),
    tensors: stored.map(([key, tensor]) => reportTensor(key, tensor, stats.get(key))),
  }
}

function detect({ tensors }: FoundStateDict): Pick<InspectReport, 'architecture' | 'architectureError'> {
  try {
    return { architecture: detectArchitecture(tensors), architectureError: null }
  } catch (error) {
    if (error instanceof TorchError && error.code === 'TORCH_ARCHITECTURE') {
      return { architecture: null, architectureError: error.message }
    }
    throw error
  }
}

function isRunningStatistic(key: string): boolean {
  return /(^|\.)(running_mean|running_var|num_batches_tracked)$/.test(key)
}

function entriesBeside({ root }: Checkpoint, { source }: FoundStateDict): InspectReport['entries'] {
  if (source === '' || !(root instanceof Map)) return []
  const entries: { key: string; value: number | string | boolean | null }[] = []
  for (const [key, value] of root) {
    if (typeof key !== 'string' || source === key || source.startsWith(`${key}.`)) continue
    entries.push({ key, value: plainValue(value) })
  }
  return entries
}

/** Values that JSON has stay as they are; others become words. */
function plainValue(value: CheckpointValue): number | string | boolean | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'bigint') return String(value)
  return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : describeValue(value)
}

type Stored = readonly (readonly [string, StoredTensor])[]

async function checkValues(
  stored: Stored,
  wanted: boolean | undefined,
  stats: ReadonlyMap<string, TensorStats | null>,
  signal: AbortSignal,
): Promise<InspectReport['values']> {
  const floats = stored.filter(([, { dtype }]) => canBeChecked(dtype))
  const uncounted = floats.filter(([key]) => (stats.get(key) ?? null) === null)
  const size = uncounted.reduce((total, [, { nbytes }]) => total + nbytes, 0)
  if (!(wanted ?? size <= CHECKED_BYTES)) return { checked: false, notFinite: [] }
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
  } else if (tensors.length <= MOST_ROWS) {
    yield tensorTable(tensors, tensors.length, colors)
    yield ''
    yield summary
  } else {
    // The end of so long a table is where nobody looks for it.
    yield summary
    yield ''
    yield tensorTable(tensors, MOST_ROWS, colors)
    yield `… ${plural(tensors.length - MOST_ROWS, 'more tensor')} (--tensors prints all)`
  }
  for (const { key, nan, infinite } of report.values.notFinite) {
    const found = [nan > 0 ? `${count(nan)} NaN` : '', infinite > 0 ? `${count(infinite)} infinite` : '']
    yield `${colors.yellow('Warning:')} ${printable(key)} holds ${found.filter((part) => part !== '').join(' and ')}`
  }
}

/** The first `rows` of the tensors. */
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

function* summaryOf({ file, format, ...report }: InspectReport): Generator<[string, string]> {
  const { totals, architecture, entries, values } = report
  const inside = report.source === '' ? '' : `, state dict at ${printable(report.source)}`
  yield ['file', `${file ?? ''} (${bytes(report.bytes)}, ${format}, ${report.byteOrder}-endian${inside})`]
  yield ['architecture', architecture === null ? oneLine(report.architectureError ?? '') : describe(architecture)]
  const dtypes = Object.entries(totals.dtypes).map(([dtype, tensors]) => `${tensors} ${dtype}`)
  yield ['tensors', `${count(totals.tensors)} (${dtypes.join(', ')}) in ${plural(totals.storages, 'storage')}`]
  yield ['parameters', count(totals.parameters)]
  yield [
    'size',
    totals.storageBytes === totals.bytes
      ? bytes(totals.bytes)
      : `${bytes(totals.bytes)}, stored in ${bytes(totals.storageBytes)}`,
  ]
  for (const { key, value } of entries.slice(0, MOST_ENTRIES)) yield [printable(key), oneLine(String(value))]
  if (entries.length > MOST_ENTRIES) yield ['…', `${plural(entries.length - MOST_ENTRIES, 'entry', 'entries')} more`]
  if (!values.checked) yield ['values', 'not checked for NaN (--check does)']
}

function describe(architecture: Architecture): string {
  const { name, numClasses, inputChannels, prefix } = architecture
  const wrapped = prefix === '' ? '' : `, keys begin with ${printable(prefix)}`
  return `${name}, ${plural(numClasses, 'class', 'classes')}, ${plural(inputChannels, 'input channel')}${wrapped}`
}

/** Storages of more than one tensor. */
function sharedBy(tensors: readonly TensorReport[]): ReadonlySet<StoredStorage['key']> {
  const seen = new Set<string>()
  return new Set(tensors.map(({ storage }) => storage).filter((storage) => seen.size === seen.add(storage).size))
}
