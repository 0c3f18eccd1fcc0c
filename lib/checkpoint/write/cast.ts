import { failure, type FaultLocation } from '../failure.js'
import { DECODERS } from '../decoders.js'
import { littleEndian, savableStorage, type SavableStorage, type TensorHeader } from './savable.js'
import { ELEMENT_TYPES } from '../element_types.js'
import type { StoredStorage, StoredTensor } from '../stored.js'
import { isFloat32Array } from '../../util/realm.js'

/** Element types that tensors can be cast to without libtorch. */
export type CastType = 'float16' | 'bfloat16'

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** A stored tensor whose elements are cast when they are written. */
export interface CastTensor {
  readonly facts: TensorHeader
  readonly storage: SavableStorage
}

/** Bits of a float32 without its sign. */
const INFINITE = 0x7f800000

/** Tells whether elements of `dtype` are floating point numbers, as `torch.dtype.is_floating_point` does. */
export function isFloatingPoint(dtype: string): boolean {
  return /^b?float/.test(dtype)
}

/**
 * Casts stored tensors as `Tensor.to(dtype)` does, chunk by chunk and without libtorch: to the nearest number, of two as
 * near to the even one, and past the largest to infinity. A float64 goes by way of float32, as in PyTorch. **A NaN stays
 * one, but which of them PyTorch leaves to the CPU.**
 *
 * Tensors that shared memory share it afterwards.
 */
export class Caster {
  readonly dtype: CastType
  /** By the key of a tensor, how many of its finite numbers became infinite; known when all is written. */
  readonly overflowed = new Map<string, number>()
  readonly #storages = new Map<StoredStorage, Map<string, SavableStorage>>()

  constructor(dtype: CastType) {
    this.dtype = dtype
  }

  /**
   * Casts a tensor with its whole storage; gives undefined for one that has the type already, or no floating point type.
   *
   * @throws {CheckpointError} `TORCH_CHECKPOINT_UNSUPPORTED` for floating point numbers that PyTorch cannot cast either.
   */
  cast(key: string, tensor: StoredTensor, place: FaultLocation): CastTensor | undefined {
    if (!this.changes(key, tensor.dtype, place)) return undefined
    const { shape, strides, storageOffset, requiresGrad, isParameter } = tensor
    const facts = { dtype: this.dtype, shape, strides, storageOffset, requiresGrad, isParameter }
    return { facts, storage: this.#storage(key, tensor) }
  }

  /** Tells whether the elements of the tensor `key` of type `dtype` are cast; throws as {@link cast} does. */
  changes(key: string, dtype: string, place: FaultLocation): boolean {
    if (!isFloatingPoint(dtype) || dtype === this.dtype) return false
    if (DECODERS.has(dtype)) return true
    throw failure('TORCH_CHECKPOINT_UNSUPPORTED', place, `Tensor ${key} is of type ${dtype}, which cannot be cast`)
  }

  /**
   * Casts elements of `dtype`, little-endian, that `chunks` gives; each chunk holds whole elements. What is given is good until
   * the next one is asked for.
   */
  async *castChunks(key: string, dtype: string, chunks: Chunks): AsyncGenerator<Uint8Array> {
    const decode = DECODERS.get(dtype)
    let buffer = new Uint16Array(0)
    for await (const chunk of chunks) {
      const numbers = decode?.(chunk)
      const singles = isFloat32Array(numbers) ? numbers : Float32Array.from(numbers as Float64Array)
      if (buffer.length < singles.length) buffer = new Uint16Array(singles.length)
      const words = buffer.subarray(0, singles.length)
      if (this.dtype === 'float16') halves(singles, words)
      else brains(singles, words)
      const lost = overflows(numbers as Float32Array | Float64Array, words, this.dtype === 'float16' ? 0x7c00 : 0x7f80)
      if (lost > 0) this.overflowed.set(key, (this.overflowed.get(key) ?? 0) + lost)
      yield littleEndian(new Uint8Array(words.buffer, 0, words.byteLength), 2)
    }
  }

  /** A storage that tensors of two types share becomes two. */
  #storage(key: string, { storage, dtype }: StoredTensor): SavableStorage {
    const byType = this.#storages.get(storage) ?? new Map<string, SavableStorage>()
    this.#storages.set(storage, byType)
    const known = byType.get(dtype)
    if (known !== undefined) return known
    const { bytes: itemSize, swapped } = ELEMENT_TYPES.get(dtype) ?? { bytes: 1, swapped: 1 }
    const original = savableStorage(storage)
    const cast: SavableStorage = {
      identity: {},
      nbytes: Math.floor(storage.nbytes / itemSize) * 2,
      chunks: (length) => this.castChunks(key, dtype, original.chunks((length / 2) * itemSize, swapped)),
    }
    byType.set(dtype, cast)
    return cast
  }
}

/** Numbers that are finite in `from` and infinite in `to`. */
function overflows(from: Float32Array | Float64Array, to: Uint16Array, infinity: number): number {
  let count = 0
  for (let index = 0; index < to.length; index++) {
    if (((to[index] ?? 0) & 0x7fff) === infinity && Number.isFinite(from[index])) count++
  }
  return count
}

function halves(singles: Float32Array, result: Uint16Array): void {
  const words = new Uint32Array(singles.buffer, singles.byteOffset, singles.length)
  for (let index = 0; index < words.length; index++) result[index] = half(words[index] ?? 0)
}

/** Makes a float16 of a float32, both as bits. */
function half(bits: number): number {
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  // A NaN keeps its upper bits and becomes a quiet one.
  if (magnitude > INFINITE) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff)
  // 65520 is as near to 65504, the largest, as to 65536, which is infinite and even.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  // Half of the least one and below.
  if (magnitude < 0x33000000) return sign
  const shift = 126 - (magnitude >>> 23)
  const fraction = (magnitude & 0x7fffff) | 0x800000
  return sign | ((fraction + 2 ** (shift - 1) - 1 + ((fraction >>> shift) & 1)) >>> shift)
}

/** Makes bfloat16 of float32: the upper half of its bits, rounded. */
function brains(singles: Float32Array, result: Uint16Array): void {
  const words = new Uint32Array(singles.buffer, singles.byteOffset, singles.length)
  for (let index = 0; index < words.length; index++) {
    const bits = words[index] ?? 0
    const isNan = (bits & 0x7fffffff) > INFINITE
    result[index] = (isNan ? bits | 0x400000 : bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
  }
}
