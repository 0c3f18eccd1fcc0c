import { native } from '../libtorch/binding.js'
import type { TensorHandle } from '../libtorch/handles.js'
import { handleOf } from '../tensor/handle.js'
import { Tensor } from '../tensor/tensor.js'
import { checkBoolean, expected } from '../util/check.js'
import { Signature } from '../util/signature.js'

/** One tensor or several. */
export type TensorOrTensors = Tensor | readonly Tensor[]

/** What {@link grad} and {@link backward} have in common. */
interface PassOptions {
  /** Keep the graph, for another pass through it. Default: as `createGraph`. */
  readonly retainGraph?: boolean | undefined
  /** Record the pass itself, for derivatives of higher order. Default: `false`. */
  readonly createGraph?: boolean | undefined
}

/** Options of {@link grad}. */
export interface GradOptions extends PassOptions {
  /**
   * Gradients of what is differentiated with respect to the outputs, one for each. Default: 1, for outputs of one element.
   */
  readonly gradOutputs?: Tensor | readonly (Tensor | null)[] | null | undefined
  /** Give null for an input from which no output was computed, instead of throwing. Default: `false`. */
  readonly allowUnused?: boolean | undefined
}

/** Options of {@link backward}. */
export interface BackwardTensorsOptions extends PassOptions {
  /** Gradients of what is differentiated with respect to the tensors, one for each. Default: 1, for tensors of one element. */
  readonly gradTensors?: Tensor | readonly (Tensor | null)[] | null | undefined
  /** The tensors whose gradients are accumulated. Default: all leaves. */
  readonly inputs?: TensorOrTensors | undefined
}

const GRAD = new Signature<GradOptions>('autograd.grad', ['outputs', 'inputs'], {
  ...{ gradOutputs: 'name', retainGraph: 'name', createGraph: 'name', allowUnused: 'name' },
})
const BACKWARD = new Signature<BackwardTensorsOptions>('autograd.backward', ['tensors'], {
  ...{ gradTensors: 'name', retainGraph: 'name', createGraph: 'name', inputs: 'name' },
})

/**
 * Gives the gradients of the sum of `outputs` with respect to `inputs`, one for each, and leaves the `grad` of all tensors as it
 * is. Follows `torch.autograd.grad`.
 *
 * @throws {TorchError} `TORCH_OPERATOR` with libtorch's words if nothing was recorded, an input was not used, the graph has been
 * freed, or a tensor that is needed was changed in place.
 */
export function grad(
  outputs: TensorOrTensors,
  inputs: TensorOrTensors,
  options: GradOptions & { readonly allowUnused: true },
): (Tensor | null)[]
export function grad(outputs: TensorOrTensors, inputs: TensorOrTensors, options?: GradOptions): Tensor[]
export function grad(
  outputs: TensorOrTensors,
  inputs: TensorOrTensors,
  ...given: readonly unknown[]
): (Tensor | null)[] {
  const options = GRAD.read([outputs, inputs], given)
  const handles = handlesOf('outputs', outputs)
  const gradients = native.gradients(
    handles,
    handlesOf('inputs', inputs),
    gradientsOf('gradOutputs', options.gradOutputs, handles.length),
    ...passOf(options),
    checkBoolean('allowUnused', options.allowUnused ?? false),
  )
  return gradients.map((handle) => (handle === null ? null : new Tensor(handle)))
}

/**
 * Computes the gradients of the sum of `tensors` with respect to the leaves that they were computed from, and adds them to their
 * `grad`. Follows `torch.autograd.backward`.
 *
 * @throws {TorchError} `TORCH_OPERATOR` as `Tensor.backward` does.
 */
export function backward(tensors: TensorOrTensors, options?: BackwardTensorsOptions): void
export function backward(tensors: TensorOrTensors, ...given: readonly unknown[]): void {
  const options = BACKWARD.read([tensors], given)
  const handles = handlesOf('tensors', tensors)
  const inputs = options.inputs === undefined ? [] : handlesOf('inputs', options.inputs)
  native.backward(handles, gradientsOf('gradTensors', options.gradTensors, handles.length), ...passOf(options), inputs)
}

function passOf({ retainGraph, createGraph = false }: PassOptions): [boolean | null, boolean] {
  return [
    retainGraph === undefined ? null : checkBoolean('retainGraph', retainGraph),
    checkBoolean('createGraph', createGraph),
  ]
}

function handlesOf(name: string, tensors: TensorOrTensors): readonly TensorHandle[] {
  if (!isList(tensors)) return [handleOf(tensors, name)]
  if (tensors.length === 0) throw expected('at least one tensor', name, tensors)
  return tensors.map((tensor, index) => handleOf(tensor, `${name}[${index}]`))
}

function gradientsOf(
  name: string,
  gradients: Tensor | readonly (Tensor | null)[] | null | undefined,
  count: number,
): readonly (TensorHandle | null)[] {
  if (gradients === null || gradients === undefined) return Array.from({ length: count }, () => null)
  const list = isList(gradients) ? gradients : [gradients]
  if (list.length !== count) throw expected(`a gradient or null for each of ${count} tensors`, name, list.length)
  return list.map((gradient, index) => (gradient === null ? null : handleOf(gradient, `${name}[${index}]`)))
}

function isList<T>(value: Tensor | readonly T[]): value is readonly T[] {
  return Array.isArray(value)
}
