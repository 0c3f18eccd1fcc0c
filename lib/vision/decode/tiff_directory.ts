// The first directory of a TIFF or BigTIFF file: TIFF 6.0, section 2.
import { refusal } from './format.js'

/** Values of a field: numbers of integers of all sizes. */
export type TiffValues = readonly number[]

export interface TiffDirectory {
  readonly bigEndian: boolean
  readonly fields: ReadonlyMap<number, TiffValues>
}

/** The most values of a field that is no list of blocks, in which only the first are of interest. */
const MAX_VALUES = 2 ** 16
const BLOCK_LISTS: readonly number[] = [273, 279, 324, 325]

/** Bytes of the types of integers. */
const SIZES: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 }

interface Form {
  readonly bigEndian: boolean
  readonly isBig: boolean
}

/** Reads the fields of integers in the first directory of a file. */
export function readDirectory(bytes: Buffer): TiffDirectory {
  const bigEndian = bytes[0] === 0x4d
  const isBig = (bigEndian ? bytes.readUInt16BE(2) : bytes.readUInt16LE(2)) === 43
  const form: Form = { bigEndian, isBig }
  if (isBig && readUint(bytes, 4, 2, form) !== 8) throw refusal('It is a BigTIFF without offsets of 8 bytes')
  const start = readUint(bytes, isBig ? 8 : 4, isBig ? 8 : 4, form)
  const count = readUint(bytes, start, isBig ? 8 : 2, form)
  const entrySize = isBig ? 20 : 12
  const first = start + (isBig ? 8 : 2)
  if (first + count * entrySize > bytes.length) throw refusal('Its directory is truncated')

  const fields = new Map<number, TiffValues>()
  for (let index = 0; index < count; index++) {
    const entry = first + index * entrySize
    const tag = readUint(bytes, entry, 2, form)
    const values = readValues(bytes, entry, tag, form)
    if (values !== null) fields.set(tag, values)
  }
  return { bigEndian, fields }
}

function readValues(bytes: Buffer, entry: number, tag: number, form: Form): TiffValues | null {
  const size = SIZES[readUint(bytes, entry + 2, 2, form)]
  if (size === undefined) return null
  const stored = readUint(bytes, entry + 4, form.isBig ? 8 : 4, form)
  const count = BLOCK_LISTS.includes(tag) ? stored : Math.min(stored, MAX_VALUES)
  const value = entry + (form.isBig ? 12 : 8)
  const inline = stored * size <= (form.isBig ? 8 : 4)
  const at = inline ? value : readUint(bytes, value, form.isBig ? 8 : 4, form)
  // A field of which the values are missing is of no interest, unless it is one that is needed.
  if (at + count * size > bytes.length) return null
  return Array.from({ length: count }, (_, index) => readUint(bytes, at + index * size, size, form))
}

function readUint(bytes: Buffer, at: number, size: number, { bigEndian }: Form): number {
  if (size < 8) return bigEndian ? bytes.readUIntBE(at, size) : bytes.readUIntLE(at, size)
  return Number(bigEndian ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at))
}
