import { checkInteger, expected } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { Signature, type NoOptions } from '../util/signature.js'
import { callList, callOne } from './aten.js'
import { handleOf, TensorBase } from './handle.js'
import { integers, readIntegers } from './sizes.js'
import type { Tensor } from './tensor.js'
import { TensorViews, type AlongOptions } from './views.js'

/** Options of `roll`. */
export interface RollOptions {
  /** One dimension, or one for each shift. Default: the tensor is rolled as if it were flat. */
  readonly dims?: number | readonly number[] | undefined
}

/** Options of `tril` and `triu`. */
export interface DiagonalOptions {
  /** Diagonals above the main one. Default: `0`. */
  readonly diagonal?: number | undefined
}

/** Options of `scatter`. */
export interface ScatterOptions {
  /** Put the sum or the product in the place of what is there. Default: the new element. */
  readonly reduce?: 'add' | 'multiply' | undefined
}

const UNBIND = new Signature<AlongOptions>('unbind', [], { dim: 'position' })
const ROLL = new Signature<RollOptions>('roll', ['shifts'], { dims: 'position' })
const REPEAT = new Signature<NoOptions>('repeat', ['sizes'], {})
const TILE = new Signature<NoOptions>('tile', ['dims'], {})
const TRIL = new Signature<DiagonalOptions>('tril', [], { diagonal: 'position' })
const TRIU = new Signature<DiagonalOptions>('triu', [], { diagonal: 'position' })
const SCATTER = new Signature<ScatterOptions>('scatter', ['dim', 'index', 'source'], { reduce: 'keyword' })
const SIZES = ['an array of integers', 'sizes'] as const
const DIMS = ['an array of integers', 'dims'] as const

/** The operations that choose elements by index or mask, or place them anew. */
export abstract class TensorIndexing<D extends DType> extends TensorViews<D> {
  /** A view of a matrix with rows and columns swapped. Follows `Tensor.T`, **for at most two dimensions**. */
  get T(): Tensor<D> {
    if (this.ndim > 2) throw expected('a tensor of at most two dimensions', 'T', this, 'x.permute(...)')
    return this.wrap(callOne('aten::t', this))
  }

  /** A view of matrices with rows and columns swapped, batched over leading dimensions. Follows `Tensor.mT`. */
  get mT(): Tensor<D> {
    if (this.ndim < 2) throw expected('a tensor of at least two dimensions', 'mT', this)
    return this.transpose(-2, -1)
  }

  /** Gives a view of each index of a dimension, which vanishes. Default: `0`. Follows `torch.unbind`. */
  unbind(dim?: number | AlongOptions): Tensor<D>[]
  unbind(...given: readonly unknown[]): Tensor<D>[] {
    const { dim = 0 } = UNBIND.read([], given)
    return callList('aten::unbind.int', this, checkInteger('dim', dim)).map((part) => this.wrap(part))
  }

  /** Takes elements where `condition` (bool) is true, and those of `other` elsewhere. Follows `Tensor.where`. */
  where(condition: Tensor, other: Tensor | number | boolean): Tensor {
    handleOf(condition, 'condition')
    if (condition.dtype !== 'bool') throw expected('a tensor of booleans', 'condition', condition)
    if (other instanceof TensorBase) return this.wrap<DType>(callOne('aten::where.self', condition, this, other))
    checkNumberOrBoolean('other', other)
    return this.wrap<DType>(callOne('aten::where.ScalarOther', condition, this, other))
  }

  /** Copies, with `value` where `mask` (bool, broadcasts) is true. Follows `Tensor.masked_fill`. */
  maskedFill(mask: Tensor, value: Tensor | number | boolean): Tensor<D> {
    return this.wrap(callOne(`aten::masked_fill.${maskOverload(mask, value)}`, this, mask, value))
  }

  /** Sets elements to `value` where `mask` (bool, broadcasts) is true. Follows `Tensor.masked_fill_`. */
  maskedFill_(mask: Tensor, value: Tensor | number | boolean): this {
    callOne(`aten::masked_fill_.${maskOverload(mask, value)}`, this, mask, value)
    return this
  }

  /** Takes along `dim` the elements that `index` (int64) names, in its shape. Follows `torch.gather`. */
  gather(dim: number, index: Tensor): Tensor<D> {
    return this.wrap(callOne('aten::gather', this, checkInteger('dim', dim), checkIndex(index)))
  }

  /**
   * Copies, with the elements of `source`, or one number, put along `dim` where `index` (int64) names. Follows
   * `torch.scatter`.
   */
  scatter(dim: number, index: Tensor, source: Tensor | number, options?: ScatterOptions): Tensor<D>
  scatter(dim: number, index: Tensor, source: Tensor | number, ...given: readonly unknown[]): Tensor<D> {
    const { reduce } = SCATTER.read([dim, index, source], given)
    if (reduce !== undefined && reduce !== 'add' && reduce !== 'multiply') {
      throw expected("'add' or 'multiply'", 'reduce', reduce)
    }
    const isTensor = source instanceof TensorBase
    if (!isTensor) checkNumberOrBoolean('source', source)
    const overload = reduce === undefined ? (isTensor ? 'src' : 'value') : isTensor ? 'reduce' : 'value_reduce'
    const args = [checkInteger('dim', dim), checkIndex(index), source, ...(reduce === undefined ? [] : [reduce])]
    return this.wrap(callOne(`aten::scatter.${overload}`, this, ...args))
  }

  /** Copies, with elements moved on by `shifts`, what falls off the end put in at the start. Follows `torch.roll`. */
  roll(shifts: number | readonly number[], dims?: number | readonly number[] | RollOptions): Tensor<D>
  roll(shifts: number | readonly number[], ...given: readonly unknown[]): Tensor<D> {
    const { dims = [] } = ROLL.read([shifts], given)
    return this.wrap(callOne('aten::roll', this, integers('shifts', shifts), integers('dims', dims)))
  }

  /** Copies the tensor that often along each dimension, new ones put in front. Follows `Tensor.repeat`. */
  repeat(sizes: readonly number[]): Tensor<D>
  repeat(size: number, ...sizes: number[]): Tensor<D>
  repeat(...given: readonly unknown[]): Tensor<D> {
    const sizes = readIntegers(REPEAT, given, SIZES)
    if (sizes.length < this.ndim) throw expected(`at least ${this.ndim} sizes, one for each dimension,`, 'sizes', sizes)
    return this.wrap(callOne('aten::repeat', this, sizes))
  }

  /** Copies the tensor that often along each of the last dimensions. Follows `torch.tile`. */
  tile(dims: readonly number[]): Tensor<D>
  tile(dim: number, ...dims: number[]): Tensor<D>
  tile(...given: readonly unknown[]): Tensor<D> {
    return this.wrap(callOne('aten::tile', this, readIntegers(TILE, given, DIMS)))
  }

  /** Copies the lower triangle of matrices, and zeros above it. Follows `torch.tril`. */
  tril(diagonal?: number | DiagonalOptions): Tensor<D>
  tril(...given: readonly unknown[]): Tensor<D> {
    const { diagonal = 0 } = TRIL.read([], given)
    return this.wrap(callOne('aten::tril', this, checkInteger('diagonal', diagonal)))
  }

  /** Copies the upper triangle of matrices, and zeros below it. Follows `torch.triu`. */
  triu(diagonal?: number | DiagonalOptions): Tensor<D>
  triu(...given: readonly unknown[]): Tensor<D> {
    const { diagonal = 0 } = TRIU.read([], given)
    return this.wrap(callOne('aten::triu', this, checkInteger('diagonal', diagonal)))
  }

  /** Converts to int64. */
  long(): Tensor<'int64'> {
    return this.to('int64')
  }

  /** Converts to int32. */
  int(): Tensor<'int32'> {
    return this.to('int32')
  }

  /** Converts to bool: what is not 0 becomes true. */
  bool(): Tensor<'bool'> {
    return this.to('bool')
  }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a number, of which `NaN` is one, or a boolean. */
export function checkNumberOrBoolean(name: string, value: unknown): void {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean') {
    throw expected('a tensor, a number or a boolean', name, value)
  }
}

function checkIndex(index: Tensor): Tensor {
  handleOf(index, 'index')
  if (index.isFloatingPoint() || index.dtype === 'bool') throw expected('a tensor of int64', 'index', index)
  return index
}

function maskOverload(mask: Tensor, value: unknown): 'Tensor' | 'Scalar' {
  handleOf(mask, 'mask')
  if (mask.dtype !== 'bool') throw expected('a tensor of booleans', 'mask', mask)
  if (value instanceof TensorBase) return 'Tensor'
  checkNumberOrBoolean('value', value)
  return 'Scalar'
}
