import type { CastType } from '../checkpoint/write/cast.js'
import type { StoredStorage } from '../checkpoint/stored.js'
import type { Context } from './context.js'
import type { Conversion, OutFormat } from './convert.js'
import { bytes, count, plural, printable } from './format.js'

/** More names than this are told as a number. */
const MOST_NAMES = 5

/** What `--json` prints; `docs/cli.md` documents it. Fields are added in minor releases, changed in major ones. */
export interface ConvertReport {
  readonly file: string | null
  readonly out: string
  readonly format: string
  readonly outFormat: OutFormat
  /** Of the files. */
  readonly bytes: number
  readonly outBytes: number
  /** Where the state dict lay in the file; `''` if it was the whole checkpoint. */
  readonly source: string
  /** What was taken away from the front of the keys. */
  readonly strippedPrefix: string
  /** What still stands before every key because the model was wrapped. */
  readonly wrapperPrefix: string
  readonly cast: CastType | null
  readonly tensors: number
  /** Tensors of each element type. */
  readonly dtypes: Readonly<Record<string, number>>
  readonly outDtypes: Readonly<Record<string, number>>
  /** Keys that stood beside the state dict, and are not in the new file. */
  readonly leftOut: readonly string[]
  /** Keys of tensors that shared memory and do not in the new file. */
  readonly unshared: readonly (readonly string[])[]
  /** Tensors with numbers that were finite, and infinite when cast. */
  readonly overflowed: readonly { readonly key: string; readonly values: number }[]
}

/** Says what a conversion did, when it is done. */
export function createReport(conversion: Conversion, outBytes: number): ConvertReport {
  const { checkpoint, found, out, format, strippedPrefix, wrapper, caster } = conversion
  const place = { path: checkpoint.path ?? undefined }
  const dtypes: Record<string, number> = {}
  const outDtypes: Record<string, number> = {}
  for (const [key, { dtype }] of found.tensors) {
    const outDtype = caster?.changes(key, dtype, place) === true ? caster.dtype : dtype
    dtypes[dtype] = (dtypes[dtype] ?? 0) + 1
    outDtypes[outDtype] = (outDtypes[outDtype] ?? 0) + 1
  }
  return {
    file: checkpoint.path,
    out,
    format: checkpoint.format,
    outFormat: format,
    bytes: checkpoint.size,
    outBytes,
    source: found.source,
    strippedPrefix,
    wrapperPrefix: wrapper,
    cast: caster?.dtype ?? null,
    tensors: found.tensors.size,
    dtypes,
    outDtypes,
    leftOut: leftOut(conversion),
    unshared: format === 'zip' ? [] : sharing(conversion),
    overflowed: [...(caster?.overflowed ?? [])].map(([key, values]) => ({ key, values })),
  }
}

function leftOut({ checkpoint: { root }, found: { source } }: Conversion): string[] {
  if (source === '' || !(root instanceof Map)) return []
  const keys = [...root.keys()].filter((key) => typeof key === 'string')
  return keys.filter((key) => source !== key && !source.startsWith(`${key}.`))
}

function sharing({ found }: Conversion): string[][] {
  const groups = new Map<StoredStorage, string[]>()
  for (const [key, { storage }] of found.tensors) {
    const group = groups.get(storage)
    if (group === undefined) groups.set(storage, [key])
    else group.push(key)
  }
  return [...groups.values()].filter((group) => group.length > 1)
}

/** Two lines: the files, and what was done. */
export function* linesOf(report: ConvertReport, { bold }: Context['terminal']['colors']): Generator<string> {
  const { file, out, format, outFormat, cast } = report
  const from = `${bold(printable(file ?? ''))} (${format}, ${bytes(report.bytes)})`
  yield `${from} → ${bold(printable(out))} (${outFormat}, ${bytes(report.outBytes)})`
  const types = Object.entries(report.dtypes).map(([dtype, tensors]) => {
    return `${count(tensors)} ${dtype}${dtype in report.outDtypes ? '' : ` as ${cast}`}`
  })
  const parts = [`${plural(report.tensors, 'tensor')} (${types.join(', ')})`]
  if (report.source !== '') parts.push(`state dict at ${printable(report.source)}`)
  if (report.strippedPrefix !== '') parts.push(`without the prefix ${printable(report.strippedPrefix)}`)
  yield parts.join(', ')
}

/** What the user may not have expected. */
export function* notesOf({ unshared, overflowed, ...report }: ConvertReport): Generator<string> {
  if (report.leftOut.length > 0) yield `Note: Left out what stands beside the state dict: ${names(report.leftOut)}`
  const [first] = unshared
  if (first !== undefined) {
    const others = unshared.length === 1 ? '' : ` and ${plural(unshared.length - 1, 'other group')}`
    yield `Note: safetensors cannot share memory: each of ${names(first)}${others} is written in full`
  }
  if (report.wrapperPrefix !== '') {
    const prefix = printable(report.wrapperPrefix)
    yield `Note: All keys begin with ${prefix}, which --strip-prefix ${prefix} takes away`
  }
  for (const { key, values } of overflowed) {
    yield `Warning: ${plural(values, 'number')} of ${printable(key)} became infinite, past the largest ${report.cast}`
  }
}

function names(keys: readonly string[]): string {
  const shown = keys.slice(0, MOST_NAMES).map(printable).join(', ')
  return keys.length > MOST_NAMES ? `${shown} and ${count(keys.length - MOST_NAMES)} more` : shown
}
