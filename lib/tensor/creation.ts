import { markAsUntransferable } from 'node:worker_threads'

import { native } from '../libtorch/binding.js'
import type { GeneratorHandle, TensorHandle } from '../libtorch/handles.js'
import { checkBoolean, checkInteger, checkShape, expected } from '../util/check.js'
import { checkDevice, type Device } from '../util/device.js'
import { arrayTypeOf, checkDType, type DType, type TypedArrayOf } from '../util/dtype.js'
import { Signature } from '../util/signature.js'
import { generatorHandleOf, type Generator } from './random.js'
import { Tensor } from './tensor.js'
import { checkScalar } from './arithmetic.js'
import { dtypeOfArray, holdsDType, toBytes, type DTypeOfData, type TensorData, type TypedData } from './data.js'
import { checkCanRequireGrad } from './gradients.js'
import { handleOf } from './handle.js'
import { splitSizes } from './sizes.js'
import type { AlongOptions } from './views.js'

/** Where and of what a new tensor is made. */
export interface TensorOptions<D extends DType = 'float32'> {
  /** Default: `float32`. */
  readonly dtype?: D | undefined
  /** Default: `cpu`. */
  readonly device?: Device | undefined
  /** Whether gradients are computed for it. Default: `false`. */
  readonly requiresGrad?: boolean | undefined
}

/** Options of tensors that are filled by chance. */
export interface RandomOptions<D extends DType = 'float32'> extends TensorOptions<D> {
  /** Default: the generator of the process, which `manualSeed` seeds. */
  readonly generator?: Generator | undefined
}

/** Options of {@link tensor}. */
export interface TensorDataOptions<D extends DType | undefined> {
  /** Default: what goes without saying for the data; see {@link DTypeOfData}. */
  readonly dtype?: D | undefined
  /** Default: the nesting of the data, or one dimension for a typed array. */
  readonly shape?: readonly number[] | undefined
  /** Default: `cpu`. */
  readonly device?: Device | undefined
  /** Whether gradients are computed for it. Default: `false`. */
  readonly requiresGrad?: boolean | undefined
}

const TENSOR = new Signature<TensorDataOptions<DType | undefined>>('tensor', ['data'], {
  dtype: 'keyword',
  shape: 'keyword',
  device: 'keyword',
  requiresGrad: 'keyword',
})
const FROM_ARRAY = new Signature<{ readonly dtype?: DType | undefined }>('fromArray', ['array', 'shape'], {
  dtype: 'keyword',
})
const EMPTY = creation('empty')
const ZEROS = creation('zeros')
const ONES = creation('ones')
const FULL = creation('full', ['shape', 'value'])
const ARANGE = new Signature<ArangeOptions<DType>>('arange', ['start', 'end'], {
  step: 'position',
  dtype: 'keyword',
  device: 'keyword',
  requiresGrad: 'keyword',
})
const RAND = drawing('rand')
const RANDN = drawing('randn')
const RANDINT = drawing('randint', ['low', 'high', 'shape'])
const CAT = new Signature<AlongOptions>('cat', ['tensors'], { dim: 'position' })
const STACK = new Signature<AlongOptions>('stack', ['tensors'], { dim: 'position' })

/** What follows sizes that are given one after the other. */
type SizesThen<O> = [size: number, ...sizes: number[], options: O]

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
  options?: TensorDataOptions<undefined>,
): Tensor<DTypeOfData<T>>
export function tensor<D extends DType>(data: TensorData, options: TensorDataOptions<D>): Tensor<D>
export function tensor(data: TensorData, ...given: readonly unknown[]): Tensor {
  const options = TENSOR.read([data], given)
  const { device = 'cpu', requiresGrad = false } = options
  const dtype = options.dtype === undefined ? undefined : checkDType('dtype', options.dtype)
  const { bytes, shape, stored, wanted } = toBytes(data, dtype, options.shape)
  checkGradOption(wanted, requiresGrad)
  const made = native.fromBytes(bytes, shape, stored, checkDevice('device', device))
  return leaf(stored === wanted ? made : converted(made, wanted), requiresGrad)
}

/**
 * Makes a tensor that shares the memory of a typed array, in row-major order: each sees the other's writes.
 * Follows `torch.from_numpy`.
 *
 * The memory may be a SharedArrayBuffer, not a resizable ArrayBuffer. From here on it cannot be transferred to another
 * thread (Node 20 copies it instead, later ones throw `DataCloneError`). `ArrayBuffer.prototype.transfer` throws a TypeError
 * from Node 24 on; nothing can stop it in Node 22, where it must not be called for another length. **Memory of WebAssembly
 * is copied**, unless it is shared: it must be free to grow. With dtype bool all bytes must be 0 or 1.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if `shape` has another number of elements, or the array is not of `dtype`.
 */
export function fromArray<D extends DType>(
  array: TypedArrayOf<D>,
  shape: readonly number[],
  options: { readonly dtype: D },
): Tensor<D>
export function fromArray<T extends TypedData>(array: T, shape: readonly number[]): Tensor<DTypeOfData<T>>
export function fromArray(array: TypedData, shape: readonly number[], ...given: readonly unknown[]): Tensor {
  const options = FROM_ARRAY.read([array, shape], given)
  const dtype = options.dtype === undefined ? dtypeOfArray(array) : checkDType('dtype', options.dtype)
  if (dtype === undefined) throw expected('a typed array, a Uint16Array with a dtype,', 'array', array)
  if (!holdsDType(array, dtype)) throw expected(`the ${arrayTypeOf(dtype).name} of ${dtype}`, 'array', array)
  if (isResizable(array.buffer)) throw expected('an array in memory of fixed size', 'array', array)
  const count = checkShape('shape', shape).reduce((product, size) => product * size, 1)
  if (array.length !== count) throw expected(`a shape of ${array.length} elements`, 'shape', shape)

  // Marked, memory of WebAssembly could not grow, which ends the process.
  if (!native.isDetachable(array)) return new Tensor(native.fromBytes(array, shape, dtype, 'cpu'))
  const made = new Tensor(native.viewOfBytes(array, shape, dtype))
  markAsUntransferable(array.buffer)
  return made
}

/** Makes a tensor without setting its elements. */
export function empty<D extends DType = 'float32'>(shape: readonly number[], options?: TensorOptions<D>): Tensor<D>
export function empty(size: number, ...sizes: number[]): Tensor<'float32'>
export function empty<D extends DType = 'float32'>(...sizes: SizesThen<TensorOptions<D>>): Tensor<D>
export function empty(...given: readonly unknown[]): Tensor {
  const { shape, dtype, device, requiresGrad } = target(EMPTY, given)
  return leaf(native.empty(shape, dtype, device), requiresGrad)
}

/** Makes a tensor of zeros. */
export function zeros<D extends DType = 'float32'>(shape: readonly number[], options?: TensorOptions<D>): Tensor<D>
export function zeros(size: number, ...sizes: number[]): Tensor<'float32'>
export function zeros<D extends DType = 'float32'>(...sizes: SizesThen<TensorOptions<D>>): Tensor<D>
export function zeros(...given: readonly unknown[]): Tensor {
  const { shape, dtype, device, requiresGrad } = target(ZEROS, given)
  return leaf(native.zeros(shape, dtype, device), requiresGrad)
}

/** Makes a tensor of ones. */
export function ones<D extends DType = 'float32'>(shape: readonly number[], options?: TensorOptions<D>): Tensor<D>
export function ones(size: number, ...sizes: number[]): Tensor<'float32'>
export function ones<D extends DType = 'float32'>(...sizes: SizesThen<TensorOptions<D>>): Tensor<D>
export function ones(...given: readonly unknown[]): Tensor {
  const { shape, dtype, device, requiresGrad } = target(ONES, given)
  return leaf(native.full(shape, 1, dtype, device), requiresGrad)
}

/** Makes a tensor whose elements are all `value`. **The dtype does not follow from `value`.** */
export function full<D extends DType = 'float32'>(
  shape: readonly number[],
  value: number | bigint | boolean,
  options?: TensorOptions<D>,
): Tensor<D>
export function full(shape: readonly number[], value: number | bigint | boolean, ...given: readonly unknown[]): Tensor {
  const { dtype, device, requiresGrad } = targetOf(FULL.read([shape, value], given), 'float32')
  return leaf(native.full(checkShape('shape', shape), checkScalar('value', value), dtype, device), requiresGrad)
}

/** Makes a tensor of zeros of the shape, dtype and device of another. */
export function zerosLike<D extends DType>(other: Tensor<D>): Tensor<D> {
  handleOf(other, 'other')
  return new Tensor<D>(native.zeros(other.shape, other.dtype, other.device))
}

/** Makes a tensor of ones of the shape, dtype and device of another. */
export function onesLike<D extends DType>(other: Tensor<D>): Tensor<D> {
  handleOf(other, 'other')
  return new Tensor<D>(native.full(other.shape, 1, other.dtype, other.device))
}

/** Options of {@link arange}. */
export interface ArangeOptions<D extends DType = 'float32'> extends TensorOptions<D> {
  /** From one number to the next. Default: `1`. */
  readonly step?: number | undefined
}

/**
 * Makes the 1-D tensor of the numbers from `start` (default: 0) to before `end`. Follows `torch.arange`.
 * **They are float32 unless `dtype` says otherwise.**
 */
export function arange<D extends DType = 'float32'>(end: number, options?: ArangeOptions<D>): Tensor<D>
export function arange<D extends DType = 'float32'>(start: number, end: number, options?: ArangeOptions<D>): Tensor<D>
export function arange<D extends DType = 'float32'>(
  start: number,
  end: number,
  step: number,
  options?: TensorOptions<D>,
): Tensor<D>
export function arange(first: number, ...given: readonly unknown[]): Tensor {
  const [second, ...behind] = given
  const hasStart = typeof second === 'number'
  const [start, end] = hasStart ? [first, second] : [0, first]
  const { step = 1, ...options } = hasStart
    ? ARANGE.read([start, end], behind)
    : ARANGE.read([end], [undefined, ...given])
  const { dtype, device, requiresGrad } = targetOf(options, 'float32')
  checkFinite('start', start)
  checkFinite('end', end)
  checkFinite('step', step)
  if (step === 0 || (end - start) / step < 0) throw expected(`a step from ${start} towards ${end}`, 'step', step)
  return leaf(native.arange(start, end, step, dtype, device), requiresGrad)
}

/** Draws each element evenly from 0 to below 1. Follows `torch.rand`. */
export function rand<D extends DType = 'float32'>(shape: readonly number[], options?: RandomOptions<D>): Tensor<D>
export function rand(size: number, ...sizes: number[]): Tensor<'float32'>
export function rand<D extends DType = 'float32'>(...sizes: SizesThen<RandomOptions<D>>): Tensor<D>
export function rand(...given: readonly unknown[]): Tensor {
  const { shape, dtype, device, requiresGrad, generator } = randomTarget(RAND, given)
  return leaf(native.rand(shape, dtype, device, generator), requiresGrad)
}

/** Draws each element from the normal distribution of mean 0 and deviation 1. Follows `torch.randn`. */
export function randn<D extends DType = 'float32'>(shape: readonly number[], options?: RandomOptions<D>): Tensor<D>
export function randn(size: number, ...sizes: number[]): Tensor<'float32'>
export function randn<D extends DType = 'float32'>(...sizes: SizesThen<RandomOptions<D>>): Tensor<D>
export function randn(...given: readonly unknown[]): Tensor {
  const { shape, dtype, device, requiresGrad, generator } = randomTarget(RANDN, given)
  return leaf(native.randn(shape, dtype, device, generator), requiresGrad)
}

/** Draws each element evenly from the integers from `low` (default: 0) to below `high`. Follows `torch.randint`. */
export function randint<D extends DType = 'int64'>(
  low: number,
  high: number,
  shape: readonly number[],
  options?: RandomOptions<D>,
): Tensor<D>
export function randint<D extends DType = 'int64'>(
  high: number,
  shape: readonly number[],
  options?: RandomOptions<D>,
): Tensor<D>
export function randint(first: number, ...given: readonly unknown[]): Tensor {
  const [low, high, shape, ...rest] = Array.isArray(given[0]) ? [0, first, ...given] : [first, ...given]
  const { dtype, device, requiresGrad, generator } = drawnTargetOf(RANDINT.read([low, high, shape], rest), 'int64')
  const start = checkInteger('low', low)
  const end = checkInteger('high', high)
  if (end <= start) throw expected(`an integer above low (${start})`, 'high', high)
  return leaf(native.randint(start, end, checkShape('shape', shape), dtype, device, generator), requiresGrad)
}

/** Joins tensors along a dimension that they have. Follows `torch.cat`. */
export function cat(tensors: readonly Tensor[], dim?: number | AlongOptions): Tensor
export function cat(tensors: readonly Tensor[], ...given: readonly unknown[]): Tensor {
  const { dim = 0 } = CAT.read([tensors], given)
  return new Tensor(native.cat(handlesOf(tensors), checkInteger('dim', dim)))
}

/** Joins tensors of one shape along a new dimension. Follows `torch.stack`. */
export function stack(tensors: readonly Tensor[], dim?: number | AlongOptions): Tensor
export function stack(tensors: readonly Tensor[], ...given: readonly unknown[]): Tensor {
  const { dim = 0 } = STACK.read([tensors], given)
  return new Tensor(native.stack(handlesOf(tensors), checkInteger('dim', dim)))
}

interface Target {
  readonly dtype: DType
  readonly device: Device
  readonly requiresGrad: boolean
}

interface DrawnTarget extends Target {
  readonly generator: GeneratorHandle | null
}

interface Shaped {
  readonly shape: readonly number[]
}

function creation(name: string, required: readonly string[] = ['shape']): Signature<TensorOptions<DType>> {
  return new Signature<TensorOptions<DType>>(name, required, {
    dtype: 'keyword',
    device: 'keyword',
    requiresGrad: 'keyword',
  })
}

function drawing(name: string, required: readonly string[] = ['shape']): Signature<RandomOptions<DType>> {
  const optional = { dtype: 'keyword', device: 'keyword', requiresGrad: 'keyword', generator: 'keyword' } as const
  return new Signature<RandomOptions<DType>>(name, required, optional)
}

function target(signature: Signature<TensorOptions<DType>>, given: readonly unknown[]): Target & Shaped {
  const { sizes, shown, rest } = splitSizes(given)
  const options = signature.read(shown, rest)
  return { shape: checkShape('shape', sizes), ...targetOf(options, 'float32') }
}

function randomTarget(signature: Signature<RandomOptions<DType>>, given: readonly unknown[]): DrawnTarget & Shaped {
  const { sizes, shown, rest } = splitSizes(given)
  const options = signature.read(shown, rest)
  return { shape: checkShape('shape', sizes), ...drawnTargetOf(options, 'float32') }
}

function drawnTargetOf(options: RandomOptions<DType>, defaultDType: DType): DrawnTarget {
  return { ...targetOf(options, defaultDType), generator: generatorHandleOf(options.generator) }
}

function targetOf(options: TensorOptions<DType>, defaultDType: DType): Target {
  const { device = 'cpu', requiresGrad = false } = options
  const dtype = checkDType('dtype', options.dtype ?? defaultDType)
  checkGradOption(dtype, requiresGrad)
  return { dtype, device: checkDevice('device', device), requiresGrad }
}

function checkGradOption(dtype: DType, requiresGrad: boolean): void {
  checkCanRequireGrad(dtype, checkBoolean('requiresGrad', requiresGrad))
}

function leaf(handle: TensorHandle, requiresGrad: boolean): Tensor {
  if (requiresGrad) native.setRequiresGrad(handle, true)
  return new Tensor(handle)
}

function checkFinite(name: string, value: unknown): void {
  if (!Number.isFinite(value)) throw expected('a finite number', name, value)
}

// Shrinking would take the memory away from the tensor. TypeScript's ES2023 does not know the property yet.
function isResizable(buffer: ArrayBufferLike): boolean {
  return 'resizable' in buffer && buffer.resizable === true
}

function handlesOf(tensors: readonly Tensor[]): TensorHandle[] {
  const isList: boolean = Array.isArray(tensors) && tensors.length > 0
  if (!isList) throw expected('an array of at least one tensor', 'tensors', tensors)
  return tensors.map((item, index) => handleOf(item, `tensors[${index}]`))
}

function converted(handle: TensorHandle, dtype: DType): TensorHandle {
  try {
    return native.to(handle, dtype, null, false, null)
  } finally {
    native.dispose(handle)
  }
}
