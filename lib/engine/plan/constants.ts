import { native } from '../../libtorch/binding.js'
import type { TensorHandle, WeightsHandle } from '../../libtorch/handles.js'
import type { Pair } from '../../nn/checks.js'
import type { Device } from '../../util/device.js'
import { finish, type Pieces } from '../../util/slices.js'
import type { DType } from '../../util/dtype.js'
import { handleOf } from '../../tensor/handle.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Graph } from '../graph.js'
import { constantsOf } from '../ops/index.js'
import type { Layer } from '../ops/layer.js'
import { checkInstructionSet, type InstructionSet } from '../tune/instruction_set.js'

/** A tensor that a graph holds. */
export interface Constant {
  /** Tells the constants of one engine apart. */
  readonly id: number
  readonly handle: TensorHandle
  readonly shape: readonly number[]
  readonly dtype: DType
}

interface ConvGeometry {
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
}

/** In what native kernels keep weights: `float16` is for storage only, all of them compute in float32. */
export const WEIGHT_DTYPES = ['float32', 'float16'] as const

/** One of {@link WEIGHT_DTYPES}. */
export type WeightDType = (typeof WEIGHT_DTYPES)[number]

/** How {@link Constants} hold tensors. */
export interface ConstantsOptions {
  /** Of the native kernels that read weights. Default: the best that this CPU has. */
  readonly instructionSet?: InstructionSet | undefined
  /** Default: `cpu`. */
  readonly device?: Device | undefined
  /** In what native kernels keep weights. Default: `float32`. */
  readonly weights?: WeightDType | undefined
}

/** A linear layer is a convolution with one tap. */
const ONE_TAP: ConvGeometry = { stride: [1, 1], padding: [0, 0], dilation: [1, 1] }

/** The constants of graphs as an engine holds them: it needs their memory longer than the model may live. */
export class Constants {
  readonly #held = new Map<Tensor, Constant>()
  readonly #weights = new Map<string, WeightsHandle>()
  /** Of which native kernels have packed forms. */
  readonly #packed = new Set<Tensor>()
  /** What steps read as they are. */
  readonly #read = new Set<Tensor>()
  readonly #instructionSet: InstructionSet
  readonly #device: Device
  readonly #isHalf: boolean

  constructor(options: ConstantsOptions = {}) {
    const { instructionSet = checkInstructionSet(undefined), device = 'cpu', weights = 'float32' } = options
    this.#instructionSet = instructionSet
    this.#device = device
    this.#isHalf = weights === 'float16'
  }

  /** Takes hold of the constants of a graph: the graph and the model may be disposed then. */
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

  /** Gives a constant that a step reads as it is, and so whenever a plan is made again. */
  read(tensor: Tensor): Constant {
    this.#read.add(tensor)
    return this.of(tensor)
  }

  /** Gives the weights of a layer as native kernels read them: the same ones for the same layer of every graph. */
  nativeWeights(node: Layer & Partial<ConvGeometry>): WeightsHandle {
    const weight = this.of(node.weight)
    const bias = node.bias === null ? null : this.of(node.bias)
    const { stride, padding, dilation } = { ...ONE_TAP, ...node }
    const key = JSON.stringify([weight.id, bias?.id, stride, padding, dilation])
    const known = this.#weights.get(key)
    if (known !== undefined) return known
    const handle = bias?.handle ?? null
    const [set, isHalf] = [this.#instructionSet, this.#isHalf]
    const made = native.createConvWeights(set, weight.handle, handle, stride, padding, dilation, isHalf)
    this.#weights.set(key, made)
    this.#packed.add(node.weight)
    return made
  }

  /** Bytes of the forms into which native kernels have packed weights. */
  get packedBytes(): number {
    return [...this.#weights.values()].reduce((sum, weights) => sum + native.convWeightsBytes(weights), 0)
  }

  /**
   * Lets go of the weights of which native kernels have all packed forms that they will read: plans for all sizes of batches are
   * prepared.
   */
  *releasingSources(): Pieces<void> {
    for (const weights of this.#weights.values()) {
      yield
      native.releaseConvSource(weights)
    }
    for (const tensor of this.#packed) {
      yield
      if (!this.#read.has(tensor)) native.dispose(this.of(tensor).handle)
    }
  }

  dispose(): void {
    finish(this.disposing())
  }

  /** Does what {@link dispose} does, in pieces: giving memory back takes time. */
  *disposing(): Pieces<void> {
    for (const weights of this.#weights.values()) {
      yield
      native.disposeConvWeights(weights)
    }
    this.#weights.clear()
    for (const { handle } of this.#held.values()) {
      yield
      native.dispose(handle)
    }
    this.#held.clear()
  }
}
