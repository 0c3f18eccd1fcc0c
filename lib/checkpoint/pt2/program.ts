import type { StoredTensor } from '../stored.js'

/** A size: a number, or an expression of symbols such as `s77` or `2*s30`. */
export type ProgramSize = number | SizeExpression

/** An expression of symbolic sizes. */
export interface SizeExpression {
  /** Such as `2*s30 + 1`. */
  readonly text: string
  /** Its symbols, in the order in which they stand in it. */
  readonly symbols: readonly string[]
  /** Its value for sizes that {@link symbols} stand for. */
  readonly evaluate: (sizes: ReadonlyMap<string, number>) => number
}

/** What a program says of a tensor that goes in or out. */
export interface ProgramTensor {
  /** By PyTorch's name. */
  readonly dtype: string
  readonly shape: readonly ProgramSize[]
}

/** A number, a word or a list of them in a program. Dtypes are words such as `float32`, memory formats such as `channels_last`. */
export type Literal = null | boolean | number | bigint | string | readonly Literal[]

/** An argument of a node: a literal, a value of the graph by its name, a list of both, or what has no counterpart here. */
export type ProgramOperand =
  /** `isFloat` tells 2.0 from 2, which are one number in JavaScript. */
  | { readonly kind: 'literal'; readonly literal: Literal; readonly isFloat?: true }
  | { readonly kind: 'value'; readonly name: string }
  | { readonly kind: 'list'; readonly items: readonly ProgramOperand[] }
  | { readonly kind: 'unsupported'; readonly what: string }

/** What a node makes: a value by its name, a list of values, or a literal, such as null for what nothing reads. */
export type Output = Exclude<ProgramOperand, { readonly kind: 'unsupported' }>

/** A step of a program: one operator with its arguments by the names of its schema. */
export interface ProgramNode {
  /** Such as `torch.ops.aten.conv2d.default`. */
  readonly target: string
  readonly inputs: readonly { readonly name: string; readonly operand: ProgramOperand }[]
  readonly outputs: readonly Output[]
  /** Path of the module whose `forward` called it, such as `layer1.0.conv1`. */
  readonly module: string
}

/** What an input of a graph is. */
export type InputSpec =
  | { readonly kind: 'parameter' | 'buffer' | 'constant'; readonly name: string; readonly key: string }
  | { readonly kind: 'user'; readonly name: string }
  /** A value that was fixed when the program was exported. */
  | { readonly kind: 'literal'; readonly name: string; readonly literal: Literal }

/** What a program gives, in the order of its graph's outputs: null for what it does not give to its caller. */
export interface OutputSpec {
  readonly operand: ProgramOperand
  /** Such as `buffer_mutation`: what the program changes beside its outputs. */
  readonly changes: string | null
}

/** How values are put together: a leaf, or a container of such trees. */
export type Tree =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'list'; readonly items: readonly Tree[] }
  | { readonly kind: 'dict'; readonly entries: readonly (readonly [key: string, tree: Tree])[] }
  | { readonly kind: 'unsupported'; readonly type: string }

/** What `torch.export.save` wrote, apart from the elements of its tensors. Nothing of it is code. */
export interface Program {
  /** Version of PyTorch that wrote it. */
  readonly torchVersion: string
  readonly inputs: readonly InputSpec[]
  readonly outputs: readonly OutputSpec[]
  /** In an order in which each finds its inputs made. */
  readonly nodes: readonly ProgramNode[]
  /** What is known of inputs and outputs that are tensors, by name. */
  readonly tensors: ReadonlyMap<string, ProgramTensor>
  /** Smallest and largest values of symbolic sizes, by the text of the expression. */
  readonly ranges: ReadonlyMap<string, readonly [min: number, max: number]>
  /** The arguments of `forward` in their order, by position and then by name; each with its tree. */
  readonly arguments: readonly { readonly name: string; readonly tree: Tree }[]
  readonly result: Tree
  /** Conditions on the sizes of inputs, as Python writes them. */
  readonly guards: readonly string[]
  /** Parameters and persistent buffers by their keys. */
  readonly weights: ReadonlyMap<string, StoredTensor>
  /** Other tensors by their keys: buffers that are not persistent, and constants. */
  readonly constants: ReadonlyMap<string, StoredTensor>
}
