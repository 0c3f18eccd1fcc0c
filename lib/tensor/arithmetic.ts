import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { checkBoolean, checkNumber, checkNumberOrNaN, checkOptions, expected } from '../util/check.js'
import type { DType } from '../util/dtype.js'
import { Signature } from '../util/signature.js'
import { generatorHandleOf, type Generator } from './random.js'
import type { Tensor } from './tensor.js'
import { handleOf, TensorBase } from './handle.js'
import { TensorIndexing } from './indexing.js'

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

/** Bounds of `clamp`. */
export interface ClampOptions {
  /** Default: none. */
  readonly min?: number | undefined
  /** Default: none. */
  readonly max?: number | undefined
}

/** Options of `allclose`. */
export interface AllcloseOptions {
  /** Default: `1e-5`. */
  readonly rtol?: number | undefined
  /** Default: `1e-8`. */
  readonly atol?: number | undefined
  /** Count two NaN as equal. Default: `false`. */
  readonly equalNan?: boolean | undefined
}

interface DrawOptions {
  /** Default: the generator of the process, which `manualSeed` seeds. */
  readonly generator?: Generator | undefined
}

const ADD = new Signature<AlphaOptions>('add', ['other'], { alpha: 'name' })
const SUB = new Signature<AlphaOptions>('sub', ['other'], { alpha: 'name' })
const DIV = new Signature<DivOptions>('div', ['other'], { roundingMode: 'name' })
const ADD_ = new Signature<AlphaOptions>('add_', ['other'], { alpha: 'name' })
const SUB_ = new Signature<AlphaOptions>('sub_', ['other'], { alpha: 'name' })
const DIV_ = new Signature<DivOptions>('div_', ['other'], { roundingMode: 'name' })
const CLAMP = new Signature<ClampOptions>('clamp', [], { min: 'position', max: 'position' })
const ALLCLOSE = new Signature<AllcloseOptions>('allclose', ['other'], { rtol: 'name', atol: 'name', equalNan: 'name' })

/**
 * Arithmetic, element by element, with PyTorch's broadcasting and dtype promotion; names that end in `_` change the tensor.
 *
 * A number without a fraction counts as an integer: it leaves the dtype of an integer tensor as it is.
 */
export abstract class TensorArithmetic<D extends DType> extends TensorIndexing<D> {
  /** `this + alpha * other`. Follows `torch.add`. */
  add(other: Operand, options?: AlphaOptions): Tensor
  add(other: Operand, ...given: readonly unknown[]): Tensor {
    const options = ADD.read([other], given)
    return this.wrap<DType>(native.add(handleOf(this), operand(other), alphaOf(options)))
  }

  /** `this - alpha * other`. Follows `torch.sub`. */
  sub(other: Operand, options?: AlphaOptions): Tensor
  sub(other: Operand, ...given: readonly unknown[]): Tensor {
    const options = SUB.read([other], given)
    return this.wrap<DType>(native.sub(handleOf(this), operand(other), alphaOf(options)))
  }

  /** `this * other`. */
  mul(other: Operand): Tensor {
    return this.wrap<DType>(native.mul(handleOf(this), operand(other)))
  }

  /** `this / other`, as floats unless a rounding mode is given. Follows `torch.div`. */
  div(other: Operand, options?: DivOptions): Tensor
  div(other: Operand, ...given: readonly unknown[]): Tensor {
    const options = DIV.read([other], given)
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

  /** Elements outside `min` to `max` become the nearer bound; at least one bound must be given. A bound of NaN makes all NaN. */
  clamp(bounds: ClampOptions): Tensor
  clamp(min: number | undefined, max?: number): Tensor
  clamp(...given: readonly unknown[]): Tensor {
    const bounds = CLAMP.read([], given)
    const { min, max } = bounds
    if (min === undefined && max === undefined) throw expected('min or max', 'clamp()', bounds)
    if (min !== undefined) checkNumberOrNaN('min', min)
    if (max !== undefined) checkNumberOrNaN('max', max)
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
  allclose(other: Tensor, options?: AllcloseOptions): boolean
  allclose(other: Tensor, ...given: readonly unknown[]): boolean {
    const { rtol = 1e-5, atol = 1e-8, equalNan = false } = ALLCLOSE.read([other], given)
    return native.allclose(
      handleOf(this),
      handleOf(other, 'other'),
      checkNumber('rtol', rtol),
      checkNumber('atol', atol),
      checkBoolean('equalNan', equalNan),
    )
  }

  add_(other: Operand, options?: AlphaOptions): this
  add_(other: Operand, ...given: readonly unknown[]): this {
    const options = ADD_.read([other], given)
    native.add_(handleOf(this), operand(other), alphaOf(options))
    return this
  }

  sub_(other: Operand, options?: AlphaOptions): this
  sub_(other: Operand, ...given: readonly unknown[]): this {
    const options = SUB_.read([other], given)
    native.sub_(handleOf(this), operand(other), alphaOf(options))
    return this
  }

  mul_(other: Operand): this {
    native.mul_(handleOf(this), operand(other))
    return this
  }

  div_(other: Operand, options?: DivOptions): this
  div_(other: Operand, ...given: readonly unknown[]): this {
    const options = DIV_.read([other], given)
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

function alphaOf({ alpha = 1 }: AlphaOptions): number {
  return checkNumberOrNaN('alpha', alpha)
}

function roundingOf(options: DivOptions): RoundingMode | null {
  const { roundingMode = null } = options
  if (roundingMode !== null && roundingMode !== 'trunc' && roundingMode !== 'floor') {
    throw expected("'trunc' or 'floor'", 'roundingMode', roundingMode)
  }
  return roundingMode
}
