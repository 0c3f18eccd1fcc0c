import { checkShape, expected } from '../check.js'
import { arrayTypeOf, isFloatingPoint, type DType } from '../dtype.js'

/** Data of which a tensor can be made. */
export type TensorData =
  | number
  | bigint
  | boolean
  | readonly TensorData[]
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array

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
 * @param bitsOf - What the bits of a typed array mean, where its type leaves that open.
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the nesting is uneven, or a value does not fit.
 */
export function toBytes(data: TensorData, dtype?: DType, shape?: readonly number[], bitsOf?: DType): DataBytes {
  const { bytes, stored, nested } = ArrayBuffer.isView(data) ? ofTypedArray(data, dtype, bitsOf) : ofNested(data, dtype)
  const count = nested.reduce((product, size) => product * size, 1)
  if (shape !== undefined) {
    const wanted = checkShape('shape', shape).reduce((product, size) => product * size, 1)
    if (wanted !== count) throw expected(`a shape of ${count} elements`, 'shape', shape)
  }
  return { bytes, shape: shape ?? nested, stored, wanted: dtype ?? stored }
}

type Elements = { bytes: ArrayBufferView; stored: DType; nested: readonly number[] }

function ofTypedArray(data: ArrayBufferView, dtype: DType | undefined, bitsOf: DType | undefined): Elements {
  const stored = bitsOf ?? dtypeOfArray(data, dtype)
  if (stored === undefined || !('length' in data) || typeof data.length !== 'number') {
    throw expected('a typed array of a known dtype (Uint16Array needs dtype float16 or bfloat16)', 'data', data)
  }
  return { bytes: data, stored, nested: [data.length] }
}

function dtypeOfArray(data: ArrayBufferView, dtype: DType | undefined): DType | undefined {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Float64Array) return 'float64'
  if (data instanceof Int8Array) return 'int8'
  if (data instanceof Int16Array) return 'int16'
  if (data instanceof Int32Array) return 'int32'
  if (data instanceof BigInt64Array) return 'int64'
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return 'uint8'
  // The bits of a 16-bit float, of which only the caller knows the kind.
  if (data instanceof Uint16Array && (dtype === 'float16' || dtype === 'bfloat16')) return dtype
  return undefined
}

function ofNested(data: TensorData, dtype: DType | undefined): Elements {
  const nested: number[] = []
  for (let level: TensorData | undefined = data; Array.isArray(level); level = level[0]) {
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
  if (values.length > 0 && values.every((value) => typeof value === 'boolean')) return 'bool'
  if (values.length > 0 && values.every((value) => typeof value === 'bigint')) return 'int64'
  return 'float32'
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

function wholeOf(value: unknown, dtype: DType): bigint {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw expected(`integers for ${dtype}`, 'data', value)
  return BigInt(value)
}
