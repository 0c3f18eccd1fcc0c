import type { StoredStorage } from '../../checkpoint/stored.js'
import type { CastType } from '../../checkpoint/write/cast.js'
import type { Colors } from '../output/terminal.js'
import { bytes, count, plural, printable } from '../output/text.js'
import type { Conversion, OutFormat } from './convert.js'
import { isMap } from '../../util/realm.js'

/** Names in a list; the others are counted. */
const MAX_NAMES = 5

/** What `--json` prints; `docs/cli.md` documents it. Fields are added in minor releases, changed in major ones. */
export interface ConvertReport {
  readonly file: string | null
  readonly out: string
  readonly format: string
  readonly outFormat: OutFormat
  /** Sizes of the files. */
  readonly bytes: number
  readonly outBytes: number
  /** Path of the state dict in the file; `''` if it was the whole checkpoint. */
  readonly source: string
  /** Prefix that was removed from the keys. */
  readonly strippedPrefix: string
  /** Prefix that a wrapper put before every key, and that is still there. */
  readonly wrapperPrefix: string
  readonly cast: CastType | null
  readonly tensors: number
  /** Number of tensors of each element type. */
  readonly dtypes: Readonly<Record<string, number>>
  readonly outDtypes: Readonly<Record<string, number>>
  /** Keys beside the state dict that are not in the new file. */
  readonly leftOut: readonly string[]
  /** Groups of keys whose tensors shared memory, and do not in the new file. */
  readonly unshared: readonly (readonly string[])[]
  /** Tensors with finite numbers that the cast made infinite. */
  readonly overflowed: readonly { readonly key: string; readonly values: number }[]
}

/** Reports a conversion that is done. */
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
  if (source === '' || !isMap(root)) return []
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

/** Prints two lines: the files, and what was done. */
export function* linesOf(report: ConvertReport, { bold }: Colors): Generator<string> {
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

/** Prints what the user may not expect. */
export function* notesOf({ unshared, overflowed, ...report }: ConvertReport): Generator<string> {
  if (report.leftOut.length > 0) yield `Note: Left out the entries beside the state dict: ${names(report.leftOut)}`
  const [first] = unshared
  if (first !== undefined) {
    const others = unshared.length === 1 ? '' : ` and ${plural(unshared.length - 1, 'other group')}`
    yield `Note: safetensors cannot share memory: each of ${names(first)}${others} is written in full`
  }
  if (report.wrapperPrefix !== '') {
    const prefix = printable(report.wrapperPrefix)
    yield `Note: All keys begin with ${prefix}; --strip-prefix ${prefix} removes it`
  }
  for (const { key, values } of overflowed) {
    yield `Warning: ${plural(values, 'number')} of ${printable(key)} became infinite: they are too large for ${report.cast}`
  }
}

function names(keys: readonly string[]): string {
  const shown = keys.slice(0, MAX_NAMES).map(printable).join(', ')
  return keys.length > MAX_NAMES ? `${shown} and ${count(keys.length - MAX_NAMES)} more` : shown
}
