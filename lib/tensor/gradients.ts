import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { checkBoolean, expected } from '../util/check.js'
import { isFloatingPoint, type DType } from '../util/dtype.js'
import { TorchError } from '../util/errors.js'
import { Signature } from '../util/signature.js'
import { handleOf, TensorBase } from './handle.js'
import { TensorMath } from './math.js'
import type { Tensor } from './tensor.js'

/** Options of `Tensor.backward` and `Tensor.backwardAsync`. */
export interface BackwardOptions {
  /** Gradient of what is differentiated with respect to this tensor, of its shape. Default: 1, for a tensor of one element. */
  readonly gradient?: Tensor | null | undefined
  /** Keep the graph, for another pass through it. Default: as `createGraph`. */
  readonly retainGraph?: boolean | undefined
  /** Record the pass itself, for derivatives of higher order. Default: `false`. */
  readonly createGraph?: boolean | undefined
  /** The tensors whose gradients are accumulated. Default: all leaves that this tensor was computed from. */
  readonly inputs?: Tensor | readonly Tensor[] | undefined
}

/** Text of PyTorch's for a tensor of integers that is to be trained. */
export const ONLY_FLOATS_REQUIRE_GRAD = 'Only Tensors of floating point and complex dtype can require gradients'

const NO_LEAF = 'you can only change requires_grad flags of leaf variables.'
const USE_DETACH = "If you want to use a computed variable in a subgraph that doesn't require differentiation use"

const BACKWARD = backwardSignature('backward')
const BACKWARD_ASYNC = backwardSignature('backwardAsync')

/** Passes that have been started by `backwardAsync`. */
let passes = 0

/** What tensors have to do with gradients. */
export abstract class TensorGradients<D extends DType> extends TensorMath<D> {
  #grad: Tensor<D> | null = null

  /**
   * Whether operations on the tensor are recorded, so that {@link backward} can compute its gradient. Only that of a leaf can be
   * set to false. Follows `Tensor.requires_grad`.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if it is set for a tensor of integers, or to false for one that is no leaf.
   */
  get requiresGrad(): boolean {
    return native.requiresGrad(handleOf(this))
  }

  set requiresGrad(requiresGrad: boolean) {
    checkBoolean('requiresGrad', requiresGrad)
    checkCanRequireGrad(this.dtype, requiresGrad)
    if (native.isLeaf(handleOf(this))) native.setRequiresGrad(handleOf(this), requiresGrad)
    else if (!requiresGrad) throw new TorchError('TORCH_INVALID_ARGUMENT', `${NO_LEAF} ${USE_DETACH} tensor.detach().`)
  }

  /** Sets {@link requiresGrad}, and gives the tensor back. Follows `Tensor.requires_grad_`. */
  requiresGrad_(requiresGrad = true): this {
    this.requiresGrad = requiresGrad
    return this
  }

  /**
   * The gradient that {@link backward} has accumulated, of this tensor's shape; null before. **It belongs to this tensor and is
   * disposed with it.** Setting it replaces it. Follows `Tensor.grad`.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if another shape, dtype or device is set.
   */
  get grad(): Tensor<D> | null {
    const known = this.#grad === null || this.#grad.isDisposed ? null : this.#grad
    if (native.isGrad(handleOf(this), known === null ? null : handleOf(known))) return known
    const handle = native.grad(handleOf(this))
    this.#grad = handle === null ? null : this.wrap<D>(handle)
    return this.#grad
  }

  set grad(grad: Tensor<D> | null) {
    if (grad !== null) checkGrad(this, grad)
    native.setGrad(handleOf(this), grad === null ? null : handleOf(grad, 'grad'))
    this.#grad = grad
  }

  /** Name of the operation that made the tensor, such as `AddBackward0`; null for a leaf. Follows `Tensor.grad_fn.name()`. */
  get gradFn(): string | null {
    return native.gradFn(handleOf(this))
  }

  /** Whether the tensor was not made by a recorded operation: gradients are accumulated in leaves. Follows `Tensor.is_leaf`. */
  get isLeaf(): boolean {
    return native.isLeaf(handleOf(this))
  }

  /** Whether {@link retainGrad} was called. Follows `Tensor.retains_grad`. */
  get retainsGrad(): boolean {
    return native.retainsGrad(handleOf(this))
  }

  /** Whether the tensor was made in `inferenceMode`, and so can never have a gradient. Follows `Tensor.is_inference`. */
  isInference(): boolean {
    return native.isInference(handleOf(this))
  }

  /** Has {@link backward} accumulate the gradient of a tensor that is no leaf, too. Follows `Tensor.retain_grad`. */
  retainGrad(): void {
    native.retainGrad(handleOf(this))
  }

  /** Gives a second tensor of the same memory, which has no part in the graph. Follows `Tensor.detach`. */
  detach(): Tensor<D> {
    return this.wrap(native.detach(handleOf(this)))
  }

  /** Takes the tensor out of the graph, and so makes it a leaf. Follows `Tensor.detach_`. */
  detach_(): this {
    native.detach_(handleOf(this))
    return this
  }

  /**
   * Computes the gradients of this tensor with respect to the leaves that it was computed from, and adds them to their
   * {@link grad}. It blocks the event loop: see {@link backwardAsync}. Follows `Tensor.backward`.
   *
   * @throws {TorchError} `TORCH_OPERATOR` with libtorch's words if nothing was recorded, the graph has been freed by an earlier
   * pass, or a tensor that is needed was changed in place.
   */
  backward(options?: BackwardOptions): void
  backward(gradient: Tensor, options?: Omit<BackwardOptions, 'gradient'>): void
  backward(...given: readonly unknown[]): void {
    native.backward(...this.#pass(BACKWARD, given))
  }

  /**
   * Does what {@link backward} does on a thread of its own, while the event loop goes on. Until the promise is settled no tensor
   * of the graph may be changed in place; disposing them is safe.
   */
  async backwardAsync(options?: BackwardOptions): Promise<void>
  async backwardAsync(gradient: Tensor, options?: Omit<BackwardOptions, 'gradient'>): Promise<void>
  async backwardAsync(...given: readonly unknown[]): Promise<void> {
    await native.backwardAsync(...this.#pass(BACKWARD_ASYNC, given), passes++)
  }

  override dispose(): void {
    if (this.#grad !== null) this.#grad.dispose()
    this.#grad = null
    super.dispose()
  }

  #pass(signature: Signature<BackwardOptions>, given: readonly unknown[]): BackwardArguments {
    // Refuses a disposed tensor as all methods do: the pass would call it roots[0].
    native.requiresGrad(handleOf(this))
    const [first, ...rest] = given
    const isGradient = first instanceof TensorBase
    const options = signature.read([], isGradient ? rest : given)
    const gradient = isGradient ? (first as Tensor) : (options.gradient ?? null)
    const { retainGraph, createGraph = false, inputs = [] } = options
    return [
      [handleOf(this)],
      [gradient === null ? null : handleOf(gradient, 'gradient')],
      retainGraph === undefined ? null : checkBoolean('retainGraph', retainGraph),
      checkBoolean('createGraph', createGraph),
      checkInputs(inputs),
    ]
  }
}

type BackwardArguments = Parameters<typeof native.backward>

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a tensor of the dtype cannot have a gradient and is to. */
export function checkCanRequireGrad(dtype: DType, requiresGrad: boolean): void {
  if (requiresGrad && !isFloatingPoint(dtype)) throw new TorchError('TORCH_INVALID_ARGUMENT', ONLY_FLOATS_REQUIRE_GRAD)
}

function checkGrad(tensor: TensorGradients<DType>, grad: TensorGradients<DType>): void {
  handleOf(grad, 'grad')
  const isSameShape = grad.ndim === tensor.ndim && grad.shape.every((size, dim) => size === tensor.shape[dim])
  if (!isSameShape || grad.dtype !== tensor.dtype || grad.device !== tensor.device) {
    throw expected('a tensor of the same shape, dtype and device', 'grad', grad)
  }
}

function checkInputs(inputs: unknown): readonly TensorHandle[] {
  if (!Array.isArray(inputs)) return [handleOf(inputs as Tensor, 'inputs')]
  return inputs.map((input: Tensor, index) => handleOf(input, `inputs[${index}]`))
}

function backwardSignature(name: string): Signature<BackwardOptions> {
  return new Signature<BackwardOptions>(name, [], {
    ...{ gradient: 'name', retainGraph: 'name', createGraph: 'name', inputs: 'name' },
  })
}
