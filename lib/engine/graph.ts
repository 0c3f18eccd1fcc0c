import type { DType } from '../util/dtype.js'
import type { Pair } from '../nn/checks.js'
import { HELD } from '../util/scope.js'
import { TensorBase } from '../tensor/handle.js'
import type { Tensor } from '../tensor/tensor.js'

/** What flows between nodes: made once, by an input of the graph or by one node. How it lies in memory is left open. */
export interface Value {
  /** Tells the values of one graph apart, and those of the graphs that passes make of it. */
  readonly id: number
  readonly shape: readonly number[]
  readonly dtype: DType
}

/** What a node does to its result before it stores it. */
export type Activation = 'none' | 'relu'

interface NodeBase {
  /** Path of the module that recorded the node, such as `layer1.0.conv1`; `''` is the root. */
  readonly path: string
  readonly output: Value
}

/** Convolves images (N, C, H, W), adds bias and residual, and applies the activation. */
export interface Conv2dNode extends NodeBase {
  readonly kind: 'conv2d'
  readonly input: Value
  /** Shape (O, C / groups, kH, kW). */
  readonly weight: Tensor
  /** Shape (O). */
  readonly bias: Tensor | null
  readonly stride: Pair
  /** Zeros on every side. */
  readonly padding: Pair
  readonly dilation: Pair
  readonly groups: number
  /** Added to the result, whose shape it has. */
  readonly residual: Value | null
  readonly activation: Activation
}

/** Normalises the channels of (N, C, ...) by statistics that do not change. */
export interface BatchNormNode extends NodeBase {
  readonly kind: 'batchNorm'
  readonly input: Value
  readonly mean: Tensor
  readonly variance: Tensor
  readonly weight: Tensor | null
  readonly bias: Tensor | null
  readonly eps: number
}

/** Multiplies (N, I) by a matrix (O, I), adds the bias (O), and applies the activation. */
export interface LinearNode extends NodeBase {
  readonly kind: 'linear'
  readonly input: Value
  readonly weight: Tensor
  readonly bias: Tensor | null
  readonly activation: Activation
}

/** Sets elements below 0 to 0. */
export interface ReluNode extends NodeBase {
  readonly kind: 'relu'
  readonly input: Value
}

/** Adds two values of one shape and one dtype of floats, and applies the activation. Other sums are {@link AtenNode}s. */
export interface AddNode extends NodeBase {
  readonly kind: 'add'
  readonly left: Value
  readonly right: Value
  readonly activation: Activation
}

/** Gives the largest element of each window of images (N, C, H, W). */
export interface MaxPool2dNode extends NodeBase {
  readonly kind: 'maxPool2d'
  readonly input: Value
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
  readonly ceilMode: boolean
}

/** Averages each window of images (N, C, H, W). */
export interface AvgPool2dNode extends NodeBase {
  readonly kind: 'avgPool2d'
  readonly input: Value
  readonly kernelSize: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly ceilMode: boolean
  readonly countIncludePad: boolean
  readonly divisorOverride: number | null
}

/** Averages images (N, C, H, W) to (N, C, 1, 1) or (N, C), whichever the output's shape is. */
export interface GlobalAvgPoolNode extends NodeBase {
  readonly kind: 'globalAvgPool'
  readonly input: Value
}

/** Gives the same elements, in row-major order, the shape of the output. */
export interface ReshapeNode extends NodeBase {
  readonly kind: 'reshape'
  readonly input: Value
}

/**
 * An argument as a schema of libtorch has it. A literal string is a string or, where the schema says `ScalarType`, a
 * dtype; a literal number is an integer where it has no fraction and the schema says `Scalar`.
 */
export type AtenArgument =
  | { readonly value: Value }
  | { readonly values: readonly (Value | Tensor)[] }
  | { readonly constant: Tensor }
  | { readonly literal: null | boolean | number | bigint | string | readonly number[] }

/** Any other operator of libtorch's dispatcher. */
export interface AtenNode {
  readonly kind: 'aten'
  readonly path: string
  /** Name and overload, such as `aten::softmax.int`. */
  readonly schema: string
  /** One for each argument of the schema, in its order. */
  readonly args: readonly AtenArgument[]
  /** One for each tensor that the schema returns, in its order. */
  readonly outputs: readonly Value[]
}

/** A step of a {@link Graph}. */
export type Node =
  | Conv2dNode
  | BatchNormNode
  | LinearNode
  | ReluNode
  | AddNode
  | MaxPool2dNode
  | AvgPool2dNode
  | GlobalAvgPoolNode
  | ReshapeNode
  | AtenNode

/** What a {@link Graph} is made of. */
export interface GraphParts {
  readonly inputs: readonly Value[]
  readonly nodes: readonly Node[]
  readonly outputs: readonly Value[]
  readonly owned: Iterable<Tensor>
}

/**
 * What a model computes for one shape of input: nodes in an order in which each finds its inputs made.
 *
 * Its constants are tensors, most of them the model's own: whatever changes or disposes those changes or breaks the graph.
 * It is never changed itself. A pass makes a new graph, **which takes over what the old one owned**: only the last of a
 * chain is to be disposed.
 */
export class Graph implements Disposable {
  /** One, for now. */
  readonly inputs: readonly Value[]
  readonly nodes: readonly Node[]
  /** One, for now. It may be the input itself. */
  readonly outputs: readonly Value[]
  /** The constants that are not the model's own. */
  readonly owned: ReadonlySet<Tensor>

  constructor({ inputs, nodes, outputs, owned }: GraphParts) {
    this.inputs = inputs
    this.nodes = nodes
    this.outputs = outputs
    this.owned = new Set(owned)
  }

  /** Makes a graph in which the given parts are others, and which owns `made` besides. */
  with(parts: {
    readonly nodes?: readonly Node[] | undefined
    readonly outputs?: readonly Value[] | undefined
    readonly made?: Iterable<Tensor> | undefined
  }): Graph {
    const { nodes = this.nodes, outputs = this.outputs, made = [] } = parts
    return new Graph({ inputs: this.inputs, nodes, outputs, owned: [...this.owned, ...made] })
  }

  /** Disposes the constants that are not the model's own. */
  dispose(): void {
    for (const tensor of this.owned) tensor.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What a scope keeps alive if this is its result. */
  [HELD](): Iterable<Tensor> {
    return this.owned
  }
}

/** Lists the values that a node reads, one that it reads twice two times. */
export function inputsOf(node: Node): Value[] {
  switch (node.kind) {
    case 'aten':
      return node.args.flatMap(valuesOf)
    case 'add':
      return [node.left, node.right]
    case 'conv2d':
      return node.residual === null ? [node.input] : [node.input, node.residual]
    default:
      return [node.input]
  }
}

/** Lists the values that a node makes. */
export function outputsOf(node: Node): readonly Value[] {
  return node.kind === 'aten' ? node.outputs : [node.output]
}

/** Makes a node that reads other values in the places of those that it reads. */
export function withInputs<N extends Node>(node: N, replace: (value: Value) => Value): N
export function withInputs(node: Node, replace: (value: Value) => Value): Node {
  switch (node.kind) {
    case 'aten':
      return { ...node, args: node.args.map((argument) => withValues(argument, replace)) }
    case 'add':
      return { ...node, left: replace(node.left), right: replace(node.right) }
    case 'conv2d':
      return { ...node, input: replace(node.input), residual: node.residual && replace(node.residual) }
    default:
      return { ...node, input: replace(node.input) }
  }
}

/** Tells whether an entry of `values` in an {@link AtenArgument} is a constant. */
export function isConstant(entry: Value | Tensor): entry is Tensor {
  return entry instanceof TensorBase
}

function valuesOf(argument: AtenArgument): Value[] {
  if ('value' in argument) return [argument.value]
  if ('values' in argument) return argument.values.filter((entry): entry is Value => !isConstant(entry))
  return []
}

function withValues(argument: AtenArgument, replace: (value: Value) => Value): AtenArgument {
  if ('value' in argument) return { value: replace(argument.value) }
  if (!('values' in argument)) return argument
  return { values: argument.values.map((entry) => (isConstant(entry) ? entry : replace(entry))) }
}
