import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** What is read of a library at most: the list of names that libtorch's has is 5 MB. */
const MAX_READ = 2 ** 26

/**
 * Names of the libraries that the ELF library at `path` names as needed; of a Mach-O library, the text of its load commands,
 * in which the names stand. Empty for other files and for damaged ones.
 */
export function neededLibraries(path: string): readonly string[] {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return []
  }
  try {
    const head = read(file, 0, 64)
    if (head.length === 64 && head.readUInt32BE(0) === ELF && head[4] === 2 && head[5] === 1) return elf(file, head)
    return head.length === 64 && head.readUInt32LE(0) === MACH_O
      ? read(file, MACH_O_HEADER, head.readUInt32LE(20))
          .toString('latin1')
          .split(/[\0/]+/)
      : []
  } catch {
    return []
  } finally {
    closeSync(file)
  }
}

/** Tells whether an ELF library ends before its last table, as after a copy that was interrupted. */
export function isTruncated(path: string): boolean {
  const file = openSync(path, 'r')
  try {
    const head = read(file, 0, 64)
    if (head.length < 64 || head.readUInt32BE(0) !== ELF || head[4] !== 2 || head[5] !== 1) return false
    const tables = [
      [32, 54],
      [40, 58],
    ] as const
    const ends = tables.map(
      ([at, size]) => Number(head.readBigUInt64LE(at)) + head.readUInt16LE(size) * head.readUInt16LE(size + 2),
    )
    return fstatSync(file).size < Math.max(...ends)
  } finally {
    closeSync(file)
  }
}

// Of 64 bits, little-endian.
const ELF = 0x7f454c46
const MACH_O = 0xfeedfacf
const MACH_O_HEADER = 32

const SEGMENT = { load: 1, dynamic: 2 } as const
const TAG = { end: 0, needed: 1, stringTable: 5, stringSize: 10 } as const

/** Reads the dynamic section: System V ABI, chapter 5. */
function elf(file: number, head: Buffer): string[] {
  const [size, count] = [head.readUInt16LE(54), head.readUInt16LE(56)]
  const table = read(file, Number(head.readBigUInt64LE(32)), size * count)
  const segments = Array.from({ length: count }, (_, index) => {
    const at = index * size
    const [offset, address, bytes] = [8, 16, 32].map((field) => Number(table.readBigUInt64LE(at + field)))
    return { type: table.readUInt32LE(at), offset: offset ?? 0, address: address ?? 0, bytes: bytes ?? 0 }
  })
  const section = segments.find(({ type }) => type === SEGMENT.dynamic)
  if (section === undefined) return []
  const entries = read(file, section.offset, section.bytes)
  const names: number[] = []
  const values = new Map<number, number>()
  for (let at = 0; at + 16 <= entries.length; at += 16) {
    const [tag, value] = [Number(entries.readBigInt64LE(at)), Number(entries.readBigUInt64LE(at + 8))]
    if (tag === TAG.end) break
    if (tag === TAG.needed) names.push(value)
    else values.set(tag, value)
  }
  const address = values.get(TAG.stringTable) ?? 0
  const holder = segments.find(
    (segment) =>
      segment.type === SEGMENT.load && address >= segment.address && address < segment.address + segment.bytes,
  )
  if (holder === undefined) return []
  const strings = read(file, address - holder.address + holder.offset, values.get(TAG.stringSize) ?? 0)
  return names.map((start) => strings.toString('latin1', start, strings.indexOf(0, start)))
}

function read(file: number, position: number, length: number): Buffer {
  if (length > MAX_READ) throw new RangeError('The table is too long')
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(file, bytes, 0, length, position))
}
