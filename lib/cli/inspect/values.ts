import { openSource, type ByteSource } from '../../checkpoint/source.js'
import type { StoredTensor } from '../../checkpoint/stored.js'
import { ELEMENT_TYPES } from '../../checkpoint/element_types.js'
import { readEntry } from '../../checkpoint/zip/archive.js'
import { isUint32Array } from '../../util/realm.js'

/** Numbers of elements that no healthy weight has. */
export interface NotFinite {
  readonly nan: number
  readonly infinite: number
}

/** A multiple of the size of every element type, and small enough not to block the event loop. */
const CHUNK_BYTES = 2 ** 20

/** Bits of a float that is not finite: without the sign, infinity is one pattern, and every larger pattern is NaN. */
interface FloatBits {
  readonly magnitude: number
  readonly infinity: number
}

const FLOATS: ReadonlyMap<string, FloatBits> = new Map([
  ['float16', { magnitude: 0x7fff, infinity: 0x7c00 }],
  ['bfloat16', { magnitude: 0x7fff, infinity: 0x7f80 }],
  ['float32', { magnitude: 0x7fffffff, infinity: 0x7f800000 }],
  ['float64', { magnitude: 0x7fffffff, infinity: 0x7ff00000 }],
])

/** Type of the two parts of a complex number. */
const PARTS: Readonly<Record<string, string>> = { complex32: 'float16', complex64: 'float32', complex128: 'float64' }

/** Tells whether elements of `dtype` can be NaN or infinite. */
export function canBeChecked(dtype: string): boolean {
  return FLOATS.has(PARTS[dtype] ?? dtype)
}

/**
 * Counts NaN and infinities in stored tensors without libtorch, chunk by chunk, in the order of `tensors`.
 *
 * The gaps of a view are counted, too.
 */
export async function countNotFinite(tensors: readonly StoredTensor[], signal: AbortSignal): Promise<NotFinite[]> {
  const sources = new Map<string | Uint8Array, ByteSource>()
  try {
    const counts: NotFinite[] = []
    for (const tensor of tensors) {
      const file = tensor.storage.record.source
      const source = sources.get(file) ?? (await openSource(file))
      sources.set(file, source)
      counts.push(await countInTensor(tensor, source, signal))
    }
    return counts
  } finally {
    for (const source of sources.values()) await source.close()
  }
}

async function countInTensor(tensor: StoredTensor, source: ByteSource, signal: AbortSignal): Promise<NotFinite> {
  const dtype = PARTS[tensor.dtype] ?? tensor.dtype
  const bits = FLOATS.get(dtype)
  const itemSize = ELEMENT_TYPES.get(dtype)?.bytes ?? 1
  if (bits === undefined) return { nan: 0, infinite: 0 }

  let nan = 0
  let infinite = 0
  for await (const chunk of chunksOf(tensor, source)) {
    signal.throwIfAborted()
    if (tensor.storage.byteOrder === 'big') swap(chunk, itemSize)
    const { buffer, byteOffset, byteLength } = chunk
    const words =
      itemSize === 2
        ? new Uint16Array(buffer, byteOffset, byteLength / 2)
        : new Uint32Array(buffer, byteOffset, byteLength / 4)
    const found = isUint32Array(words) && itemSize === 8 ? countIn64(words, bits) : countIn(words, bits)
    nan += found.nan
    infinite += found.infinite
  }
  return { nan, infinite }
}

/** Gives the bytes from the first element of a tensor to its last. Each chunk has its own memory, and is aligned. */
async function* chunksOf(tensor: StoredTensor, source: ByteSource): AsyncGenerator<Uint8Array> {
  const itemSize = ELEMENT_TYPES.get(tensor.dtype)?.bytes ?? 1
  const begin = tensor.storageOffset * itemSize
  const end = begin + spanOf(tensor) * itemSize
  const { method, offset, entry: name, length: compressedSize } = tensor.storage.record
  if (method === 'deflated') {
    const entry = { name, method, dataOffset: offset, compressedSize, size: tensor.storage.nbytes }
    yield (await readEntry(source, entry)).slice(begin, end)
    return
  }
  for (let at = begin; at < end; at += CHUNK_BYTES) {
    yield await source.read(offset + at, Math.min(CHUNK_BYTES, end - at))
  }
}

/** Bytes that are read to check a tensor: from its first element to its last, or the whole storage where that is deflated. */
export function bytesToCheck(tensor: StoredTensor): number {
  const { record, nbytes } = tensor.storage
  return record.method === 'deflated' ? nbytes : spanOf(tensor) * (ELEMENT_TYPES.get(tensor.dtype)?.bytes ?? 1)
}

/** Number of elements from the first to the last, both included. */
function spanOf({ shape, strides, numel }: StoredTensor): number {
  if (numel === 0) return 0
  return shape.reduce((last, size, dim) => last + (size - 1) * (strides[dim] ?? 0), 1)
}

function countIn(words: Uint16Array | Uint32Array, { magnitude, infinity }: FloatBits): NotFinite {
  let nan = 0
  let infinite = 0
  for (const bits of words) {
    const word = bits & magnitude
    if (word < infinity) continue
    if (word === infinity) infinite++
    else nan++
  }
  return { nan, infinite }
}

/** The upper half holds sign, exponent and the top of the fraction; the lower half matters only where the upper is infinity's. */
function countIn64(words: Uint32Array, { magnitude, infinity }: FloatBits): NotFinite {
  let nan = 0
  let infinite = 0
  for (let index = 0; index < words.length; index += 2) {
    const upper = (words[index + 1] ?? 0) & magnitude
    if (upper < infinity) continue
    if (upper === infinity && words[index] === 0) infinite++
    else nan++
  }
  return { nan, infinite }
}

function swap(bytes: Uint8Array, itemSize: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (itemSize === 2) buffer.swap16()
  else if (itemSize === 4) buffer.swap32()
  else buffer.swap64()
}
