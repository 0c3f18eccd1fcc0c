import { checkBoolean, checkInteger, checkNumber, expected } from '../util/check.js'
import { checkDType, type DType } from '../util/dtype.js'
import { Signature, type Passing } from '../util/signature.js'
import { TensorArithmetic } from './arithmetic.js'
import { callOne, callTwo } from './aten.js'
import { handleOf } from './handle.js'
import { integers } from './sizes.js'
import type { Tensor } from './tensor.js'

/** Options of `var` and `std`. */
export interface VarianceOptions {
  /** One dimension or several. Default: all. */
  readonly dim?: number | readonly number[] | undefined
  /** Subtracted from the number of elements by which is divided; 0 is the variance of a population. Default: `1`. */
  readonly correction?: number | undefined
  /** Keep the reduced dimensions with size 1. Default: `false`. */
  readonly keepdim?: boolean | undefined
}

/** Options of `norm`. */
export interface NormOptions {
  /** Exponent, which may be infinite; `'fro'` is 2. Default: `'fro'`. */
  readonly p?: number | 'fro' | undefined
  /** One dimension or several. Default: all. */
  readonly dim?: number | readonly number[] | undefined
  /** Keep the reduced dimensions with size 1. Default: `false`. */
  readonly keepdim?: boolean | undefined
}

/** Options of `prod`, `all` and `any`. */
export interface OneDimOptions {
  /** Default: all dimensions. */
  readonly dim?: number | undefined
  /** Keep the reduced dimension with size 1. Default: `false`. */
  readonly keepdim?: boolean | undefined
}

/** Options of `cumsum`. */
export interface CumulativeOptions {
  /** Convert to this dtype first. Default: int64 for integers, else the tensor's own. */
  readonly dtype?: DType | undefined
}

/** Options of `sort` and `argsort`. */
export interface SortOptions {
  /** Default: `-1`. */
  readonly dim?: number | undefined
  /** The largest first. Default: `false`. */
  readonly descending?: boolean | undefined
  /** Keep the order of equal elements. Default: `false`. */
  readonly stable?: boolean | undefined
}

/** Options of `round`. */
export interface RoundOptions {
  /** Digits after the point. Default: `0`. */
  readonly decimals?: number | undefined
}

const VARIANCE: Readonly<Record<keyof VarianceOptions, Passing>> = {
  ...{ dim: 'position', correction: 'keyword', keepdim: 'keyword' },
}
const VAR = new Signature<VarianceOptions>('var', [], VARIANCE)
const STD = new Signature<VarianceOptions>('std', [], VARIANCE)
const NORM = new Signature<NormOptions>('norm', [], { p: 'position', dim: 'name', keepdim: 'name' })
const PROD = new Signature<OneDimOptions>('prod', [], { dim: 'position', keepdim: 'name' })
const ALL = new Signature<OneDimOptions>('all', [], { dim: 'position', keepdim: 'name' })
const ANY = new Signature<OneDimOptions>('any', [], { dim: 'position', keepdim: 'name' })
const ARGMIN = new Signature<OneDimOptions>('argmin', [], { dim: 'position', keepdim: 'name' })
const CUMSUM = new Signature<CumulativeOptions>('cumsum', ['dim'], { dtype: 'keyword' })
const SORT = new Signature<SortOptions>('sort', [], { dim: 'position', descending: 'name', stable: 'keyword' })
const ARGSORT = new Signature<SortOptions>('argsort', [], { dim: 'position', descending: 'name', stable: 'keyword' })
const ROUND = new Signature<RoundOptions>('round', [], { decimals: 'keyword' })

/** Functions of elements, logic, and what is computed along dimensions beside sums and averages. */
export abstract class TensorMath<D extends DType> extends TensorArithmetic<D> {
  /** The largest integer that is not larger than each element. */
  floor(): Tensor<D> {
    return this.wrap(callOne('aten::floor', this))
  }

  /** The smallest integer that is not smaller than each element. */
  ceil(): Tensor<D> {
    return this.wrap(callOne('aten::ceil', this))
  }

  /** The nearest integer, a half to the even one. Follows `torch.round`. */
  round(options?: RoundOptions): Tensor<D>
  round(...given: readonly unknown[]): Tensor<D> {
    const { decimals = 0 } = ROUND.read([], given)
    if (checkInteger('decimals', decimals) === 0) return this.wrap(callOne('aten::round', this))
    return this.wrap(callOne('aten::round.decimals', this, decimals))
  }

  /** The sine of radians; integers become float32. */
  sin(): Tensor {
    return this.wrap<DType>(callOne('aten::sin', this))
  }

  /** The cosine of radians; integers become float32. */
  cos(): Tensor {
    return this.wrap<DType>(callOne('aten::cos', this))
  }

  /** The error function; integers become float32. */
  erf(): Tensor {
    return this.wrap<DType>(callOne('aten::erf', this))
  }

  /** One divided by the square root; integers become float32. */
  rsqrt(): Tensor {
    return this.wrap<DType>(callOne('aten::rsqrt', this))
  }

  /** The larger of two elements. Follows `torch.maximum`. */
  maximum(other: Tensor): Tensor {
    return this.#withOther('aten::maximum', other)
  }

  /** The smaller of two elements. Follows `torch.minimum`. */
  minimum(other: Tensor): Tensor {
    return this.#withOther('aten::minimum', other)
  }

  /** The product of batches of matrices, (B, N, M) by (B, M, P). Follows `torch.bmm`. */
  bmm(other: Tensor): Tensor {
    return this.#withOther('aten::bmm', other)
  }

  logicalAnd(other: Tensor): Tensor<'bool'> {
    return this.#withOther<'bool'>('aten::logical_and', other)
  }

  logicalOr(other: Tensor): Tensor<'bool'> {
    return this.#withOther<'bool'>('aten::logical_or', other)
  }

  logicalXor(other: Tensor): Tensor<'bool'> {
    return this.#withOther<'bool'>('aten::logical_xor', other)
  }

  logicalNot(): Tensor<'bool'> {
    return this.wrap<'bool'>(callOne('aten::logical_not', this))
  }

  /** Tells whether all elements are true, over all elements or along `dim`. Follows `torch.all`. */
  all(options?: OneDimOptions): Tensor
  all(dim: number, options?: Omit<OneDimOptions, 'dim'>): Tensor
  all(...given: readonly unknown[]): Tensor {
    return this.#alongOne('all', ALL.read([], given))
  }

  /** Tells whether an element is true, over all elements or along `dim`. Follows `torch.any`. */
  any(options?: OneDimOptions): Tensor
  any(dim: number, options?: Omit<OneDimOptions, 'dim'>): Tensor
  any(...given: readonly unknown[]): Tensor {
    return this.#alongOne('any', ANY.read([], given))
  }

  /** Multiplies elements, all or along `dim`. Follows `torch.prod`. */
  prod(options?: OneDimOptions): Tensor
  prod(dim: number, options?: Omit<OneDimOptions, 'dim'>): Tensor
  prod(...given: readonly unknown[]): Tensor {
    const options = PROD.read([], given)
    if (options.dim !== undefined) {
      return this.wrap<DType>(callOne('aten::prod.dim_int', this, checkInteger('dim', options.dim), keepdimOf(options)))
    }
    keepdimOf(options)
    return this.wrap<DType>(callOne('aten::prod', this))
  }

  /** Gives the index of the smallest element, over all elements or along `dim`. Follows `torch.argmin`. */
  argmin(options?: OneDimOptions): Tensor<'int64'>
  argmin(dim: number, options?: Omit<OneDimOptions, 'dim'>): Tensor<'int64'>
  argmin(...given: readonly unknown[]): Tensor<'int64'> {
    const options = ARGMIN.read([], given)
    const dim = options.dim === undefined ? null : checkInteger('dim', options.dim)
    return this.wrap<'int64'>(callOne('aten::argmin', this, dim, keepdimOf(options)))
  }

  /** The variance of floats, over all elements or along dimensions. Follows `torch.var`. */
  var(options?: VarianceOptions): Tensor
  var(dim: number | readonly number[], options?: Omit<VarianceOptions, 'dim'>): Tensor
  var(...given: readonly unknown[]): Tensor {
    return this.#spread('aten::var.correction', VAR.read([], given))
  }

  /** The standard deviation of floats, over all elements or along dimensions. Follows `torch.std`. */
  std(options?: VarianceOptions): Tensor
  std(dim: number | readonly number[], options?: Omit<VarianceOptions, 'dim'>): Tensor
  std(...given: readonly unknown[]): Tensor {
    return this.#spread('aten::std.correction', STD.read([], given))
  }

  /**
   * The vector norm of floats, over all elements or along dimensions. Follows `torch.norm`, **without `p='nuc'`**.
   */
  norm(options?: NormOptions): Tensor
  norm(p: number | 'fro', options?: Omit<NormOptions, 'p'>): Tensor
  norm(...given: readonly unknown[]): Tensor {
    const options = NORM.read([], given)
    const { p = 'fro', dim } = options
    const order = p === 'fro' ? 2 : checkNumber('p', p)
    const dims = dim === undefined ? null : integers('dim', dim)
    return this.wrap<DType>(callOne('aten::linalg_vector_norm', this, order, dims, keepdimOf(options)))
  }

  /** Adds each element along `dim` to the sum of those before it. Follows `torch.cumsum`. */
  cumsum(dim: number, options?: CumulativeOptions): Tensor
  cumsum(dim: number, ...given: readonly unknown[]): Tensor {
    const { dtype } = CUMSUM.read([dim], given)
    const type = dtype === undefined ? null : checkDType('dtype', dtype)
    return this.wrap<DType>(callOne('aten::cumsum', this, checkInteger('dim', dim), type))
  }

  /** Gives the elements in order along a dimension, and their indices. Follows `torch.sort`. */
  sort(options?: SortOptions): { values: Tensor<D>; indices: Tensor<'int64'> }
  sort(dim: number, options?: Omit<SortOptions, 'dim'>): { values: Tensor<D>; indices: Tensor<'int64'> }
  sort(...given: readonly unknown[]): { values: Tensor<D>; indices: Tensor<'int64'> } {
    const [values, indices] = this.#sorted(SORT.read([], given))
    return { values, indices }
  }

  /** Gives the indices of the elements in order along a dimension. Follows `torch.argsort`. */
  argsort(options?: SortOptions): Tensor<'int64'>
  argsort(dim: number, options?: Omit<SortOptions, 'dim'>): Tensor<'int64'>
  argsort(...given: readonly unknown[]): Tensor<'int64'> {
    const [values, indices] = this.#sorted(ARGSORT.read([], given))
    values.dispose()
    return indices
  }

  #withOther<E extends DType = DType>(schema: string, other: Tensor): Tensor<E> {
    handleOf(other, 'other')
    return this.wrap<E>(callOne(schema, this, other))
  }

  #alongOne(name: 'all' | 'any', options: OneDimOptions): Tensor {
    const keepdim = keepdimOf(options)
    if (options.dim === undefined) return this.wrap<DType>(callOne(`aten::${name}`, this))
    return this.wrap<DType>(callOne(`aten::${name}.dim`, this, checkInteger('dim', options.dim), keepdim))
  }

  #spread(schema: string, options: VarianceOptions): Tensor {
    const { dim, correction = 1 } = options
    if (!this.isFloatingPoint())
      throw expected('a tensor of floats', schema.slice('aten::'.length, -'.correction'.length), this)
    const dims = dim === undefined ? null : integers('dim', dim)
    return this.wrap<DType>(callOne(schema, this, dims, checkNumber('correction', correction), keepdimOf(options)))
  }

  #sorted(options: SortOptions): [Tensor<D>, Tensor<'int64'>] {
    const { dim = -1, descending = false, stable = false } = options
    const order = checkBoolean('descending', descending)
    const isStable = checkBoolean('stable', stable)
    const [values, indices] = callTwo('aten::sort.stable', this, isStable, checkInteger('dim', dim), order)
    return [this.wrap(values), this.wrap<'int64'>(indices)]
  }
}

function keepdimOf({ keepdim = false }: { readonly keepdim?: boolean | undefined }): boolean {
  return checkBoolean('keepdim', keepdim)
}
