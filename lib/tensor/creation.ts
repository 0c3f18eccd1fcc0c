import { native, type TensorHandle } from '../binding.js'
import { checkInteger, checkNumber, checkOptions, checkShape, expected } from '../check.js'
import { checkDevice, type Device } from '../device.js'
import { arrayTypeOf, checkDType, type DType, type TypedArrayOf } from '../dtype.js'
import type { Generator } from '../random.js'
import { Tensor } from '../tensor.js'
import { toBytes, type TensorData } from './data.js'
import { handleOf } from './handle.js'

/** Where and of what a new tensor is made. */
export interface TensorOptions<D extends DType = 'float32'> {
  /** Default: `float32`. */
  readonly dtype?: D | undefined
  /** Default: `cpu`. */
  readonly device?: Device | undefined
}

/** Options of tensors that are filled by chance. */
export interface RandomOptions<D extends DType = 'float32'> extends TensorOptions<D> {
  /** Default: the generator of the process, which `manualSeed` seeds. */
  readonly generator?: Generator | undefined
}

/** The dtype that goes without saying for some data: numbers are float32, bigints int64, booleans bool. */
export type DTypeOfData<T> = T extends Float64Array
  ? 'float64'
  : T extends Int8Array
    ? 'int8'
    : T extends Int16Array
      ? 'int16'
      : T extends Int32Array
        ? 'int32'
        : T extends BigInt64Array
          ? 'int64'
          : T extends Uint8Array | Uint8ClampedArray
            ? 'uint8'
            : T extends bigint | readonly bigint[]
              ? 'int64'
              : T extends boolean | readonly boolean[]
                ? 'bool'
                : T extends Float32Array | number | readonly number[] | readonly (readonly number[])[]
                  ? 'float32'
                  : DType

/**
 * Copies data into a new tensor: a value, nested arrays of equal lengths, or a typed array. Follows `torch.tensor`.
 *
 * **Numbers become float32 unless `dtype` says otherwise**, since JavaScript cannot tell `1.0` from `1`; bigints become
 * int64, booleans bool, and typed arrays what their elements are. Elements of a 16-bit float given as a `Uint16Array`
 * are their bits.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if rows differ in length, or a value does not fit the dtype.
 */
export function tensor<const T extends TensorData>(
  data: T,
  options?: { readonly shape?: readonly number[] | undefined; readonly device?: Device | undefined },
): Tensor<DTypeOfData<T>>
export function tensor<D extends DType>(
  data: TensorData,
  options: { readonly dtype: D; readonly shape?: readonly number[] | undefined; readonly device?: Device | undefined },
): Tensor<D>
export function tensor(
  data: TensorData,
  options: TensorOptions<DType> & { readonly shape?: readonly number[] | undefined } = {},
): Tensor {
  checkOptions('tensor()', options, ['dtype', 'shape', 'device'])
  const { device = 'cpu' } = options
  const dtype = options.dtype === undefined ? undefined : checkDType('dtype', options.dtype)
  const { bytes, shape, stored, wanted } = toBytes(data, dtype, options.shape)
  const made = native.fromBytes(bytes, shape, stored, checkDevice('device', device))
  return new Tensor(stored === wanted ? made : converted(made, wanted))
}

/**
 * Makes a tensor that shares the memory of a typed array, in row-major order: each sees the other's writes.
 * Follows `torch.from_numpy`.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `shape` has another number of elements, or the array is not of `dtype`.
 */
export function fromArray<D extends DType>(
  array: TypedArrayOf<D>,
  shape: readonly number[],
  options: { readonly dtype: D },
): Tensor<D>
export function fromArray<const T extends ArrayBufferView & TensorData>(
  array: T,
  shape: readonly number[],
): Tensor<DTypeOfData<T>>
export function fromArray(
  array: ArrayBufferView & TensorData,
  shape: readonly number[],
  options: { readonly dtype?: DType | undefined } = {},
): Tensor {
  checkOptions('fromArray()', options, ['dtype'])
  const { stored } = toBytes(array, undefined, undefined, options.dtype)
  const ArrayType = arrayTypeOf(stored)
  if (!(array instanceof ArrayType)) throw expected(`a ${ArrayType.name}`, 'array', array)
  const count = checkShape('shape', shape).reduce((product, size) => product * size, 1)
  if (array.length !== count) throw expected(`a shape of ${array.length} elements`, 'shape', shape)
  return new Tensor(native.viewOfBytes(array, shape, stored))
}

/** Makes a tensor without setting its elements. */
export function empty<D extends DType = 'float32'>(
  shape: readonly number[],
  options: TensorOptions<D> = {},
): Tensor<D> {
  const { dtype, device } = target('empty()', options)
  return new Tensor<D>(native.empty(checkShape('shape', shape), dtype, device))
}

/** Makes a tensor of zeros. */
export function zeros<D extends DType = 'float32'>(
  shape: readonly number[],
  options: TensorOptions<D> = {},
): Tensor<D> {
  const { dtype, device } = target('zeros()', options)
  return new Tensor<D>(native.zeros(checkShape('shape', shape), dtype, device))
}

/** Makes a tensor of ones. */
export function ones<D extends DType = 'float32'>(shape: readonly number[], options: TensorOptions<D> = {}): Tensor<D> {
  return full(shape, 1, options)
}

/** Makes a tensor whose elements are all `value`. **The dtype does not follow from `value`.** */
export function full<D extends DType = 'float32'>(
  shape: readonly number[],
  value: number | bigint,
  options: TensorOptions<D> = {},
): Tensor<D> {
  const { dtype, device } = target('full()', options)
  if (typeof value !== 'number' && typeof value !== 'bigint') throw expected('a number', 'value', value)
  return new Tensor<D>(native.full(checkShape('shape', shape), value, dtype, device))
}

/** Makes a tensor of zeros of the shape, dtype and device of another. */
export function zerosLike<D extends DType>(other: Tensor<D>): Tensor<D> {
  return new Tensor<D>(native.zeros(other.shape, other.dtype, other.device))
}

/** Makes a tensor of ones of the shape, dtype and device of another. */
export function onesLike<D extends DType>(other: Tensor<D>): Tensor<D> {
  return new Tensor<D>(native.full(other.shape, 1, other.dtype, other.device))
}

/** Makes the 1-D tensor of the numbers from `start` to before `end`. Follows `torch.arange`. */
export function arange<D extends DType = 'float32'>(
  start: number,
  end: number,
  options: TensorOptions<D> & { readonly step?: number | undefined } = {},
): Tensor<D> {
  const { step = 1, ...rest } = options
  const { dtype, device } = target('arange()', rest)
  checkNumber('start', start)
  checkNumber('end', end)
  if (checkNumber('step', step) === 0) throw expected('a number other than 0', 'step', step)
  return new Tensor<D>(native.arange(start, end, step, dtype, device))
}

/** Draws each element evenly from 0 to below 1. Follows `torch.rand`. */
export function rand<D extends DType = 'float32'>(shape: readonly number[], options: RandomOptions<D> = {}): Tensor<D> {
  const { generator, ...rest } = options
  const { dtype, device } = target('rand()', rest)
  return new Tensor<D>(native.rand(checkShape('shape', shape), dtype, device, generator?.handle ?? null))
}

/** Draws each element from the normal distribution of mean 0 and deviation 1. Follows `torch.randn`. */
export function randn<D extends DType = 'float32'>(
  shape: readonly number[],
  options: RandomOptions<D> = {},
): Tensor<D> {
  const { generator, ...rest } = options
  const { dtype, device } = target('randn()', rest)
  return new Tensor<D>(native.randn(checkShape('shape', shape), dtype, device, generator?.handle ?? null))
}

/** Draws each element evenly from the integers from `low` to below `high`. Follows `torch.randint`. */
export function randint<D extends DType = 'int64'>(
  low: number,
  high: number,
  shape: readonly number[],
  options: RandomOptions<D> = {},
): Tensor<D> {
  const { generator, ...rest } = options
  const { dtype, device } = target('randint()', { dtype: 'int64', ...rest })
  checkInteger('low', low)
  if (checkInteger('high', high) <= low) throw expected(`an integer above low (${low})`, 'high', high)
  return new Tensor<D>(native.randint(low, high, checkShape('shape', shape), dtype, device, generator?.handle ?? null))
}

/** Joins tensors along a dimension that they have. Follows `torch.cat`. */
export function cat(tensors: readonly Tensor[], { dim = 0 }: { readonly dim?: number | undefined } = {}): Tensor {
  return new Tensor(native.cat(handlesOf(tensors), checkInteger('dim', dim)))
}

/** Joins tensors of one shape along a new dimension. Follows `torch.stack`. */
export function stack(tensors: readonly Tensor[], { dim = 0 }: { readonly dim?: number | undefined } = {}): Tensor {
  return new Tensor(native.stack(handlesOf(tensors), checkInteger('dim', dim)))
}

function target(name: string, options: TensorOptions<DType>): { dtype: DType; device: Device } {
  checkOptions(name, options, ['dtype', 'device'])
  const { dtype = 'float32', device = 'cpu' } = options
  return { dtype: checkDType('dtype', dtype), device: checkDevice('device', device) }
}

function handlesOf(tensors: readonly Tensor[]): TensorHandle[] {
  if (!Array.isArray(tensors) || tensors.length === 0) throw expected('an array of tensors', 'tensors', tensors)
  return tensors.map((item, index) => handleOf(item, `tensors[${index}]`))
}

function converted(handle: TensorHandle, dtype: DType): TensorHandle {
  try {
    return native.to(handle, dtype, null, false, null)
  } finally {
    native.dispose(handle)
  }
}
