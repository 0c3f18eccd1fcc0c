import type { Tensor } from '../../tensor/tensor.js'
import type { Table } from '../trace/table.js'
import type { Value } from '../graph.js'
import type { Fields } from './fields.js'
import type { Kernel, NativeKernel, Target } from './kernel.js'

/** What every node with one output has. */
export interface NodeBase {
  /** Path of the module that recorded the node, such as `layer1.0.conv1`; `''` is the root. */
  readonly path: string
  readonly output: Value
}

/** Gives the tensor of a value that has been computed. */
export type Lookup = (value: Value) => Tensor

/** What a node can do in the same step as its own work. */
export type Absorbed = 'batchNorm' | 'residual' | 'activation'

/** Sets of kernels. */
export type KernelName = 'aten' | 'onednn' | 'native' | 'cudnn' | 'int8'

/** The kernels of a kind of nodes; libtorch's ordinary operators compute every kind. */
export interface Kernels<N> {
  readonly aten: Kernel<N>
  readonly onednn?: Kernel<N>
  readonly cudnn?: Kernel<N>
  readonly int8?: Kernel<N>
  readonly native?: NativeKernel<N>
}

/** What the quantizer knows of a kind of nodes. */
export interface QuantizationRole<N> {
  /** Tells whether a node is a layer that can be computed with int8 weights. */
  isLayer?(node: N): boolean
  /** Whether such a layer stays in float32 if it is the last one. */
  readonly isKeptAtEnd?: boolean
  /** Lists the values that are uint8 where the layer is quantized. */
  quantizedValues?(node: N): readonly Value[]
  /** Whether the node can read uint8. */
  readonly readsQuantized?: boolean
  /** Whether the output has the range of the input. */
  readonly keepsRange?: boolean
}

/**
 * All that the engine knows of one kind of nodes. Code that handles nodes of any kind asks the op, see `opOf()`, and names
 * no kinds.
 */
export interface Op<N extends { readonly kind: string }> {
  readonly kind: N['kind']
  readonly fields: Fields<N>
  /** Functions of the binding whose calls become such nodes, and how they are recorded. */
  readonly record: Table
  readonly absorbs: readonly Absorbed[]
  /** How `explain()` calls a node. Default: the kind, with what it has absorbed. */
  title?(node: N): string
  /** Shape of the output; null where the inputs do not fit each other and the constants. */
  shape(node: N): readonly number[] | null
  /** Computes a node with the eager operators: one tensor for each output. */
  eager(node: N, lookup: Lookup): Tensor[]
  /** Multiplications and additions of a node's matrix products. Default: 0. */
  flop?(node: N, target: Pick<Target, 'constants'>): number
  /** Tells whether the outputs may share the memory of the inputs. Default: they never do. */
  mayAlias?(node: N): boolean
  readonly kernels: Kernels<N>
  readonly quantization?: QuantizationRole<N>
}
