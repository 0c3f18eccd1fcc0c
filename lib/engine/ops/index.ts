import type { Tensor } from '../../tensor/tensor.js'
import type { Value } from '../graph.js'
import { ACTIVATION_OPS, type ActivationNode } from './activation.js'
import type { ActivationKind } from './activations.js'
import { add, type AddNode } from './add.js'
import { aten, type AtenNode } from './aten.js'
import { avgPool2d, type AvgPool2dNode } from './avg_pool2d.js'
import { batchNorm, type BatchNormNode } from './batch_norm.js'
import { conv2d, type Conv2dNode } from './conv2d.js'
import type { Field, Names, Replacement } from './fields.js'
import { globalAvgPool, type GlobalAvgPoolNode } from './global_avg_pool.js'
import { linear, type LinearNode } from './linear.js'
import { maxPool2d, type MaxPool2dNode } from './max_pool2d.js'
import type { Absorbed, Op } from './op.js'
import { reorder, type ReorderNode } from './reorder.js'
import { reshape, type ReshapeNode } from './reshape.js'

/** A step of a {@link Graph}. */
export type Node =
  | Conv2dNode
  | BatchNormNode
  | LinearNode
  | ActivationNode
  | AddNode
  | MaxPool2dNode
  | AvgPool2dNode
  | GlobalAvgPoolNode
  | ReshapeNode
  | AtenNode
  | ReorderNode

/** The nodes of one kind. */
export type NodeOf<K extends Node['kind']> = K extends ActivationKind
  ? ActivationNode
  : Extract<Node, { readonly kind: K }>

/** All kinds of nodes. Adding one is a file in this folder and a line here and in {@link Node}. */
export const OPS: { readonly [K in Node['kind']]: Op<NodeOf<K>> } = {
  conv2d,
  batchNorm,
  linear,
  ...ACTIVATION_OPS,
  add,
  maxPool2d,
  avgPool2d,
  globalAvgPool,
  reshape,
  aten,
  reorder,
}

/** Gives what the engine knows of a node. */
export function opOf(node: Node): Op<Node> {
  return OPS[node.kind]
}

/** Lists the values that a node reads, one that it reads twice two times. */
export function inputsOf(node: Node): Value[] {
  return contentsOf(node).flatMap(({ field, content }) => field.values(content))
}

/** Lists the values that a node makes. */
export function outputsOf(node: Node): readonly Value[] {
  return node.kind === 'aten' ? node.outputs : [node.output]
}

/** Lists the tensors that a node holds. */
export function constantsOf(node: Node): Tensor[] {
  return contentsOf(node).flatMap(({ field, content }) => field.constants(content))
}

/** Makes a node that reads other values in the places of those that it reads. */
export function withInputs<N extends Node>(node: N, value: (value: Value) => Value): N {
  return replaced(node, { value, constant: (constant) => constant })
}

/** Makes a node that makes other values in the places of those that it makes. */
export function withOutputs(node: Node, replace: (value: Value) => Value): Node {
  if (node.kind === 'aten') return { ...node, outputs: node.outputs.map(replace) }
  return { ...node, output: replace(node.output) }
}

/** Makes a node that holds other tensors in the places of its constants. */
export function mapConstants<N extends Node>(node: N, constant: (constant: Tensor) => Tensor): N {
  return replaced(node, { value: (value) => value, constant })
}

/** Gives the fields of a node in a form that JSON has. */
export function writeFields(node: Node, names: Names): Record<string, unknown> {
  const entries = contentsOf(node).map(({ name, field, content }) => [name, field.write(content, names, name)])
  return Object.fromEntries(entries) as Record<string, unknown>
}

/** Lists the fields of a kind of nodes. */
export function fieldsOf(kind: Node['kind']): [name: string, field: Field<unknown>][] {
  return Object.entries(OPS[kind].fields)
}

/** Tells whether nodes of a kind can do something else in the same step. */
export function absorbs(node: Node, what: Absorbed): boolean {
  return opOf(node).absorbs.includes(what)
}

/** Tells what a node does: `conv2d + residual + relu`. */
export function titleOf(node: Node): string {
  const title = opOf(node).title?.(node)
  if (title !== undefined) return title
  const parts: string[] = [node.kind]
  if ('residual' in node && node.residual !== null) parts.push('residual')
  if ('activation' in node && node.activation !== 'none') parts.push(node.activation)
  return parts.join(' + ')
}

/** The fields of a node with what they hold. */
function contentsOf(node: Node): { name: string; field: Field<unknown>; content: unknown }[] {
  return fieldsOf(node.kind).map(([name, field]) => ({ name, field, content: Reflect.get(node, name) as unknown }))
}

function replaced<N extends Node>(node: N, replacement: Replacement): N {
  const entries = contentsOf(node).map(({ name, field, content }) => [name, field.replace(content, replacement)])
  return { ...node, ...(Object.fromEntries(entries) as Partial<N>) }
}
