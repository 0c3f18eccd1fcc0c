import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { checkBoolean, checkInteger, checkNonNegativeInteger, expected, isIntegerArray } from '../util/check.js'
import { checkDType, type DType } from '../util/dtype.js'
import { Signature } from '../util/signature.js'
import { callTwo } from './aten.js'
import { TensorGradients } from './gradients.js'
import { handleOf } from './handle.js'

/** Options of `sum` and `mean`. */
export interface ReduceOptions<D extends DType> {
  /** One dimension or several. Default: all. */
  readonly dim?: number | readonly number[] | undefined
  /** Keep the reduced dimensions with size 1. Default: `false`. */
  readonly keepdim?: boolean | undefined
  /** Convert to this dtype first. Default: int64 for integers, else the tensor's own. */
  readonly dtype?: D | undefined
}

/** Options of `argmax`, `max` and `min`. */
export interface DimOptions {
  /** Default: all dimensions. */
  readonly dim?: number | undefined
  /** Keep the reduced dimension with size 1. Default: `false`. */
  readonly keepdim?: boolean | undefined
}

/** Options of `topk`. */
export interface TopkOptions {
  /** Default: `-1`. */
  readonly dim?: number | undefined
  /** The largest, else the smallest. Default: `true`. */
  readonly largest?: boolean | undefined
  /** In order. Default: `true`. */
  readonly sorted?: boolean | undefined
}

/** Options of `softmax` and `logSoftmax`. */
export interface SoftmaxOptions<D extends DType> {
  /** Convert to this dtype first. Default: the tensor's own. */
  readonly dtype?: D | undefined
}

const SUM = new Signature<ReduceOptions<DType>>('sum', [], { dim: 'position', keepdim: 'name', dtype: 'keyword' })
const MEAN = new Signature<ReduceOptions<DType>>('mean', [], { dim: 'position', keepdim: 'name', dtype: 'keyword' })
const MAX = new Signature<DimOptions>('max', [], { dim: 'position', keepdim: 'name' })
const MIN = new Signature<DimOptions>('min', [], { dim: 'position', keepdim: 'name' })
const ARGMAX = new Signature<DimOptions>('argmax', [], { dim: 'position', keepdim: 'name' })
const TOPK = new Signature<TopkOptions>('topk', ['k'], { dim: 'position', largest: 'name', sorted: 'name' })
const SOFTMAX = new Signature<SoftmaxOptions<DType>>('softmax', ['dim'], { dtype: 'name' })
const LOG_SOFTMAX = new Signature<SoftmaxOptions<DType>>('logSoftmax', ['dim'], { dtype: 'name' })

/**
 * A multi-dimensional array in native memory, of elements of dtype `D`. Follows `torch.Tensor`.
 *
 * It lives until {@link dispose}, the end of its `scope`, of its `using` block, or until it is garbage collected, which
 * comes late: a loop should use one of the first three.
 */
export class Tensor<D extends DType = DType> extends TensorGradients<D> {
  /** Adds up elements, all or along one dimension or several. Follows `torch.sum`. */
  sum<E extends DType = DType>(options?: ReduceOptions<E>): Tensor<E>
  sum<E extends DType = DType>(dim: number | readonly number[], options?: Omit<ReduceOptions<E>, 'dim'>): Tensor<E>
  sum(...given: readonly unknown[]): Tensor {
    const { dims, keepdim, dtype } = reduction('sum', SUM, given)
    return new Tensor(native.sum(handleOf(this), dims, keepdim, dtype))
  }

  /** Averages elements, which must be floats, all or along one dimension or several. Follows `torch.mean`. */
  mean<E extends DType = DType>(options?: ReduceOptions<E>): Tensor<E>
  mean<E extends DType = DType>(dim: number | readonly number[], options?: Omit<ReduceOptions<E>, 'dim'>): Tensor<E>
  mean(...given: readonly unknown[]): Tensor {
    const { dims, keepdim, dtype } = reduction('mean', MEAN, given)
    return new Tensor(native.mean(handleOf(this), dims, keepdim, dtype))
  }

  /**
   * Gives the largest elements: with `dim` by position their indices too, as `torch.max`, **with `dim` by name alone, as
   * `torch.amax`**.
   */
  max(options?: DimOptions): Tensor<D>
  max(dim: number, options?: Omit<DimOptions, 'dim'>): { values: Tensor<D>; indices: Tensor<'int64'> }
  max(...given: readonly unknown[]): Tensor<D> | { values: Tensor<D>; indices: Tensor<'int64'> } {
    const { dim, keepdim } = dimension(MAX.read([], given))
    if (typeof given[0] === 'number') return withIndices<D>('aten::max.dim', this, dim, keepdim)
    return new Tensor<D>(native.amax(handleOf(this), dim === null ? [] : [dim], keepdim))
  }

  /**
   * Gives the smallest elements: with `dim` by position their indices too, as `torch.min`, **with `dim` by name alone, as
   * `torch.amin`**.
   */
  min(options?: DimOptions): Tensor<D>
  min(dim: number, options?: Omit<DimOptions, 'dim'>): { values: Tensor<D>; indices: Tensor<'int64'> }
  min(...given: readonly unknown[]): Tensor<D> | { values: Tensor<D>; indices: Tensor<'int64'> } {
    const { dim, keepdim } = dimension(MIN.read([], given))
    if (typeof given[0] === 'number') return withIndices<D>('aten::min.dim', this, dim, keepdim)
    return new Tensor<D>(native.amin(handleOf(this), dim === null ? [] : [dim], keepdim))
  }

  /** Gives the index of the largest element, over all elements or along `dim`. Follows `torch.argmax`. */
  argmax(options?: DimOptions): Tensor<'int64'>
  argmax(dim: number, options?: Omit<DimOptions, 'dim'>): Tensor<'int64'>
  argmax(...given: readonly unknown[]): Tensor<'int64'> {
    const { dim, keepdim } = dimension(ARGMAX.read([], given))
    return new Tensor<'int64'>(native.argmax(handleOf(this), dim, keepdim))
  }

  /** Gives the `k` largest elements along a dimension and their indices. Follows `torch.topk`. */
  topk(k: number, options?: TopkOptions): { values: Tensor<D>; indices: Tensor<'int64'> }
  topk(k: number, dim: number, options?: Omit<TopkOptions, 'dim'>): { values: Tensor<D>; indices: Tensor<'int64'> }
  topk(k: number, ...given: readonly unknown[]): { values: Tensor<D>; indices: Tensor<'int64'> } {
    const { dim = -1, largest = true, sorted = true } = TOPK.read([k], given)
    checkNonNegativeInteger('k', k)
    const size = this.ndim === 0 ? 1 : this.size(checkInteger('dim', dim))
    if (k > size) throw expected(`at most ${size}, the size of dimension ${dim},`, 'k', k)
    checkBoolean('largest', largest)
    checkBoolean('sorted', sorted)
    const [values, indices] = native.topk(handleOf(this), k, checkInteger('dim', dim), largest, sorted)
    return { values: new Tensor<D>(values), indices: new Tensor<'int64'>(indices) }
  }

  /** Scales the exponentials along `dim` to the sum 1. Follows `torch.softmax`. */
  softmax<E extends DType = D>(dim: number, options?: SoftmaxOptions<E>): Tensor<E>
  softmax(dim: number, ...given: readonly unknown[]): Tensor {
    const { dtype } = SOFTMAX.read([dim], given)
    return new Tensor(native.softmax(handleOf(this), checkInteger('dim', dim), optionalDType(dtype)))
  }

  /** The logarithm of {@link softmax}, without its loss of precision. Follows `torch.log_softmax`. */
  logSoftmax<E extends DType = D>(dim: number, options?: SoftmaxOptions<E>): Tensor<E>
  logSoftmax(dim: number, ...given: readonly unknown[]): Tensor {
    const { dtype } = LOG_SOFTMAX.read([dim], given)
    return new Tensor(native.logSoftmax(handleOf(this), checkInteger('dim', dim), optionalDType(dtype)))
  }

  protected override wrap<E extends DType = D>(handle: TensorHandle): Tensor<E> {
    return new Tensor<E>(handle)
  }
}

function withIndices<D extends DType>(
  schema: string,
  ...args: readonly [Tensor<D>, number | null, boolean]
): { values: Tensor<D>; indices: Tensor<'int64'> } {
  const [values, indices] = callTwo(schema, ...args)
  return { values: new Tensor<D>(values), indices: new Tensor<'int64'>(indices) }
}

function reduction(
  name: string,
  signature: Signature<ReduceOptions<DType>>,
  given: readonly unknown[],
): { dims: readonly number[] | null; keepdim: boolean; dtype: DType | null } {
  if (given.length > 1 && isIntegerArray(given)) {
    throw expected('an integer or an array of integers', 'dim', given, `${name}([${given.join(', ')}])`)
  }
  const { dim, keepdim = false, dtype } = signature.read([], given)
  const dims = typeof dim === 'number' ? [dim] : dim
  if (dims !== undefined && !isIntegerArray(dims)) throw expected('an integer or an array of integers', 'dim', dim)
  return { dims: dims ?? null, keepdim: checkBoolean('keepdim', keepdim), dtype: optionalDType(dtype) }
}

function dimension({ dim, keepdim = false }: DimOptions): { dim: number | null; keepdim: boolean } {
  return { dim: dim === undefined ? null : checkInteger('dim', dim), keepdim: checkBoolean('keepdim', keepdim) }
}

function optionalDType(dtype: DType | undefined): DType | null {
  return dtype === undefined ? null : checkDType('dtype', dtype)
}
