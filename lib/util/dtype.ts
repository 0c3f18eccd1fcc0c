import { checkOneOf } from './check.js'

/** The element types of a tensor, by PyTorch's names. The order is the one of the table in `native/dtype.h`. */
export const DTYPES = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'bool',
] as const

/** An element type of a tensor. */
export type DType = (typeof DTYPES)[number]

/** The typed array whose elements have the same bits; 16-bit floats come as `Uint16Array`, bool as `Uint8Array`. */
export interface TypedArrayByDType {
  float32: Float32Array
  float64: Float64Array
  float16: Uint16Array
  bfloat16: Uint16Array
  int8: Int8Array
  int16: Int16Array
  int32: Int32Array
  int64: BigInt64Array
  uint8: Uint8Array
  bool: Uint8Array
}

/** The typed array of elements of `D`; see {@link TypedArrayByDType}. */
export type TypedArrayOf<D extends DType> = TypedArrayByDType[D]

/** What `item()` gives for `D`: bigint for int64, boolean for bool, else number. */
export type ItemOf<D extends DType> = D extends 'int64' ? bigint : D extends 'bool' ? boolean : number

/** Bytes of one element. */
export const ITEM_SIZE: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
}

/** Tells whether `dtype` is float16, bfloat16, float32 or float64. */
export function isFloatingPoint(dtype: DType): boolean {
  return dtype.includes('float')
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is one of {@link DTYPES}. */
export function checkDType(name: string, value: unknown): DType {
  return checkOneOf(name, value, DTYPES)
}

const ARRAY_TYPES = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const

/** The constructor of {@link TypedArrayOf}. */
export function arrayTypeOf(dtype: DType): (typeof ARRAY_TYPES)[DType] {
  return ARRAY_TYPES[dtype]
}
