import { native } from '../libtorch/binding.js'
import {
  checkBoolean,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkPositiveInteger,
  expected,
  isIntegerArray,
} from '../util/check.js'
import { isDevice, type Device } from '../util/device.js'
import { checkDType, DTYPES, type DType } from '../util/dtype.js'
import { Signature, type NoOptions } from '../util/signature.js'
import type { Tensor } from './tensor.js'
import { handleOf, MEMORY_FORMATS, TensorBase, type MemoryFormat } from './handle.js'
import { integers, readIntegers } from './sizes.js'

/** Options of `to()`. */
export interface ToOptions<D extends DType> {
  /** Default: the tensor's own. */
  readonly dtype?: D | undefined
  /** Default: the tensor's own. */
  readonly device?: Device | undefined
  /** Copy even where nothing changes. Default: `false`. */
  readonly copy?: boolean | undefined
  /** Default: the layout of the tensor is kept. */
  readonly memoryFormat?: MemoryFormat | undefined
}

/** The option of functions that work along one dimension. */
export interface AlongOptions {
  /** Default: `0`. */
  readonly dim?: number | undefined
}

/** Options of `squeeze`. */
export interface SqueezeOptions {
  /** One dimension or several. Default: all. */
  readonly dim?: number | readonly number[] | undefined
}

/** Options of `flatten`. */
export interface FlattenTensorOptions {
  /** First dimension to join. Default: `0`. */
  readonly startDim?: number | undefined
  /** Last dimension to join. Default: `-1`. */
  readonly endDim?: number | undefined
}

const TO = new Signature<ToOptions<DType>>('to', [], {
  dtype: 'name',
  device: 'keyword',
  copy: 'keyword',
  memoryFormat: 'keyword',
})
const VIEW = new Signature<NoOptions>('view', ['shape'], {})
const RESHAPE = new Signature<NoOptions>('reshape', ['shape'], {})
const EXPAND = new Signature<NoOptions>('expand', ['shape'], {})
const PERMUTE = new Signature<NoOptions>('permute', ['dims'], {})
const FLIP = new Signature<NoOptions>('flip', ['dims'], {})
const FLATTEN = new Signature<FlattenTensorOptions>('flatten', [], { startDim: 'position', endDim: 'position' })
const TRANSPOSE = new Signature<NoOptions>('transpose', ['dim0', 'dim1'], {})
const SQUEEZE = new Signature<SqueezeOptions>('squeeze', [], { dim: 'position' })
const UNSQUEEZE = new Signature<NoOptions>('unsqueeze', ['dim'], {})
const SPLIT = new Signature<AlongOptions>('split', ['size'], { dim: 'position' })
const CHUNK = new Signature<AlongOptions>('chunk', ['chunks'], { dim: 'position' })
const SHAPE = ['an array of sizes, -1 for one that follows', 'shape'] as const
const DIMS = ['an array of integers', 'dims'] as const

/** The operations that change how elements are seen, placed or stored, and not their values. */
export abstract class TensorViews<D extends DType> extends TensorBase<D> {
  /**
   * Converts to another dtype or device, or both. Gives a tensor that shares the memory where nothing changes.
   * Follows `Tensor.to`.
   *
   * @throws {TorchError} `TORCH_CUDA_UNAVAILABLE` if the device is CUDA's and there is none.
   */
  to<E extends DType>(dtype: E): Tensor<E>
  to(device: Device): Tensor<D>
  to<E extends DType = D>(options: ToOptions<E>): Tensor<E>
  to(...given: readonly unknown[]): Tensor {
    const { dtype, device, copy = false, memoryFormat } = toOptions(given)
    if (dtype !== undefined) checkDType('dtype', dtype)
    if (device !== undefined && !isDevice(device)) throw expected("'cpu', 'cuda' or 'cuda:N'", 'device', device)
    const channelsLast = memoryFormat === undefined ? null : isChannelsLast(memoryFormat, this)
    return this.wrap(native.to(handleOf(this), dtype ?? null, device ?? null, checkBoolean('copy', copy), channelsLast))
  }

  /** Gives a tensor in the memory of the CPU. */
  cpu(): Tensor<D> {
    return this.to('cpu')
  }

  /** Gives a tensor in the memory of a CUDA device. Default: the current one. */
  cuda(index?: number): Tensor<D> {
    return this.to(index === undefined ? 'cuda' : `cuda:${checkInteger('index', index)}`)
  }

  /** Converts to float32. */
  float(): Tensor<'float32'> {
    return this.to('float32')
  }

  /** Converts to float64. */
  double(): Tensor<'float64'> {
    return this.to('float64')
  }

  /** Converts to float16. */
  half(): Tensor<'float16'> {
    return this.to('float16')
  }

  /** Converts to bfloat16. */
  bfloat16(): Tensor<'bfloat16'> {
    return this.to('bfloat16')
  }

  /** Gives a tensor whose elements lie without gaps, this one's memory where they do. Follows `Tensor.contiguous`. */
  contiguous(options: { readonly memoryFormat?: MemoryFormat | undefined } = {}): Tensor<D> {
    checkOptions('contiguous()', options, ['memoryFormat'])
    const { memoryFormat = 'contiguous_format' } = options
    return this.wrap(native.contiguous(handleOf(this), isChannelsLast(memoryFormat, this)))
  }

  /** Copies elements and layout into memory of their own. */
  clone(): Tensor<D> {
    return this.wrap(native.clone(handleOf(this)))
  }

  /**
   * Gives a view in another shape of as many elements; one size may be -1. Follows `Tensor.view`.
   *
   * @throws {TorchError} `TORCH_OPERATOR` if that needs a copy: see {@link reshape}.
   */
  view(shape: readonly number[]): Tensor<D>
  view(size: number, ...sizes: number[]): Tensor<D>
  view(...given: readonly unknown[]): Tensor<D> {
    return this.wrap(native.view(handleOf(this), checkTarget(readIntegers(VIEW, given, SHAPE))))
  }

  /** Gives another shape of as many elements, a view where it can be and else a copy; one size may be -1. */
  reshape(shape: readonly number[]): Tensor<D>
  reshape(size: number, ...sizes: number[]): Tensor<D>
  reshape(...given: readonly unknown[]): Tensor<D> {
    return this.wrap(native.reshape(handleOf(this), checkTarget(readIntegers(RESHAPE, given, SHAPE))))
  }

  /** Joins the dimensions from `startDim` to `endDim` into one. Follows `torch.flatten`. */
  flatten(options?: FlattenTensorOptions): Tensor<D>
  flatten(startDim: number, options?: Omit<FlattenTensorOptions, 'startDim'>): Tensor<D>
  flatten(startDim?: number, endDim?: number): Tensor<D>
  flatten(...given: readonly unknown[]): Tensor<D> {
    const { startDim = 0, endDim = -1 } = FLATTEN.read([], given)
    return this.wrap(native.flatten(handleOf(this), checkInteger('startDim', startDim), checkInteger('endDim', endDim)))
  }

  /** Gives a view with the dimensions in another order. */
  permute(dims: readonly number[]): Tensor<D>
  permute(dim: number, ...dims: number[]): Tensor<D>
  permute(...given: readonly unknown[]): Tensor<D> {
    return this.wrap(native.permute(handleOf(this), readIntegers(PERMUTE, given, DIMS)))
  }

  /** Gives a view with two dimensions swapped. */
  transpose(dim0: number, dim1: number): Tensor<D> {
    TRANSPOSE.read([dim0, dim1], [])
    return this.wrap(native.transpose(handleOf(this), checkInteger('dim0', dim0), checkInteger('dim1', dim1)))
  }

  /** Gives a view without the dimensions of size 1, or without those of `dim` that have size 1. */
  squeeze(dim?: number | readonly number[] | SqueezeOptions): Tensor<D>
  squeeze(...given: readonly unknown[]): Tensor<D> {
    const { dim } = SQUEEZE.read([], given)
    return this.wrap(native.squeeze(handleOf(this), dim === undefined ? null : integers('dim', dim)))
  }

  /** Gives a view with a dimension of size 1 put in at `dim`. */
  unsqueeze(dim: number): Tensor<D> {
    UNSQUEEZE.read([dim], [])
    return this.wrap(native.unsqueeze(handleOf(this), checkInteger('dim', dim)))
  }

  /** Gives a view that repeats dimensions of size 1 to `shape`; -1 keeps a size. Follows `Tensor.expand`. */
  expand(shape: readonly number[]): Tensor<D>
  expand(size: number, ...sizes: number[]): Tensor<D>
  expand(...given: readonly unknown[]): Tensor<D> {
    return this.wrap(native.expand(handleOf(this), checkTarget(readIntegers(EXPAND, given, SHAPE))))
  }

  /** Gives a view of one index of a dimension, which vanishes. */
  select(dim: number, index: number): Tensor<D> {
    return this.wrap(native.select(handleOf(this), checkInteger('dim', dim), checkInteger('index', index)))
  }

  /** Gives a view of the indices from `start` to before `end` of a dimension, as Python's `[start:end:step]`. */
  slice(dim: number, start: number, end?: number, step = 1): Tensor<D> {
    checkInteger('dim', dim)
    checkInteger('start', start)
    if (end !== undefined) checkInteger('end', end)
    return this.wrap(native.slice(handleOf(this), dim, start, end ?? null, checkPositiveInteger('step', step)))
  }

  /** Gives a view of `length` indices of a dimension from `start` on. Follows `torch.narrow`. */
  narrow(dim: number, start: number, length: number): Tensor<D> {
    const size = this.size(dim)
    const first = checkInteger('start', start) < 0 ? start + size : start
    if (first < 0 || first > size) throw expected(`an index from ${-size} to ${size}`, 'start', start)
    if (!(checkInteger('length', length) >= 0 && length <= size - first)) {
      throw expected(`a length from 0 to ${size - first}`, 'length', length)
    }
    return this.slice(dim, first, first + length)
  }

  /** Copies the entries of a dimension that an int64 or int32 tensor (K) names. Follows `torch.index_select`. */
  indexSelect(dim: number, index: Tensor): Tensor<D> {
    return this.wrap(native.indexSelect(handleOf(this), checkInteger('dim', dim), handleOf(index, 'index')))
  }

  /** Copies with the order of the given dimensions reversed. */
  flip(dims: readonly number[]): Tensor<D>
  flip(dim: number, ...dims: number[]): Tensor<D>
  flip(...given: readonly unknown[]): Tensor<D> {
    return this.wrap(native.flip(handleOf(this), readIntegers(FLIP, given, DIMS)))
  }

  /**
   * Gives views of `size` indices each along a dimension, the last of what is left, or a view of each size in an array.
   * Follows `torch.split`.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if sizes in an array do not add up to that of the dimension.
   */
  split(size: number | readonly number[], dim?: number | AlongOptions): Tensor<D>[]
  split(size: number | readonly number[], ...given: readonly unknown[]): Tensor<D>[] {
    const { dim = 0 } = SPLIT.read([size], given)
    if (typeof size !== 'number') return this.#splitSizes(size, dim)
    checkPositiveInteger('size', size)
    return Array.from(native.split(handleOf(this), size, checkInteger('dim', dim)), (part) => this.wrap(part))
  }

  /** Gives views that divide a dimension into `chunks` parts of one size, if fewer where it is short. Follows `torch.chunk`. */
  chunk(chunks: number, dim?: number | AlongOptions): Tensor<D>[]
  chunk(chunks: number, ...given: readonly unknown[]): Tensor<D>[] {
    const { dim = 0 } = CHUNK.read([chunks], given)
    checkPositiveInteger('chunks', chunks)
    return this.split(Math.max(Math.ceil(this.size(checkInteger('dim', dim)) / chunks), 1), dim)
  }

  #splitSizes(sizes: readonly number[], dim: number): Tensor<D>[] {
    const size = this.size(checkInteger('dim', dim))
    const isWhole = isIntegerArray(sizes) && sizes.every((part) => part >= 0) && sizes.reduce(sum, 0) === size
    if (!isWhole) throw expected(`a positive integer, or an array of sizes that add up to ${size},`, 'size', sizes)
    return sizes.map((part, index) => this.narrow(dim, sizes.slice(0, index).reduce(sum, 0), part))
  }
}

function sum(one: number, other: number): number {
  return one + other
}

function toOptions(given: readonly unknown[]): ToOptions<DType> {
  const [target, ...rest] = given
  if (target === undefined) throw expected('a dtype or a device', 'to()', target)
  if (typeof target !== 'string' || rest.some((value) => value !== undefined)) return TO.read([], given)
  return asOptions(target)
}

function asOptions(target: string): ToOptions<DType> {
  if (isDevice(target)) return { device: target }
  const dtype = DTYPES.find((name) => name === target)
  if (dtype === undefined) throw expected('a dtype or a device', 'to()', target)
  return { dtype }
}

function isChannelsLast(format: MemoryFormat, tensor: TensorBase<DType>): boolean {
  const channelsLast = checkOneOf('memoryFormat', format, MEMORY_FORMATS) === 'channels_last'
  if (channelsLast && tensor.ndim !== 4) throw expected('a tensor (N, C, H, W)', "memoryFormat 'channels_last'", tensor)
  return channelsLast
}

/** A shape in which -1 stands for a size that follows from the others. */
function checkTarget(shape: readonly number[]): readonly number[] {
  if (shape.some((size) => size < -1)) throw expected(...SHAPE, shape)
  return shape
}
