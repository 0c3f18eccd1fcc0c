import { endianness } from 'node:os'

/** Elements of a tensor as numbers, or as bigints where a double would not hold each. */
export type Numbers =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array

/** Gives the elements of `bytes`, row-major and little-endian. They may share its memory. */
export type Decode = (bytes: Uint8Array) => Numbers

type ElementArray = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Numbers

/**
 * How the elements of a type are read without libtorch. There is none for complex numbers, for quantized types, whose
 * numbers mean nothing without their scale, and for the packed float4.
 */
export const DECODERS: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['float32', viewed(Float32Array, 4)],
  ['float64', viewed(Float64Array, 8)],
  ['float16', tabled(2, () => tableOf(2 ** 16, (bits) => smallFloat(bits, HALF)))],
  ['bfloat16', brains],
  ['int8', viewed(Int8Array, 1)],
  ['int16', viewed(Int16Array, 2)],
  ['int32', viewed(Int32Array, 4)],
  ['int64', viewed(BigInt64Array, 8)],
  ['uint8', (bytes) => bytes],
  ['uint16', viewed(Uint16Array, 2)],
  ['uint32', viewed(Uint32Array, 4)],
  ['uint64', viewed(BigUint64Array, 8)],
  // Any byte but 0 is true, as in PyTorch.
  ['bool', (bytes) => bytes.map((byte) => Number(byte !== 0))],
  ['float8_e4m3fn', tabled(1, () => tableOf(256, (bits) => smallFloat(bits, { ...E4M3, special: 'nan' })))],
  ['float8_e5m2', tabled(1, () => tableOf(256, (bits) => smallFloat(bits, { ...E5M2, special: 'ieee' })))],
  ['float8_e4m3fnuz', tabled(1, () => tableOf(256, (bits) => unsignedZero(bits, { ...E4M3, bias: 8 })))],
  ['float8_e5m2fnuz', tabled(1, () => tableOf(256, (bits) => unsignedZero(bits, { ...E5M2, bias: 16 })))],
  ['float8_e8m0fnu', tabled(1, () => tableOf(256, (bits) => (bits === 255 ? NaN : 2 ** (bits - 127))))],
])

interface SmallFloat {
  readonly exponentBits: number
  readonly fractionBits: number
  readonly bias: number
  /** What the largest exponent means: infinity and NaN, NaN with the largest fraction only, or nothing special. */
  readonly special: 'ieee' | 'nan' | 'none'
}

const HALF: SmallFloat = { exponentBits: 5, fractionBits: 10, bias: 15, special: 'ieee' }
const E4M3 = { exponentBits: 4, fractionBits: 3, bias: 7, special: 'none' } as const
const E5M2 = { exponentBits: 5, fractionBits: 2, bias: 15, special: 'none' } as const

function smallFloat(bits: number, { exponentBits, fractionBits, bias, special }: SmallFloat): number {
  const sign = bits >> (exponentBits + fractionBits) === 0 ? 1 : -1
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1)
  const fraction = bits & (2 ** fractionBits - 1)
  if (exponent === 2 ** exponentBits - 1) {
    if (special === 'ieee') return fraction === 0 ? sign * Infinity : NaN
    if (special === 'nan' && fraction === 2 ** fractionBits - 1) return NaN
  }
  const scaled = fraction / 2 ** fractionBits
  return sign * (exponent === 0 ? scaled * 2 ** (1 - bias) : (1 + scaled) * 2 ** (exponent - bias))
}

/** In the types whose name ends in `uz`, what would be -0 is the only NaN. */
function unsignedZero(bits: number, format: SmallFloat): number {
  return bits === 0x80 ? NaN : smallFloat(bits, format)
}

function tableOf(length: number, value: (bits: number) => number): Float32Array {
  return Float32Array.from({ length }, (_, bits) => value(bits))
}

/** A table for each pattern of bits: it is made when it is needed, and then faster than arithmetic. */
function tabled(itemSize: 1 | 2, make: () => Float32Array): Decode {
  let table: Float32Array | undefined
  return (bytes) => {
    const values = (table ??= make())
    const codes = itemSize === 1 ? bytes : wordsOf(bytes)
    const numbers = new Float32Array(codes.length)
    for (let index = 0; index < codes.length; index++) numbers[index] = values[codes[index] ?? 0] ?? 0
    return numbers
  }
}

/** A bfloat16 is the upper half of a float32. */
function brains(bytes: Uint8Array): Float32Array {
  const words = wordsOf(bytes)
  const singles = new Uint32Array(words.length)
  for (let index = 0; index < words.length; index++) singles[index] = (words[index] ?? 0) << 16
  return new Float32Array(singles.buffer)
}

/** Gives 16-bit words of little-endian bytes. */
function wordsOf(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset, byteLength } = inHostOrder(bytes, 2)
  return new Uint16Array(buffer, byteOffset, byteLength / 2)
}

function viewed(Type: ElementArray, itemSize: number): Decode {
  return (bytes) => {
    const { buffer, byteOffset, byteLength } = inHostOrder(bytes, itemSize)
    return new Type(buffer, byteOffset, byteLength / itemSize)
  }
}

/** Gives bytes that a typed array can be laid over: aligned, and in the order of this machine. */
function inHostOrder(bytes: Uint8Array, itemSize: number): Uint8Array {
  const isLittle = endianness() === 'LE'
  const copy = !isLittle || bytes.byteOffset % itemSize !== 0 ? new Uint8Array(bytes) : bytes
  if (isLittle || itemSize === 1) return copy
  const buffer = Buffer.from(copy.buffer)
  if (itemSize === 2) buffer.swap16()
  else if (itemSize === 4) buffer.swap32()
  else buffer.swap64()
  return copy
}
