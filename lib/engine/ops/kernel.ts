import type { NetworkOperation, PlanArgument } from '../../libtorch/plan_spec.js'
import type { DType } from '../../util/dtype.js'
import type { Layout, Node, Value } from '../graph.js'
import type { Constants } from '../plan/constants.js'
import type { PlanWriter } from '../plan/plan_writer.js'
import type { QParams } from '../quantization/qparams.js'
import type { Quantization } from '../quantization/quantized_model.js'
import type { SelectAlgorithm } from '../tune/heuristics.js'
import type { Layer } from './layer.js'

/** What kernels are selected for. */
export interface Target {
  /** In which float32 values are kept. */
  readonly dtype: DType
  /** Of a graph whose layers have int8 weights. */
  readonly quantization: Quantization | null
  /** The graph's constants, whose shapes and dtypes outlive the model. */
  readonly constants: Constants
  readonly selectAlgorithm: SelectAlgorithm
}

/** How a kernel wants a value that it reads. */
export interface LayoutRequest {
  readonly dtype: DType
  /** Channels-last; false takes any layout. Default: `false`. */
  readonly isChannelsLast?: boolean | undefined
}

/** How a value lies that a kernel has made. */
export interface OutputLayout extends Layout {
  readonly dtype: DType
}

/** One way to compute the nodes of a kind. */
export interface Kernel<N> {
  /** Tells whether it computes a node. Default: always. */
  supports?(node: N, target: Target): boolean
  /** How it wants a value that a node reads. */
  reads(node: N, value: Value, target: Target): LayoutRequest
  /** How an output lies; `inputs` are those of the node, as they lie. */
  writes(node: N, output: Value, inputs: readonly Value[], target: Target): OutputLayout
  /** Adds the steps of a node whose values have layouts. */
  emit(node: N, plan: PlanWriter): void
}

/** What an operation of a native network is wired to: indices of buffers and weights. */
export interface Wiring {
  readonly input: number
  /** The second value that the node reads, if it reads two. */
  readonly second: number | null
  readonly output: number
  /** Whether `input` is a value (N, C, H, W) from outside of the network. */
  readonly isNchw: boolean
  /** The node that is computed in the same pass. */
  readonly absorbed: Node | null
  /** Gives the index of a layer's packed weights. */
  readonly weights: (layer: Layer) => number
}

/** A kernel of this package for float32: consecutive nodes with one become a native network, see `plan/network.ts`. */
export interface NativeKernel<N> {
  supports(node: N, target: Target): boolean
  /** Whether it has weights: a network without any is not worth its copies. */
  readonly hasWeights?: boolean
  /** Whether the output is the input under another shape, and nothing is computed. */
  readonly isAlias?: boolean
  /** Tells whether it reads an input that comes from outside of the network as it is. */
  readsNchw?(node: N): boolean
  /** Tells whether it computes the only reader of its result in the same pass, if it reads NCHW. */
  absorbs?(node: N, reader: Node): boolean
  /** Zeros that it needs around its input. */
  border?(node: N): number
  /** The algorithm, as `explain()` names it. */
  algorithm?(node: N, isNchw: boolean, target: Target): string
  operation(node: N, wiring: Wiring, target: Target): NetworkOperation
}

/** Gives the dtype in which kernels keep a value. */
export function keptDType({ dtype }: Value, target: Target): DType {
  return dtype === 'float32' ? target.dtype : dtype
}

/** Gives what the uint8 elements of a quantized value stand for, null for any other value. */
export function qparamsOf({ id, dtype }: Value, { quantization }: Target): QParams | null {
  return dtype === 'float32' ? (quantization?.values.get(id) ?? null) : null
}

/** Makes arguments of literals. */
export function literals(
  ...values: readonly Extract<PlanArgument, { readonly literal: unknown }>['literal'][]
): PlanArgument[] {
  return values.map((literal) => ({ literal }))
}
