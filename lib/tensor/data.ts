import { checkShape, expected } from '../util/check.js'
import { typedArrayName } from '../util/realm.js'
import { arrayTypeOf, isFloatingPoint, type DType } from '../util/dtype.js'

/** A number, bigint or boolean, or arrays of them. */
export type NestedData = number | bigint | boolean | readonly NestedData[]

/** The typed arrays whose elements are those of some dtype; a `Uint16Array` holds the bits of 16-bit floats. */
export type TypedData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array

/** Data of which a tensor can be made. */
export type TensorData = NestedData | TypedData

/**
 * The dtype that goes without saying for some data: numbers are float32, bigints int64, booleans bool, typed arrays what
 * their elements are.
 */
export type DTypeOfData<T> = DTypeOfElement<ElementOf<T>>

type DTypeOfElement<E> = E extends number | Float32Array
  ? 'float32'
  : E extends Float64Array
    ? 'float64'
    : E extends Int8Array
      ? 'int8'
      : E extends Int16Array
        ? 'int16'
        : E extends Int32Array
          ? 'int32'
          : E extends bigint | BigInt64Array
            ? 'int64'
            : E extends Uint8Array | Uint8ClampedArray
              ? 'uint8'
              : E extends boolean
                ? 'bool'
                : DType

// Not recursive, as the types of users may be: `NestedArray` is.
type ElementOf<T> = ItemOrSelf<ItemOrSelf<ItemOrSelf<ItemOrSelf<ItemOrSelf<ItemOrSelf<T>>>>>>
type ItemOrSelf<T> = T extends readonly [] ? number : T extends readonly (infer Item)[] ? Item : T

/** Elements in row-major order, ready to be copied. */
export interface DataBytes {
  readonly bytes: ArrayBufferView
  readonly shape: readonly number[]
  /** The dtype of `bytes`. */
  readonly stored: DType
  /** The dtype to convert to. */
  readonly wanted: DType
}

// What recursion over nested arrays may reach: a tensor has at most 64 dimensions in PyTorch.
const MAX_DIMENSIONS = 64

const INTEGER_RANGE: Partial<Record<DType, readonly [bigint, bigint]>> = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 255n],
}

/**
 * Reads data into row-major bytes.
 *
 * @param dtype - What the tensor is to be. Default: what goes without saying for the data.
 * @param shape - What the tensor is to be. Default: the nesting of the data.
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the nesting is uneven, or a value does not fit.
 */
export function toBytes(data: TensorData, dtype?: DType, shape?: readonly number[]): DataBytes {
  const { bytes, stored, nested } = ArrayBuffer.isView(data) ? ofTypedArray(data, dtype) : ofNested(data, dtype)
  const count = nested.reduce((product, size) => product * size, 1)
  if (shape !== undefined) {
    const wanted = checkShape('shape', shape).reduce((product, size) => product * size, 1)
    if (wanted !== count) throw expected(`a shape of ${count} elements`, 'shape', shape)
  }
  return { bytes, shape: shape ?? nested, stored, wanted: dtype ?? stored }
}

/** Gives the dtype of the elements of a typed array; undefined for a `Uint16Array`, whose bits may mean two, and others. */
export function dtypeOfArray(array: unknown): DType | undefined {
  return DTYPE_OF_ARRAY[typedArrayName(array) ?? '']
}

/** Tells whether the elements of a typed array can be those of a tensor of `dtype`. */
export function holdsDType(array: unknown, dtype: DType): boolean {
  const name = typedArrayName(array)
  return name === arrayTypeOf(dtype).name || (name === 'Uint8ClampedArray' && dtype === 'uint8')
}

const DTYPE_OF_ARRAY: Readonly<Record<string, DType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Int8Array: 'int8',
  Int16Array: 'int16',
  Int32Array: 'int32',
  BigInt64Array: 'int64',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
}

interface Elements {
  readonly bytes: ArrayBufferView
  readonly stored: DType
  readonly nested: readonly number[]
}

function ofTypedArray(data: ArrayBufferView, dtype: DType | undefined): Elements {
  // A Uint16Array holds the bits of a 16-bit float, of which only the caller knows the kind.
  const stored = dtypeOfArray(data) ?? (dtype !== undefined && holdsDType(data, dtype) ? dtype : undefined)
  if (stored === undefined || !('length' in data) || typeof data.length !== 'number') {
    throw expected('a typed array of a known dtype (Uint16Array needs dtype float16 or bfloat16)', 'data', data)
  }
  return { bytes: data, stored, nested: [data.length] }
}

function ofNested(data: TensorData, dtype: DType | undefined): Elements {
  const nested: number[] = []
  for (let level: unknown = data; isArray(level); level = level[0]) {
    if (nested.length === MAX_DIMENSIONS) throw expected(`at most ${MAX_DIMENSIONS} dimensions`, 'data', data)
    nested.push(level.length)
  }
  const values: unknown[] = []
  collect(data, nested, 0, values)
  const goal = dtype ?? dtypeOfValues(values)
  // 16-bit floats are rounded by libtorch, from what JavaScript can write.
  const stored = goal === 'float16' || goal === 'bfloat16' ? 'float32' : goal
  return { bytes: write(values, stored), stored, nested }
}

function collect(data: unknown, nested: readonly number[], depth: number, values: unknown[]): void {
  const size = nested[depth]
  if (size === undefined) {
    if (!['number', 'bigint', 'boolean'].includes(typeof data))
      throw expected('numbers, bigints or booleans', 'data', data)
    values.push(data)
    return
  }
  if (!Array.isArray(data) || data.length !== size) {
    throw expected(`arrays of ${size} elements at depth ${depth + 1}`, 'data', data)
  }
  for (const item of data) collect(item, nested, depth + 1, values)
}

function dtypeOfValues(values: readonly unknown[]): DType {
  if (values.length === 0 || values.some((value) => typeof value === 'number')) return 'float32'
  return values.some((value) => typeof value === 'bigint') ? 'int64' : 'bool'
}

function write(values: readonly unknown[], dtype: DType): ArrayBufferView {
  const array = new (arrayTypeOf(dtype))(values.length)
  values.forEach((value, index) => {
    array[index] = convert(value, dtype)
  })
  return array
}

function convert(value: unknown, dtype: DType): number | bigint {
  if (dtype === 'bool') return value === 0 || value === 0n || value === false ? 0 : 1
  if (isFloatingPoint(dtype)) return Number(value)
  const whole = typeof value === 'boolean' ? BigInt(value) : typeof value === 'bigint' ? value : wholeOf(value, dtype)
  const [lowest, highest] = INTEGER_RANGE[dtype] ?? [0n, 0n]
  if (whole < lowest || whole > highest)
    throw expected(`integers from ${lowest} to ${highest} for ${dtype}`, 'data', value)
  return dtype === 'int64' ? whole : Number(whole)
}

// Unlike the built-in one it narrows `unknown` to an array of unknowns.
function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function wholeOf(value: unknown, dtype: DType): bigint {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw expected(`integers for ${dtype}`, 'data', value)
  return BigInt(value)
}
