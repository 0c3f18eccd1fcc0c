import { findStateDict, type FoundStateDict } from '../../checkpoint/state_dict/find.js'
import { DECODERS, type Numbers } from '../../checkpoint/decoders.js'
import { readCheckpoint, type Checkpoint } from '../../checkpoint/read.js'
import { ELEMENT_TYPES } from '../../checkpoint/element_types.js'
import type { StoredTensor } from '../../checkpoint/stored.js'
import { denseChunks } from '../../checkpoint/write/dense.js'
import { wrapperPrefix } from '../../tensor/state_dict.js'
import { describeShape } from '../../util/check.js'
import type { Context } from '../command.js'
import { EXIT } from '../exit_codes.js'
import { table } from '../output/table.js'
import { count, jsonNumber, MAX_ROWS, plural, printable, shortNumber } from '../output/text.js'
import { isBigIntArray } from '../../util/realm.js'

/** Options of `inspect` that matter for a comparison. */
export interface DiffFlags {
  readonly json: true | undefined
  readonly key: string | undefined
  readonly diffKey: string | undefined
  readonly wholeModule: true | undefined
  readonly tensors: true | undefined
}

/** What `inspect --diff --json` prints; `docs/cli.md` documents it. */
export interface DiffReport {
  readonly file: string | null
  /** Path of the state dict in the file; `''` if it is the whole checkpoint. */
  readonly source: string
  readonly other: string | null
  readonly otherSource: string
  /** Whether keys, element types, shapes and numbers are equal; order, format and layout may differ. */
  readonly equal: boolean
  readonly onlyInFile: readonly string[]
  readonly onlyInOther: readonly string[]
  /** Tensors that are in both, in the order of the first. */
  readonly tensors: readonly TensorDifference[]
}

/** How two tensors of one key differ. */
export interface TensorDifference {
  readonly key: string
  readonly equal: boolean
  readonly dtype: string
  readonly otherDtype: string
  readonly shape: readonly number[]
  readonly otherShape: readonly number[]
  /**
   * Largest absolute difference of two corresponding numbers; `'NaN'` if just one of them is NaN, or `'Infinity'`. Null where
   * the shapes differ, and for complex and quantized tensors, whose bytes are compared.
   */
  readonly largestDifference: number | string | null
}

/** Compares two checkpoints. libtorch is not opened. */
export async function inspectDiff(
  file: string,
  other: string,
  flags: DiffFlags,
  { terminal, signal }: Context,
): Promise<number> {
  const { wholeModule } = flags
  const left = await open(file, flags.key, wholeModule)
  const right = await open(other, flags.diffKey, wholeModule)
  const report = await compare(left, right, signal)
  if (flags.json === true) terminal.printJson(report)
  else {
    for (const line of linesOf(report, flags.tensors === true, terminal.colors)) terminal.print(line)
    for (const note of notesOf(left.found, right.found)) terminal.note(note)
  }
  return report.equal ? EXIT.ok : EXIT.failed
}

interface Opened {
  readonly checkpoint: Checkpoint
  readonly found: FoundStateDict
}

async function open(file: string, key: string | undefined, wholeModule: boolean | undefined): Promise<Opened> {
  const checkpoint = await readCheckpoint(file)
  return { checkpoint, found: findStateDict(checkpoint, { key, wholeModule }) }
}

async function compare(left: Opened, right: Opened, signal: AbortSignal): Promise<DiffReport> {
  const tensors: TensorDifference[] = []
  const onlyInFile: string[] = []
  for (const [key, tensor] of left.found.tensors) {
    const other = right.found.tensors.get(key)
    if (other === undefined) onlyInFile.push(key)
    else tensors.push(await compareTensors(key, tensor, other, signal))
  }
  const onlyInOther = [...right.found.tensors.keys()].filter((key) => !left.found.tensors.has(key))
  return {
    file: left.checkpoint.path,
    source: left.found.source,
    other: right.checkpoint.path,
    otherSource: right.found.source,
    equal: onlyInFile.length + onlyInOther.length === 0 && tensors.every(({ equal }) => equal),
    onlyInFile,
    onlyInOther,
    tensors,
  }
}

async function compareTensors(
  key: string,
  tensor: StoredTensor,
  other: StoredTensor,
  signal: AbortSignal,
): Promise<TensorDifference> {
  const { dtype, shape } = tensor
  const facts = { key, dtype, otherDtype: other.dtype, shape, otherShape: other.shape }
  const sameShape = shape.length === other.shape.length && shape.every((size, dim) => size === other.shape[dim])
  if (!sameShape) return { ...facts, equal: false, largestDifference: null }
  const sameType = dtype === other.dtype
  if (DECODERS.has(dtype) && DECODERS.has(other.dtype)) {
    const largest = await largestDifference(tensor, other, signal)
    return { ...facts, equal: sameType && largest === 0, largestDifference: jsonNumber(largest) }
  }
  return { ...facts, equal: sameType && (await haveEqualBytes(tensor, other, signal)), largestDifference: null }
}

async function haveEqualBytes(tensor: StoredTensor, other: StoredTensor, signal: AbortSignal): Promise<boolean> {
  for await (const [left, right] of inStep(tensor, other)) {
    signal.throwIfAborted()
    if (Buffer.compare(left, right) !== 0) return false
  }
  return true
}

/** Gives the largest absolute difference: NaN if just one of two numbers is NaN; two NaN are equal. */
async function largestDifference(tensor: StoredTensor, other: StoredTensor, signal: AbortSignal): Promise<number> {
  const decode = DECODERS.get(tensor.dtype)
  const decodeOther = DECODERS.get(other.dtype)
  let largest = 0
  if (decode === undefined || decodeOther === undefined) return largest
  for await (const [left, right] of inStep(tensor, other)) {
    signal.throwIfAborted()
    if (tensor.dtype === other.dtype && Buffer.compare(left, right) === 0) continue
    const found = differenceOf(decode(left), decodeOther(right))
    if (Number.isNaN(found)) return found
    if (found > largest) largest = found
  }
  return largest
}

function differenceOf(left: Numbers, right: Numbers): number {
  if (isBigIntArray(left) && isBigIntArray(right)) return differenceOfIntegers(left, right)
  const a = isBigIntArray(left) ? Float64Array.from(left, Number) : left
  const b = isBigIntArray(right) ? Float64Array.from(right, Number) : right
  let largest = 0
  for (let index = 0; index < a.length; index++) {
    const x = a[index] ?? 0
    const y = b[index] ?? 0
    // Infinities are equal, though their difference is NaN.
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue
    const difference = Math.abs(x - y)
    if (Number.isNaN(difference)) return NaN
    if (difference > largest) largest = difference
  }
  return largest
}

/** Exact, while doubles would take neighbors beyond 2^53 for equal. */
function differenceOfIntegers(left: BigInt64Array | BigUint64Array, right: BigInt64Array | BigUint64Array): number {
  let largest = 0n
  for (let index = 0; index < left.length; index++) {
    const difference = (left[index] ?? 0n) - (right[index] ?? 0n)
    if (difference > largest) largest = difference
    else if (-difference > largest) largest = -difference
  }
  return Number(largest)
}

/** Gives the bytes of corresponding elements of two tensors of equal size, in row-major order and piece by piece. */
async function* inStep(left: StoredTensor, right: StoredTensor): AsyncGenerator<[Uint8Array, Uint8Array]> {
  const readers = [new ElementReader(left), new ElementReader(right)] as const
  try {
    for (;;) {
      const elements = Math.min(await readers[0].available(), await readers[1].available())
      if (elements === 0) return
      yield [readers[0].take(elements), readers[1].take(elements)]
    }
  } finally {
    for (const reader of readers) await reader.close()
  }
}

class ElementReader {
  readonly #chunks: AsyncGenerator<Uint8Array>
  readonly #itemSize: number
  #chunk: Uint8Array = new Uint8Array(0)

  constructor(tensor: StoredTensor) {
    this.#chunks = denseChunks(tensor)
    this.#itemSize = ELEMENT_TYPES.get(tensor.dtype)?.bytes ?? 1
  }

  /** Number of elements that have been read but not taken; 0 at the end. */
  async available(): Promise<number> {
    if (this.#chunk.length === 0) {
      const next = await this.#chunks.next()
      if (next.done !== true) this.#chunk = next.value
    }
    return this.#chunk.length / this.#itemSize
  }

  take(elements: number): Uint8Array {
    const taken = this.#chunk.subarray(0, elements * this.#itemSize)
    this.#chunk = this.#chunk.subarray(taken.length)
    return taken
  }

  async close(): Promise<void> {
    await this.#chunks.return(undefined)
  }
}

type Row = readonly [key: string, dtype: string, shape: string, difference: string]

function* linesOf(report: DiffReport, all: boolean, colors: Context['terminal']['colors']): Generator<string> {
  const { tensors, onlyInFile, onlyInOther } = report
  const different = tensors.filter(({ equal }) => !equal)
  const total = tensors.length + onlyInFile.length + onlyInOther.length
  // Where not all are shown, the ones that differ come first.
  const ordered = all || total <= MAX_ROWS ? tensors : [...different, ...tensors.filter(({ equal }) => equal)]
  const rows: Row[] = [
    ...onlyInFile.map((key): Row => [printable(key), '', '', 'only in the first']),
    ...onlyInOther.map((key): Row => [printable(key), '', '', 'only in the other']),
    ...ordered.map(rowOf),
  ]
  const shown = all ? rows : rows.slice(0, MAX_ROWS)
  const heads = ['key', 'dtype', 'shape', 'largest difference']
  yield table(
    heads.map((head) => ({ head })),
    shown,
    { styleHead: colors.dim },
  )
  if (shown.length < rows.length)
    yield `… ${plural(rows.length - shown.length, 'more key')} (--tensors prints all of them)`
  yield ''
  const summary = [
    ['first', locationOf(report.file, report.source)],
    ['other', locationOf(report.other, report.otherSource)],
    [
      'keys',
      `${count(tensors.length)} in both, ${count(onlyInFile.length)} only in the first, ${count(onlyInOther.length)} only in the other`,
    ],
    ['tensors', `${count(tensors.length - different.length)} equal, ${count(different.length)} different`],
  ] as const
  yield table(
    [{}, {}],
    summary.map(([title, text]) => [colors.bold(title), text]),
  )
}

function locationOf(file: string | null, source: string): string {
  return source === '' ? printable(file ?? '') : `${printable(file ?? '')}, state dict at ${printable(source)}`
}

function rowOf({ key, equal, largestDifference: largest, ...facts }: TensorDifference): Row {
  const either = (one: string, two: string): string => (one === two ? one : `${one} / ${two}`)
  const dtype = either(facts.dtype, facts.otherDtype)
  const [shape, otherShape] = [describeShape(facts.shape), describeShape(facts.otherShape)]
  const numbers = largest === 0 ? 'same numbers' : typeof largest === 'number' ? shortNumber(largest) : largest
  const difference = equal ? 'equal' : (numbers ?? (shape === otherShape ? 'different bytes' : '–'))
  return [printable(key), dtype, either(shape, otherShape), difference]
}

/** Two checkpoints of the same model have no key in common if the model was wrapped in one of them. */
function* notesOf(left: FoundStateDict, right: FoundStateDict): Generator<string> {
  if ([...left.tensors.keys()].some((key) => right.tensors.has(key))) return
  for (const [name, { tensors }] of [
    ['first', left],
    ['other', right],
  ] as const) {
    const prefix = printable(wrapperPrefix(tensors.keys()))
    if (prefix === '') continue
    yield `Note: All keys of the ${name} begin with ${prefix}; napi-torch convert --strip-prefix ${prefix} removes it`
  }
}
