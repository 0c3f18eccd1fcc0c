import type { Random } from './random.js'

/** Changes bytes at a place where a format does not mean them to change. */
type Mutation = (bytes: Buffer, random: Random, other: Buffer) => Buffer

/** Numbers at which sizes, counts and offsets go wrong. */
const BORDERS: readonly bigint[] = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]
  .map(BigInt)
  .concat([2n ** 32n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n])

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  flipBits,
  flipBits,
  writeNumber,
  writeNumber,
  truncate,
  cut,
  insert,
  move,
  splice,
]

/** Makes one to eight changes to a copy of `bytes`; some take pieces of `other`. */
export function mutateBytes(bytes: Buffer, random: Random, other: Buffer): Buffer {
  let result: Buffer = Buffer.from(bytes)
  for (let left = random.small(1, 8); left > 0; left--) result = random.pick(MUTATIONS)(result, random, other)
  return result
}

/** A number at a border of its type, or one that is near `value`. */
export function oddNumber(random: Random, value = 0n): bigint {
  if (random.once(2)) return random.pick(BORDERS)
  return value + BigInt(random.below(17)) - 8n
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
  return bytes
}

function writeNumber(bytes: Buffer, random: Random): Buffer {
  const width = random.pick([1, 2, 4, 8])
  if (bytes.length < width) return bytes
  const at = random.below(bytes.length - width + 1)
  const number = Buffer.alloc(8)
  number.writeBigUInt64LE(BigInt.asUintN(64, oddNumber(random)))
  const little = number.subarray(0, width)
  bytes.set(random.once(4) ? Buffer.from(little).reverse() : little, at)
  return bytes
}

function truncate(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random.below(bytes.length + 1))
}

function cut(bytes: Buffer, random: Random): Buffer {
  const [from, to] = stretch(bytes, random)
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
}

function insert(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), random.bytes(random.small(1, 64)), bytes.subarray(at)])
}

/** Copies a stretch to somewhere else, over what is there or before it. */
function move(bytes: Buffer, random: Random): Buffer {
  const [from, to] = stretch(bytes, random)
  const at = random.below(bytes.length + 1)
  const rest = random.once(2) ? at : at + to - from
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(rest)])
}

/** The beginning of this and the end of another. */
function splice(bytes: Buffer, random: Random, other: Buffer): Buffer {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), other.subarray(random.once(2) ? at : random.below(other.length + 1))])
}

function stretch(bytes: Buffer, random: Random): [from: number, to: number] {
  const length = random.small(1, Math.max(1, Math.min(bytes.length, 4096)))
  const from = random.below(bytes.length - length + 1)
  return [from, from + length]
}
