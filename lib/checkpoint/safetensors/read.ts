import { isMap } from '../../util/realm.js'
import { setImmediate } from 'node:timers/promises'

import { quote } from '../../util/check.js'
import { Budget, TENSOR_BYTES } from '../budget.js'
import type { CheckpointContents } from '../contents.js'
import { failAt, failure, type Fail } from '../failure.js'
import { readJson, type JsonValue } from './json.js'
import { pastLimit, type CheckpointLimits } from '../limits.js'
import { METADATA_KEY, SAFETENSORS_TYPES, type SafetensorsType } from './types.js'
import type { ByteSource } from '../source.js'
import { isProductSafe, StoredStorage, StoredTensor } from '../stored.js'

/** The header follows its own length, a little-endian 64-bit integer. */
const LENGTH_BYTES = 8
const OPEN_OBJECT = 0x7b

/** About 2 ms of them. */
const TENSORS_PER_TURN = 500

const TYPES: ReadonlyMap<string, SafetensorsType> = new Map(SAFETENSORS_TYPES.map((type) => [type.name, type]))

/** What a safetensors file holds. */
export interface Safetensors extends CheckpointContents {
  /** In the order of their data, as the reference implementation gives them. */
  readonly root: Map<string, StoredTensor>
}

/**
 * Reads the header of a safetensors file: the length, JSON of the form
 * `{ "__metadata__": { text: text }, name: { "dtype", "shape", "data_offsets" } }`, then the data without gaps.
 *
 * @throws {CheckpointError} `TORCH_CHECKPOINT_CORRUPT` if a part is missing or contradicts another: a duplicate name,
 * data that overlap, leave a gap, or do not end with the file, a shape that does not fit its bytes.
 * `TORCH_CHECKPOINT_UNSUPPORTED` for an unknown element type; `TORCH_CHECKPOINT_LIMIT` past a limit.
 */
export async function readSafetensors(
  source: ByteSource,
  limits: CheckpointLimits,
  budget = new Budget(limits, source.size),
): Promise<Safetensors> {
  const header = await readHeader(source, limits, budget)
  const fail = failAt({ path: source.path })
  if (header.entries.size > limits.tensors) {
    throw pastLimit(fail, limits, 'tensors', `The checkpoint has ${header.entries.size} tensors`)
  }
  budget.takeMemory(TENSOR_BYTES * header.entries.size, fail)
  const infos: TensorInfo[] = []
  for (const [name, value] of header.entries) {
    infos.push(readInfo(name, value, limits, fail))
    if (infos.length % TENSORS_PER_TURN === 0) await setImmediate()
  }
  infos.sort((a, b) => compare(a.begin, b.begin) || compare(a.end, b.end))
  checkCover(infos, BigInt(source.size - header.end), fail)
  const root = new Map<string, StoredTensor>()
  for (const info of infos) {
    root.set(info.name, storedTensor(info, header.end, source, fail))
    if (root.size % TENSORS_PER_TURN === 0) await setImmediate()
  }
  return { format: 'safetensors', root, byteOrder: 'little', size: source.size, metadata: header.metadata }
}

interface Header {
  readonly entries: ReadonlyMap<string, JsonValue>
  readonly metadata: ReadonlyMap<string, string> | null
  /** Byte at which the data begin. */
  readonly end: number
}

async function readHeader(source: ByteSource, limits: CheckpointLimits, budget: Budget): Promise<Header> {
  const place = { path: source.path }
  const fail = failAt({ ...place, offset: 0 })
  if (source.size < LENGTH_BYTES) throw fail('TORCH_CHECKPOINT_CORRUPT', 'The file is truncated: it has no header')
  const lengthBytes = await source.read(0, LENGTH_BYTES)
  const length = new DataView(lengthBytes.buffer, lengthBytes.byteOffset).getBigUint64(0, true)
  if (length > BigInt(source.size - LENGTH_BYTES)) {
    const text = `The header claims ${length} bytes, but the file ends after ${source.size - LENGTH_BYTES}`
    throw fail('TORCH_CHECKPOINT_CORRUPT', text)
  }
  if (length > BigInt(limits.headerBytes))
    throw pastLimit(fail, limits, 'headerBytes', `The header has ${length} bytes`)
  const bytes = await source.read(LENGTH_BYTES, Number(length))
  if (bytes[0] !== OPEN_OBJECT) {
    throw failure(
      'TORCH_CHECKPOINT_CORRUPT',
      { ...place, offset: LENGTH_BYTES },
      'Expected a header that begins with {',
    )
  }
  const json = await readJson(bytes, { limits, budget, place, start: LENGTH_BYTES })
  const entries = isMap(json) ? json : new Map<string, JsonValue>()
  const metadata = readMetadata(entries.get(METADATA_KEY) ?? null, fail)
  entries.delete(METADATA_KEY)
  return { entries, metadata, end: LENGTH_BYTES + bytes.length }
}

function readMetadata(value: JsonValue, fail: Fail): ReadonlyMap<string, string> | null {
  if (value === null) return null
  if (!isMap(value)) throw fail('TORCH_CHECKPOINT_CORRUPT', 'Expected an object for __metadata__')
  const metadata = new Map<string, string>()
  for (const [key, text] of value) {
    if (typeof text !== 'string') {
      throw fail('TORCH_CHECKPOINT_CORRUPT', `Expected a string for ${quote(key)} of __metadata__`)
    }
    metadata.set(key, text)
  }
  return metadata
}

interface TensorInfo {
  readonly name: string
  readonly type: SafetensorsType
  readonly shape: readonly number[]
  /** In bytes of the data. */
  readonly begin: bigint
  readonly end: bigint
}

function readInfo(name: string, value: JsonValue, limits: CheckpointLimits, fail: Fail): TensorInfo {
  const corrupt = (text: string): Error => fail('TORCH_CHECKPOINT_CORRUPT', `Tensor ${quote(name)}: ${text}`)
  if (!isMap(value)) throw corrupt('Expected an object with dtype, shape and data_offsets')
  const typeName = value.get('dtype')
  if (typeof typeName !== 'string') throw corrupt('Expected a string for dtype')
  const type = TYPES.get(typeName)
  if (type === undefined) {
    const text = `Tensor ${quote(name)} is of type ${quote(typeName)}, which has no counterpart in PyTorch`
    throw fail('TORCH_CHECKPOINT_UNSUPPORTED', text)
  }
  const sizes = value.get('shape')
  if (!Array.isArray(sizes)) throw corrupt('Expected integers from 0 to 2^53 for shape')
  if (sizes.length > limits.dimensions) {
    throw pastLimit(fail, limits, 'dimensions', `Tensor ${quote(name)} has ${sizes.length} dimensions`)
  }
  if (!sizes.every(isSize)) throw corrupt('Expected integers from 0 to 2^53 for shape')
  const offsets = value.get('data_offsets')
  const [begin, end] = Array.isArray(offsets) ? offsets : []
  if (!Array.isArray(offsets) || offsets.length !== 2 || typeof begin !== 'bigint' || typeof end !== 'bigint') {
    throw corrupt('Expected two integers for data_offsets')
  }
  const bits = sizes.reduce((product, size) => product * size, BigInt(type.bits))
  if (bits !== (end - begin) * 8n) {
    const what = `${type.name} of shape (${sizes.join(', ')})`
    throw corrupt(`${what} has ${bits / 8n} bytes, but its data_offsets have ${end - begin}`)
  }
  return { name, type, shape: sizes.map(Number), begin, end }
}

/** Refuses data that lie outside the file, twice under two names, or under none: each hides something from someone. */
function checkCover(sorted: readonly TensorInfo[], dataBytes: bigint, fail: Fail): void {
  let covered = 0n
  for (const { name, begin, end } of sorted) {
    if (begin !== covered) {
      const what = begin < covered ? 'overlaps another' : 'leaves a gap before it'
      const text = `Tensor ${quote(name)} ${what}: its data begin at byte ${begin}, expected ${covered}`
      throw fail('TORCH_CHECKPOINT_CORRUPT', text)
    }
    covered = end
  }
  if (covered === dataBytes) return
  const text = `The tensors have ${covered} bytes, but ${dataBytes} follow the header`
  throw fail('TORCH_CHECKPOINT_CORRUPT', covered > dataBytes ? `The file is truncated: ${text}` : text)
}

function storedTensor(info: TensorInfo, dataOffset: number, source: ByteSource, fail: Fail): StoredTensor {
  const { name, type, begin, end } = info
  const shape = type.bits < 8 ? pairs(info, fail) : info.shape
  const offset = dataOffset + Number(begin)
  const nbytes = Number(end - begin)
  const record = {
    source: source.path ?? source.bytes ?? new Uint8Array(0),
    entry: undefined,
    offset,
    length: nbytes,
    method: 'stored',
  } as const
  const { dtype } = type
  const storage = new StoredStorage({ key: name, dtype, nbytes, location: 'cpu', byteOrder: 'little', record })
  const strides = contiguousStrides(shape)
  if (strides === undefined) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `Tensor ${quote(name)}: Expected a shape whose strides are below 2^53`)
  }
  if (!isProductSafe(shape)) {
    const text = `Tensor ${quote(name)}: Expected sizes whose product is below 2^63, found (${shape.join(', ')})`
    throw fail('TORCH_CHECKPOINT_CORRUPT', text)
  }
  return new StoredTensor({ storage, dtype, shape, strides, storageOffset: 0, requiresGrad: false })
}

/** The shape in elements of two halves each. */
function pairs({ name, shape }: TensorInfo, fail: Fail): number[] {
  const last = shape.at(-1) ?? 1
  if (last % 2 === 0) return [...shape.slice(0, -1), last / 2]
  throw fail('TORCH_CHECKPOINT_CORRUPT', `Tensor ${quote(name)}: Expected an even size for the last dimension of F4`)
}

/** Gives the strides of a row-major tensor, in elements; undefined if one is too large for a double. */
export function contiguousStrides(shape: readonly number[]): number[] | undefined {
  const strides: number[] = []
  let stride = 1n
  for (const size of [...shape].reverse()) {
    strides.unshift(Number(stride))
    stride *= BigInt(Math.max(size, 1))
  }
  return strides.every(Number.isSafeInteger) ? strides : undefined
}

function isSize(value: JsonValue): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}
