import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { checkBoolean, checkNumber, checkOptions, expected } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { generatorHandleOf, type Generator } from './random.js'
import type { Tensor } from './tensor.js'
import { handleOf, TensorBase } from './handle.js'
import { TensorViews } from './views.js'

/** The second operand: a tensor that broadcasts against the first, or a number. */
export type Operand = Tensor | number | bigint

/** How `div` rounds: towards zero, down, or not at all. */
export type RoundingMode = 'trunc' | 'floor'

interface AlphaOptions {
  /** Factor of the second operand. Default: `1`. */
  readonly alpha?: number | undefined
}

interface DivOptions {
  /** Default: no rounding. */
  readonly roundingMode?: RoundingMode | undefined
}

interface DrawOptions {
  /** Default: the generator of the process, which `manualSeed` seeds. */
  readonly generator?: Generator | undefined
}

/**
 * Arithmetic, element by element, with PyTorch's broadcasting and dtype promotion; names that end in `_` change the tensor.
 *
 * A number without a fraction counts as an integer: it leaves the dtype of an integer tensor as it is.
 */
export abstract class TensorArithmetic<D extends DType> extends TensorViews<D> {
  /** `this + alpha * other`. Follows `torch.add`. */
  add(other: Operand, options: AlphaOptions = {}): Tensor {
    return this.wrap<DType>(native.add(handleOf(this), operand(other), alphaOf(options)))
  }

  /** `this - alpha * other`. Follows `torch.sub`. */
  sub(other: Operand, options: AlphaOptions = {}): Tensor {
    return this.wrap<DType>(native.sub(handleOf(this), operand(other), alphaOf(options)))
  }

  /** `this * other`. */
  mul(other: Operand): Tensor {
    return this.wrap<DType>(native.mul(handleOf(this), operand(other)))
  }

  /** `this / other`, as floats unless a rounding mode is given. Follows `torch.div`. */
  div(other: Operand, options: DivOptions = {}): Tensor {
    return this.wrap<DType>(native.div(handleOf(this), operand(other), roundingOf(options)))
  }

  /** `this` to the power of `exponent`. */
  pow(exponent: Operand): Tensor {
    return this.wrap<DType>(native.pow(handleOf(this), operand(exponent, 'exponent')))
  }

  /** The matrix product, batched over leading dimensions. Follows `torch.matmul`. */
  matmul(other: Tensor): Tensor {
    return this.wrap<DType>(native.matmul(handleOf(this), handleOf(other, 'other')))
  }

  neg(): Tensor<D> {
    return this.wrap(native.neg(handleOf(this)))
  }

  abs(): Tensor<D> {
    return this.wrap(native.abs(handleOf(this)))
  }

  /** The square root; integers become float32. */
  sqrt(): Tensor {
    return this.wrap<DType>(native.sqrt(handleOf(this)))
  }

  /** e to the power of each element; integers become float32. */
  exp(): Tensor {
    return this.wrap<DType>(native.exp(handleOf(this)))
  }

  /** The natural logarithm; integers become float32. */
  log(): Tensor {
    return this.wrap<DType>(native.log(handleOf(this)))
  }

  /** The logistic function; integers become float32. */
  sigmoid(): Tensor {
    return this.wrap<DType>(native.sigmoid(handleOf(this)))
  }

  /** The hyperbolic tangent; integers become float32. */
  tanh(): Tensor {
    return this.wrap<DType>(native.tanh(handleOf(this)))
  }

  /** Elements below 0 become 0. */
  relu(): Tensor<D> {
    return this.wrap(native.relu(handleOf(this)))
  }

  /** Elements outside `min` to `max` become the nearer bound; at least one bound must be given. */
  clamp(options: { readonly min?: number | undefined; readonly max?: number | undefined }): Tensor {
    checkOptions('clamp()', options, ['min', 'max'])
    const { min, max } = options
    if (min === undefined && max === undefined) throw expected('min or max', 'clamp()', options)
    if (min !== undefined) checkNumber('min', min)
    if (max !== undefined) checkNumber('max', max)
    return this.wrap<DType>(native.clamp(handleOf(this), min ?? null, max ?? null))
  }

  eq(other: Operand): Tensor<'bool'> {
    return this.wrap<'bool'>(native.eq(handleOf(this), operand(other)))
  }

  ne(other: Operand): Tensor<'bool'> {
    return this.wrap<'bool'>(native.ne(handleOf(this), operand(other)))
  }

  lt(other: Operand): Tensor<'bool'> {
    return this.wrap<'bool'>(native.lt(handleOf(this), operand(other)))
  }

  le(other: Operand): Tensor<'bool'> {
    return this.wrap<'bool'>(native.le(handleOf(this), operand(other)))
  }

  gt(other: Operand): Tensor<'bool'> {
    return this.wrap<'bool'>(native.gt(handleOf(this), operand(other)))
  }

  ge(other: Operand): Tensor<'bool'> {
    return this.wrap<'bool'>(native.ge(handleOf(this), operand(other)))
  }

  isnan(): Tensor<'bool'> {
    return this.wrap<'bool'>(native.isnan(handleOf(this)))
  }

  isfinite(): Tensor<'bool'> {
    return this.wrap<'bool'>(native.isfinite(handleOf(this)))
  }

  /** Tells whether shape and all elements are the same. Follows `torch.equal`. */
  equal(other: Tensor): boolean {
    return native.equal(handleOf(this), handleOf(other, 'other'))
  }

  /** Tells whether `|this - other| <= atol + rtol * |other|` everywhere. Follows `torch.allclose`. */
  allclose(
    other: Tensor,
    options: {
      /** Default: `1e-5`. */
      readonly rtol?: number | undefined
      /** Default: `1e-8`. */
      readonly atol?: number | undefined
      /** Count two NaN as equal. Default: `false`. */
      readonly equalNan?: boolean | undefined
    } = {},
  ): boolean {
    checkOptions('allclose()', options, ['rtol', 'atol', 'equalNan'])
    const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options
    return native.allclose(
      handleOf(this),
      handleOf(other, 'other'),
      checkNumber('rtol', rtol),
      checkNumber('atol', atol),
      checkBoolean('equalNan', equalNan),
    )
  }

  add_(other: Operand, options: AlphaOptions = {}): this {
    native.add_(handleOf(this), operand(other), alphaOf(options))
    return this
  }

  sub_(other: Operand, options: AlphaOptions = {}): this {
    native.sub_(handleOf(this), operand(other), alphaOf(options))
    return this
  }

  mul_(other: Operand): this {
    native.mul_(handleOf(this), operand(other))
    return this
  }

  div_(other: Operand, options: DivOptions = {}): this {
    native.div_(handleOf(this), operand(other), roundingOf(options))
    return this
  }

  /** Elements below 0 become 0, in place. */
  relu_(): this {
    native.relu_(handleOf(this))
    return this
  }

  /** Takes over the elements of `source`, which broadcasts and is converted. Follows `Tensor.copy_`. */
  copy_(source: Tensor): this {
    native.copy_(handleOf(this), handleOf(source, 'source'))
    return this
  }

  /** Sets every element to `value`. */
  fill_(value: number | bigint | boolean): this {
    native.fill_(handleOf(this), checkScalar('value', value))
    return this
  }

  /** Sets every element to 0. */
  zero_(): this {
    return this.fill_(0)
  }

  /** Draws every element evenly from `low` to below `high`. Follows `Tensor.uniform_`. */
  uniform_(low = 0, high = 1, options: DrawOptions = {}): this {
    checkOptions('uniform_()', options, ['generator'])
    const generator = generatorHandleOf(options.generator)
    native.uniform_(handleOf(this), checkNumber('low', low), checkNumber('high', high), generator)
    return this
  }

  /** Draws every element from the normal distribution. Follows `Tensor.normal_`. */
  normal_(mean = 0, std = 1, options: DrawOptions = {}): this {
    checkOptions('normal_()', options, ['generator'])
    const generator = generatorHandleOf(options.generator)
    native.normal_(handleOf(this), checkNumber('mean', mean), checkNumber('std', std), generator)
    return this
  }
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` unless `value` is a number, a bigint or a boolean; `NaN` is a number. */
export function checkScalar(name: string, value: unknown): number | bigint | boolean {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'boolean') {
    throw expected('a number, bigint or boolean', name, value)
  }
  return value
}

function operand(other: Operand, name = 'other'): TensorHandle | number | bigint {
  if (typeof other === 'number' || typeof other === 'bigint') return other
  if (!(other instanceof TensorBase)) throw expected('a tensor or a number', name, other)
  return handleOf(other, name)
}

function alphaOf(options: AlphaOptions): number {
  checkOptions('add() and sub()', options, ['alpha'])
  return checkNumber('alpha', options.alpha ?? 1)
}

function roundingOf(options: DivOptions): RoundingMode | null {
  checkOptions('div()', options, ['roundingMode'])
  const { roundingMode = null } = options
  if (roundingMode !== null && roundingMode !== 'trunc' && roundingMode !== 'floor') {
    throw expected("'trunc' or 'floor'", 'roundingMode', roundingMode)
  }
  return roundingMode
}
