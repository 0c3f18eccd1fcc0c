import { native, type TensorHandle, type WeightsHandle } from '../libtorch/binding.js'
import type { Device } from '../util/device.js'
import type { DType } from '../util/dtype.js'
import { handleOf } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkInstructionSet, type InstructionSet } from './instruction_set.js'
import { isConstant, type AtenArgument, type Conv2dNode, type Graph, type LinearNode, type Node } from './graph.js'

/** A tensor that a graph holds. */
export interface Constant {
  /** Tells the constants of one engine apart. */
  readonly id: number
  readonly handle: TensorHandle
  readonly shape: readonly number[]
  readonly dtype: DType
}

/** A linear layer is a convolution with one tap. */
const ONE_TAP = { stride: [1, 1], padding: [0, 0], dilation: [1, 1] } as const

/** The constants of graphs as an engine holds them: it needs their memory longer than the model may live. */
export class Constants {
  readonly #held = new Map<Tensor, Constant>()
  readonly #weights = new Map<string, WeightsHandle>()
  readonly #instructionSet: InstructionSet
  readonly #device: Device

  /** The instruction set is that of the own kernels that read weights. Default: the best, on the CPU. */
  constructor(instructionSet = checkInstructionSet(undefined), device: Device = 'cpu') {
    this.#instructionSet = instructionSet
    this.#device = device
  }

  /** Takes hold of what a graph needs: the graph and the model may be disposed then. */
  add(graph: Graph): void {
    for (const tensor of graph.nodes.flatMap(constantsOf)) this.hold(tensor)
  }

  /**
   * Takes hold of a tensor: of its memory, or of a copy where it lies on another device.
   *
   * @throws {TorchError} `TORCH_CUDA_UNAVAILABLE`, `TORCH_OUT_OF_MEMORY`.
   */
  hold(tensor: Tensor): void {
    if (this.#held.has(tensor)) return
    const { shape, dtype } = tensor
    const handle = native.to(handleOf(tensor), null, this.#device, false, null)
    this.#held.set(tensor, { id: this.#held.size, handle, shape, dtype })
  }

  of(tensor: Tensor): Constant {
    const constant = this.#held.get(tensor)
    if (constant === undefined) throw new TypeError('The constants of a graph are taken hold of before it is lowered')
    return constant
  }

  /** Gives the weights of a node as own kernels read them: the same ones for the same node of every graph. */
  convWeights(node: Conv2dNode | LinearNode): WeightsHandle {
    const weight = this.of(node.weight)
    const bias = node.bias === null ? null : this.of(node.bias)
    const { stride, padding, dilation } = node.kind === 'conv2d' ? node : ONE_TAP
    const key = JSON.stringify([weight.id, bias?.id, stride, padding, dilation])
    const known = this.#weights.get(key)
    if (known !== undefined) return known
    const handle = bias?.handle ?? null
    const made = native.createConvWeights(this.#instructionSet, weight.handle, handle, stride, padding, dilation)
    this.#weights.set(key, made)
    return made
  }

  /** Bytes of the forms in which own kernels have weights. */
  get packedBytes(): number {
    return [...this.#weights.values()].reduce((sum, weights) => sum + native.convWeightsBytes(weights), 0)
  }

  dispose(): void {
    for (const weights of this.#weights.values()) native.disposeConvWeights(weights)
    this.#weights.clear()
    for (const { handle } of this.#held.values()) native.dispose(handle)
    this.#held.clear()
  }
}

function constantsOf(node: Node): Tensor[] {
  switch (node.kind) {
    case 'conv2d':
    case 'linear':
      return [node.weight, node.bias].filter((tensor) => tensor !== null)
    case 'batchNorm':
      return [node.mean, node.variance, node.weight, node.bias].filter((tensor) => tensor !== null)
    case 'aten':
      return node.args.flatMap(constantsOfArgument)
    default:
      return []
  }
}

function constantsOfArgument(argument: AtenArgument): Tensor[] {
  if ('constant' in argument) return [argument.constant]
  return 'values' in argument ? argument.values.filter(isConstant) : []
}
