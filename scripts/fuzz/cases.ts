import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { checkLimits } from '../../lib/checkpoint/limits.js'
import { openSource } from '../../lib/checkpoint/source.js'
import { readEntry, readZip } from '../../lib/checkpoint/zip/archive.js'
import { checkpointOf, zip, type TestEntry } from '../../test/support/archive.js'
import { amplified } from './amplify.js'
import { mutateBytes, oddNumber } from './bytes.js'
import { mutatePickle, randomPickle, repetitivePickle } from './pickles.js'
import type { Random } from './random.js'

/** A file to be read, and how it was made. */
export interface Case {
  readonly name: string
  readonly bytes: Buffer
}

interface Specimen {
  readonly name: string
  readonly bytes: Buffer
  /** What is in it, if it is an archive that can be read. */
  readonly entries: readonly TestEntry[]
  readonly kind: 'zip' | 'pickles' | 'safetensors' | 'other'
}

/** Bytes of a case: what is small must not take much. */
const MAX_CASE_BYTES = 4 * 2 ** 20

/** Bytes of an amplifying file, or what it inflates to. */
const AMPLIFIED_BYTES = [1_000, 30_000, 300_000, 900_000, 4_000_000]

/** One in this many cases is made of a past find, which takes a hundred times as long as the others. */
const CASES_PER_FIND = 100

/** Makes cases out of the files of some folders and out of past finds, without end. */
export class Cases {
  readonly #specimens: readonly Specimen[]
  readonly #finds: readonly Specimen[]
  readonly #random: Random

  private constructor(specimens: readonly Specimen[], finds: readonly Specimen[], random: Random) {
    this.#specimens = specimens
    this.#finds = finds
    this.#random = random
  }

  static async of(folders: readonly string[], finds: string, random: Random): Promise<Cases> {
    const read = (paths: readonly string[]): Promise<Specimen[]> => Promise.all(paths.map((path) => specimenOf(path)))
    return new Cases(await read(folders.flatMap((folder) => filesIn(folder))), await read(filesIn(finds)), random)
  }

  /** Number of files that the cases are made of. */
  get size(): number {
    return this.#specimens.length + this.#finds.length
  }

  next(): Case {
    const random = this.#random
    if (random.once(4)) return amplified(random, random.pick(AMPLIFIED_BYTES))
    if (random.once(10)) return this.#generated()
    const isFind = this.#finds.length > 0 && random.once(CASES_PER_FIND)
    const specimen = random.pick(isFind ? this.#finds : this.#specimens)
    const other = random.pick(this.#specimens)
    if (random.once(3)) return limited(`bytes of ${specimen.name}`, mutateBytes(specimen.bytes, random, other.bytes))
    switch (specimen.kind) {
      case 'zip':
        return limited(`entries of ${specimen.name}`, mutateArchive(specimen.entries, random, pickleOf(other)))
      case 'pickles':
        return limited(`pickles of ${specimen.name}`, mutatePickle(specimen.bytes, random, pickleOf(other)))
      case 'safetensors':
        return limited(`header of ${specimen.name}`, mutateHeader(specimen.bytes, random))
      default:
        return limited(
          `text of ${specimen.name}`,
          Buffer.from(mutateText(specimen.bytes.toString('latin1'), random), 'latin1'),
        )
    }
  }

  /** A pickle that no fixture led to, in an archive or behind the beginning of a legacy file. */
  #generated(): Case {
    const random = this.#random
    const isLarge = random.once(8)
    const pickle = isLarge ? repetitivePickle(random, random.small(1, MAX_CASE_BYTES / 2)) : randomPickle(random)
    const name = isLarge ? 'instructions repeated' : 'instructions at random'
    const legacy = this.#specimens.find(({ kind }) => kind === 'pickles')
    if (legacy !== undefined && random.once(3)) {
      return { name: `${name}, legacy`, bytes: Buffer.concat([legacy.bytes.subarray(0, LEGACY_HEAD), pickle]) }
    }
    if (random.once(2)) return { name, bytes: Buffer.from(checkpointOf(pickle)) }
    const entries = [
      { name: 'a/data.pkl', data: pickle, deflate: true },
      { name: 'a/version', data: '3\n' },
    ]
    return { name: `${name}, deflated`, bytes: Buffer.from(zip(entries)) }
  }
}

/** Bytes of the magic number of a legacy file of protocol 2. */
const LEGACY_HEAD = 15

function limited(name: string, bytes: Buffer): Case {
  return { name, bytes: bytes.subarray(0, MAX_CASE_BYTES) }
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true })
  const files = entries.filter((entry) => entry.isFile() && !/\.md$|^(expected|pickles)\.json$/.test(entry.name))
  return files.map((entry) => join(entry.parentPath, entry.name)).sort()
}

async function specimenOf(path: string): Promise<Specimen> {
  const bytes = readFileSync(path)
  const name = path.split('/').at(-1) ?? path
  if (bytes.subarray(0, 2).toString('latin1') === 'PK') {
    const entries = await entriesOf(bytes).catch(() => [])
    return { name, bytes, entries, kind: entries.length === 0 ? 'other' : 'zip' }
  }
  const kind = bytes[0] === 0x80 ? 'pickles' : bytes[8] === 0x7b ? 'safetensors' : 'other'
  return { name, bytes, entries: [], kind }
}

async function entriesOf(bytes: Buffer): Promise<TestEntry[]> {
  const { source, root, entries } = await readZip(await openSource(bytes), checkLimits())
  const read = [...entries].map(async ([name, entry]) => {
    return { name: `${root}/${name}`, data: await readEntry(source, entry), deflate: entry.method === 'deflated' }
  })
  return Promise.all(read)
}

function isPickle({ name }: TestEntry): boolean {
  return name.endsWith('.pkl')
}

function pickleOf({ entries, bytes }: Specimen): Buffer {
  const pickle = entries.find(isPickle)
  return pickle === undefined ? bytes : Buffer.from(pickle.data)
}

/** Mostly the pickle; else what the directory says of an entry, which entries there are, or the other records. */
function mutateArchive(entries: readonly TestEntry[], random: Random, other: Buffer): Buffer {
  const result = [...entries]
  const change = random.below(8)
  if (change < 5) {
    const at = random.pick(
      result
        .flatMap((entry, index) => (isPickle(entry) ? [index] : []))
        .concat(change === 0 ? random.below(result.length) : []),
    )
    const entry = result[at]
    if (entry !== undefined) result[at] = { ...entry, data: mutatePickle(Buffer.from(entry.data), random, other) }
  } else {
    const at = random.below(result.length)
    const entry = result[at]
    if (entry === undefined) return Buffer.from(zip(result))
    if (change === 5) result.splice(at, random.below(2), ...(random.once(2) ? [random.pick(entries)] : []))
    else if (change === 6) result[at] = { ...entry, ...lie(entry, random) }
    else result[at] = { ...entry, data: mutateBytes(Buffer.from(entry.data), random, other) }
  }
  return Buffer.from(zip(result))
}

function lie({ data }: TestEntry, random: Random): Partial<TestEntry> {
  const number = Number(BigInt.asUintN(32, oddNumber(random, BigInt(data.length))))
  switch (random.below(6)) {
    case 0:
      return { size: number }
    case 1:
      return { compressedSize: number }
    case 2:
      return { offset: number }
    case 3:
      return { method: random.below(12) }
    case 4:
      return { flags: random.below(0x10000) }
    default:
      return { deflate: true, size: number }
  }
}

/** Changes the JSON in front of safetensors, and keeps its length right unless that is the change. */
function mutateHeader(bytes: Buffer, random: Random): Buffer {
  const length = Number(bytes.readBigUInt64LE(0))
  const header = Buffer.from(mutateText(bytes.subarray(8, 8 + length).toString('latin1'), random), 'latin1')
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(
    random.once(10) ? BigInt.asUintN(64, oddNumber(random, BigInt(header.length))) : BigInt(header.length),
  )
  return Buffer.concat([size, header, bytes.subarray(8 + length)])
}

const PIECES: readonly string[] = [
  ...[
    '"',
    '\\',
    '\\u0000',
    '\\ud800',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '{}',
    '[]',
    'null',
    'true',
    '1e400',
    '-0',
    '1.5',
    '"F32"',
    '"BF16"',
    '"I64"',
    '"F8_E4M3"',
  ],
  ...[
    '"shape"',
    '"dtype"',
    '"data_offsets"',
    '"__metadata__"',
    '"__proto__"',
    '"constructor"',
    ' ',
    '\n',
    '\t',
    '0',
    '00',
    '\xff',
  ],
]

function mutateText(text: string, random: Random): string {
  let result = text
  for (let left = random.small(1, 5); left > 0; left--) {
    const at = random.below(result.length + 1)
    const to = at + random.small(0, 40)
    switch (random.below(5)) {
      case 0:
        result = result.replace(/\d+/g, (digits) =>
          random.once(8) ? String(oddNumber(random, BigInt(digits.slice(0, 20)))) : digits,
        )
        break
      case 1:
        result = result.slice(0, at) + result.slice(to)
        break
      case 2:
        result = result.slice(0, to) + result.slice(at)
        break
      case 3:
        // A million brackets, now and then.
        result =
          result.slice(0, at) +
          random.pick(PIECES).repeat(random.once(20) ? random.small(1, 300_000) : 1) +
          result.slice(at)
        break
      default:
        result = result.slice(0, at) + random.pick(PIECES) + result.slice(to)
    }
  }
  return result
}
