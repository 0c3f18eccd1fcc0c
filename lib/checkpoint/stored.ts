import { DESCRIBE, describeShape } from '../util/check.js'
import type { Fail } from './failure.js'
import { pastLimit, type CheckpointLimits } from './limits.js'
import { ELEMENT_TYPES, type ElementType } from './element_types.js'

interface Stretch {
  /** The file, or the buffer that was given in its place. */
  readonly source: string | Uint8Array
  /** Byte offset in the file. It may be odd: nothing promises alignment. */
  readonly offset: number
  /** Bytes in the file; as many as the storage has, unless it is deflated. */
  readonly length: number
}

/** Where the bytes of a storage lie. `entry` names the archive entry, for messages; only archives have entries. */
export type StoredRecord =
  | (Stretch & { readonly method: 'stored'; readonly entry: string | undefined })
  | (Stretch & { readonly method: 'deflated'; readonly entry: string })

/** The memory behind one or more tensors of a checkpoint, still in the file. */
export class StoredStorage {
  /** Its name in the file. */
  readonly key: string
  /** Element type by which the file counts; `uint8` where it counts bytes. */
  readonly dtype: string
  /** Bytes. */
  readonly nbytes: number
  /** Device on which Python had it, such as `cuda:0`. It is read to the CPU. */
  readonly location: string
  /** Byte order of its elements. */
  readonly byteOrder: 'little' | 'big'
  readonly record: StoredRecord

  constructor(fields: {
    readonly key: string
    readonly dtype: string
    readonly nbytes: number
    readonly location: string
    readonly byteOrder: 'little' | 'big'
    readonly record: StoredRecord
  }) {
    this.key = fields.key
    this.dtype = fields.dtype
    this.nbytes = fields.nbytes
    this.location = fields.location
    this.byteOrder = fields.byteOrder
    this.record = fields.record
  }

  [DESCRIBE](): string {
    return `a storage of ${this.nbytes} bytes`
  }
}

/** What makes a {@link StoredTensor}; all checked by {@link checkGeometry}. */
export interface StoredTensorFields {
  readonly storage: StoredStorage
  readonly dtype: string
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly storageOffset: number
  readonly requiresGrad: boolean
}

/**
 * A tensor of a checkpoint that has not been read: what it is and where its bytes lie.
 *
 * Tensors that share a {@link StoredStorage} shared memory in Python.
 */
export class StoredTensor {
  readonly storage: StoredStorage
  /** Element type by PyTorch's name; not always one of `DTYPES`, such as `complex64` or `float8_e4m3fn`. */
  readonly dtype: string
  readonly shape: readonly number[]
  /** In elements. */
  readonly strides: readonly number[]
  /** In elements of `dtype`. */
  readonly storageOffset: number
  readonly requiresGrad: boolean
  /** It was a `torch.nn.Parameter`. */
  readonly isParameter: boolean

  constructor(fields: StoredTensorFields, { isParameter = false } = {}) {
    this.storage = fields.storage
    this.dtype = fields.dtype
    this.shape = fields.shape
    this.strides = fields.strides
    this.storageOffset = fields.storageOffset
    this.requiresGrad = fields.requiresGrad
    this.isParameter = isParameter
  }

  /** The same tensor as a `torch.nn.Parameter`. */
  asParameter(requiresGrad: boolean): StoredTensor {
    const { storage, dtype, shape, strides, storageOffset } = this
    return new StoredTensor({ storage, dtype, shape, strides, storageOffset, requiresGrad }, { isParameter: true })
  }

  /** Number of elements. */
  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1)
  }

  /** Bytes of its elements, which for a view is less than its storage has. */
  get nbytes(): number {
    const { bytes, packed } = ELEMENT_TYPES.get(this.dtype) ?? { bytes: 1, packed: 1 }
    return Math.ceil(this.numel / packed) * bytes
  }

  [DESCRIBE](): string {
    return `${this.dtype} ${describeShape(this.shape)}`
  }
}

/**
 * Refuses a tensor that reaches outside its storage. All products are exact: a hostile shape cannot overflow into
 * something small.
 */
export function checkGeometry(
  { storage, dtype, shape, strides, storageOffset }: StoredTensorFields,
  type: ElementType,
  limits: CheckpointLimits,
  fail: Fail,
): void {
  const name = (): string => `A ${dtype} tensor of shape ${describeShape(shape)}`
  if (strides.length !== shape.length) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `${name()} has ${strides.length} strides`)
  }
  const { numel, last } = extentOf(shape, strides, storageOffset)
  if (Number(numel) === 0 && !isProductSafe(shape)) {
    throw fail('TORCH_CHECKPOINT_CORRUPT', `${name()} has sizes whose product is past 2^63`)
  }
  const elements = Math.floor(storage.nbytes / type.bytes) * type.packed
  // PyTorch keeps the offset of a slice that has no elements, wherever it points.
  const inside = Number(numel) === 0 || last < elements
  if (!inside) {
    const where = `strides ${describeShape(strides)} and offset ${storageOffset}`
    throw fail('TORCH_CHECKPOINT_CORRUPT', `${name()}, ${where} reaches outside its storage of ${elements} elements`)
  }
  const bytes = bytesOf(numel, type)
  if (bytes > storage.nbytes && bytes > limits.expandedBytes) {
    throw pastLimit(fail, limits, 'expandedBytes', `${name()} claims ${bytes} bytes of a storage of ${storage.nbytes}`)
  }
}

/** Tells whether sizes can be multiplied in 64 bits, zeros left out: libtorch multiplies them in order, and a zero may come last. */
export function isProductSafe(shape: readonly number[]): boolean {
  return shape.reduce((product, size) => product * Math.max(size, 1), 1) < 2 ** 63
}

/** Whole bytes, rounded down where elements share one. */
function bytesOf(numel: number | bigint, { bytes, packed }: ElementType): number | bigint {
  const product = typeof numel === 'number' ? numel * bytes : NaN
  return Number.isSafeInteger(product) ? Math.floor(product / packed) : (BigInt(numel) * BigInt(bytes)) / BigInt(packed)
}

interface Extent {
  /** Number of elements. */
  readonly numel: number | bigint
  /** Element of the storage that is the last of the tensor's. */
  readonly last: number | bigint
}

/** As integers of any size where doubles are not exact; those cost memory, which thousands of small tensors would notice. */
function extentOf(shape: readonly number[], strides: readonly number[], storageOffset: number): Extent {
  let numel = 1
  let last = storageOffset
  let isExact = true
  for (let dim = 0; dim < shape.length; dim++) {
    const size = shape[dim] ?? 0
    const step = (size - 1) * (strides[dim] ?? 0)
    numel *= size
    last += step
    isExact &&= Number.isSafeInteger(numel) && Number.isSafeInteger(step) && Number.isSafeInteger(last)
  }
  if (isExact) return { numel, last }
  return {
    numel: shape.reduce((product, size) => product * BigInt(size), 1n),
    last: shape.reduce((sum, size, dim) => sum + BigInt(size - 1) * BigInt(strides[dim] ?? 0), BigInt(storageOffset)),
  }
}
