import { constants } from 'node:buffer'

import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { checkOneOf, checkOptions, DESCRIBE, describeShape, expected } from '../util/check.js'
import { arrayTypeOf, isFloatingPoint, ITEM_SIZE, type DType, type ItemOf, type TypedArrayOf } from '../util/dtype.js'
import { HELD, track } from '../util/scope.js'
import { Signature, type NoOptions } from '../util/signature.js'
import { markAsUncloneable } from '../util/uncloneable.js'
import type { Tensor } from './tensor.js'
import { formatTensor, type FormatInput } from './tensor_str.js'

/** A number, bigint or boolean, or arrays of them as deep as the tensor has dimensions. */
export type NestedArray<T> = T | NestedArray<T>[]

/** The layouts of {@link MemoryFormat}. */
export const MEMORY_FORMATS = ['contiguous_format', 'channels_last'] as const

/** How the elements of a (N, C, H, W) tensor lie: row-major (NCHW), or channels-last (NHWC). */
export type MemoryFormat = (typeof MEMORY_FORMATS)[number]

const SIZE = new Signature<NoOptions>('size', ['dim'], {})

/** Gives the native handle of `tensor`. */
export let handleOf: (tensor: TensorBase<DType>, name?: string) => TensorHandle

/**
 * Puts another native tensor, which is a leaf, into `tensor`, which keeps its identity and whether it requires a gradient, and
 * disposes the one that it held.
 */
export let replaceHandle: (tensor: TensorBase<DType>, handle: TensorHandle) => void

/** What every tensor has apart from mathematics: its memory, its facts, and the ways to read it. */
export abstract class TensorBase<D extends DType> implements Disposable {
  #handle: TensorHandle
  #shape: readonly number[] | undefined

  static {
    handleOf = (tensor, name = 'tensor') => {
      if (typeof tensor !== 'object' || tensor === null || !(#handle in tensor))
        throw expected('a tensor', name, tensor)
      return tensor.#handle
    }
    replaceHandle = (tensor, handle) => {
      native.setRequiresGrad(handle, native.requiresGrad(tensor.#handle))
      native.dispose(tensor.#handle)
      tensor.#handle = handle
      tensor.#shape = undefined
    }
  }

  /** @internal Tensors are made by functions such as `tensor()` and `zeros()`. */
  constructor(handle: TensorHandle) {
    this.#handle = handle
    markAsUncloneable(this)
    track(this)
  }

  /** Sizes of the dimensions, from the outermost. */
  get shape(): readonly number[] {
    // An array of this realm, which those of the addon need not be.
    this.#shape ??= Object.freeze([...native.shape(this.#handle)])
    return this.#shape
  }

  /** Elements from one index of a dimension to the next, for each dimension. */
  get strides(): readonly number[] {
    return [...native.strides(this.#handle)]
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length
  }

  /** Number of elements. */
  get numel(): number {
    return numelOf(this.shape)
  }

  get dtype(): D {
    return native.dtype(this.#handle) as D
  }

  /** `cpu` or `cuda:N`. */
  get device(): string {
    return native.device(this.#handle)
  }

  /** Bytes of one element. */
  get itemSize(): number {
    return ITEM_SIZE[this.dtype]
  }

  /** Bytes of all elements; a view counts as if it were a copy. */
  get nbytes(): number {
    return this.numel * this.itemSize
  }

  /** Elements from the beginning of the storage to the first of this tensor. */
  get storageOffset(): number {
    return native.storageOffset(this.#handle)
  }

  get isDisposed(): boolean {
    return native.isDisposed(this.#handle)
  }

  /** Gives the size of one dimension, a negative one counted from the end; of all dimensions without `dim`. */
  size(): readonly number[]
  size(dim: number): number
  size(...given: readonly unknown[]): readonly number[] | number {
    if (given.length === 0) return this.shape
    SIZE.read(given, [])
    const [dim] = given
    const size = typeof dim === 'number' ? this.shape[dim < 0 ? dim + this.ndim : dim] : undefined
    if (size === undefined) {
      if (this.ndim === 0) throw expected('a tensor with dimensions', 'size()', this)
      throw expected(`a dimension from ${-this.ndim} to ${this.ndim - 1}`, 'dim', dim)
    }
    return size
  }

  /** Tells whether the elements lie without gaps, in row-major order or in the given `memoryFormat`. */
  isContiguous(options: { readonly memoryFormat?: MemoryFormat | undefined } = {}): boolean {
    checkOptions('isContiguous()', options, ['memoryFormat'])
    const format = checkOneOf('memoryFormat', options.memoryFormat ?? 'contiguous_format', MEMORY_FORMATS)
    return native.isContiguous(this.#handle, format === 'channels_last')
  }

  /** Tells whether the dtype is float16, bfloat16, float32 or float64. */
  isFloatingPoint(): boolean {
    return isFloatingPoint(this.dtype)
  }

  /** Copies the elements out in row-major order. 16-bit floats come as their bits: see {@link toFloat32Array}. */
  toArray(): TypedArrayOf<D> {
    this.#checkLength('toArray()')
    const ArrayType = arrayTypeOf(this.dtype)
    return new ArrayType(native.toBytes(this.#handle)) as TypedArrayOf<D>
  }

  /** Copies the elements out in row-major order, each converted to float32. */
  toFloat32Array(): Float32Array {
    this.#checkLength('toFloat32Array()')
    const converted = native.to(this.#handle, 'float32', 'cpu', false, null)
    try {
      return new Float32Array(native.toBytes(converted))
    } finally {
      native.dispose(converted)
    }
  }

  /** Copies the elements out as nested arrays, a bare value where there are no dimensions. Follows `Tensor.tolist`. */
  tolist(): NestedArray<ItemOf<D>> {
    let level: unknown[] = [...this.#values()]
    for (let dim = this.ndim - 1; dim >= 0; dim--) {
      level = chunk(level, this.shape[dim] ?? 0, numelOf(this.shape.slice(0, dim)))
    }
    return level[0] as NestedArray<ItemOf<D>>
  }

  /**
   * Gives the only element: bigint for int64, boolean for bool, else number. Follows `Tensor.item`.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is more than one element, or none.
   */
  item(): ItemOf<D> {
    if (this.numel !== 1) throw expected('a tensor of one element', 'item()', this)
    return native.item(this.#handle) as ItemOf<D>
  }

  /** Frees the memory now, unless another tensor shares it. A second call does nothing. */
  dispose(): void {
    native.dispose(this.#handle)
    this.#shape = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /**
   * Gives the only element where JavaScript asks for a number, as `+tensor` and `Math.max(tensor)` do, and the text of
   * {@link toString} in template literals. JavaScript has no operators for tensors: `a + b` and `a == b` throw.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if there is more than one element, or none, or the operator is `+` or `==`.
   */
  [Symbol.toPrimitive](hint: 'string' | 'number' | 'default'): string | number {
    if (hint === 'string') return this.toString()
    if (hint === 'number') return this.#number()
    throw expected('a method, as JavaScript has no operators for tensors,', '+ or ==', this, 'a.add(b) or a.eq(b)')
  }

  /** Prints as PyTorch does, long tensors shortened. */
  toString(): string {
    return formatTensor(this.formatInput())
  }

  /** What `console.log` shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.isDisposed ? 'a disposed tensor' : this.toString()
  }

  /** How error messages print it: `float32 (2, 3)`. */
  [DESCRIBE](): string {
    if (!(#handle in this)) return 'an object that inherits from a tensor'
    return this.isDisposed ? 'a disposed tensor' : `${this.dtype} ${describeShape(this.shape)}`
  }

  /** What a scope keeps alive if this is its result. */
  [HELD](): readonly this[] {
    return [this]
  }

  /** What the printer reads. */
  protected formatInput(): FormatInput {
    const { shape, dtype, device } = this
    const requiresGrad = native.requiresGrad(this.#handle)
    const gradFn = native.gradFn(this.#handle)
    return { shape, dtype, device, requiresGrad, gradFn, gather: (indices) => this.#gather(indices) }
  }

  /** Makes a tensor of a native one. */
  protected abstract wrap<E extends DType = D>(handle: TensorHandle): Tensor<E>

  #number(): number {
    if (this.numel !== 1) throw expected('a tensor of one element', 'a conversion to a number', this)
    const item = this.item()
    const number = Number(item)
    if (typeof item === 'bigint' && !Number.isSafeInteger(number)) {
      throw expected('an integer that a number holds exactly', 'a conversion to a number', item, 'tensor.item()')
    }
    return number
  }

  #checkLength(name: string): void {
    const longest = constants.MAX_LENGTH
    if (this.numel > longest) throw expected(`a tensor of at most ${longest} elements, as typed arrays,`, name, this)
  }

  #values(): Iterable<number | bigint | boolean> {
    const { dtype } = this
    if (dtype === 'float16' || dtype === 'bfloat16') return this.toFloat32Array()
    const values = this.toArray()
    return dtype === 'bool' ? Array.from(values, Boolean) : values
  }

  /** Reads the elements at the grid of `indices`, one list for each dimension, copying little else. */
  #gather(indices: readonly (readonly number[])[]): ArrayLike<number | bigint | boolean> {
    let part = native.alias(this.#handle)
    const replace = (next: TensorHandle): void => {
      native.dispose(part)
      part = next
    }
    try {
      const { shape } = this
      const sizeOf = (dim: number): number => shape[dim] ?? 0
      // A selection copies all that lies behind the other dimensions: the largest comes first, to leave little of it.
      const selections = Array.from(indices, (list, dim) => ({ list, dim }))
        .filter(({ list, dim }) => list.length < sizeOf(dim))
        .sort((one, other) => sizeOf(other.dim) - sizeOf(one.dim))
      for (const { list, dim } of selections) {
        const index = native.fromBytes(BigInt64Array.from(list, BigInt), [list.length], 'int64', this.device)
        try {
          replace(native.indexSelect(part, dim, index))
        } finally {
          native.dispose(index)
        }
      }
      if (this.itemSize === 2 && this.isFloatingPoint()) replace(native.to(part, 'float32', 'cpu', false, null))
      const ArrayType = arrayTypeOf(native.dtype(part))
      const values = new ArrayType(native.toBytes(part))
      return this.dtype === 'bool' ? Array.from(values, Boolean) : values
    } finally {
      native.dispose(part)
    }
  }
}

function numelOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

function chunk(values: readonly unknown[], size: number, count: number): unknown[] {
  return Array.from({ length: count }, (_, index) => values.slice(index * size, (index + 1) * size))
}
