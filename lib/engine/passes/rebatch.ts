import { scope } from '../../util/scope.js'
import type { Tensor } from '../../tensor/tensor.js'
import { Graph, type Node, type Value } from '../graph.js'
import { isConstant } from '../ops/fields.js'
import type { AtenArgument, AtenNode } from '../ops/aten.js'
import { constantsOf, inputsOf, outputsOf, withInputs, withOutputs, writeFields } from '../ops/index.js'
import { isSameShape } from '../ops/shapes.js'

/**
 * Makes of two graphs, which were traced with batches of different sizes, the one that {@link rebatch} gives any other size: null
 * unless they differ in nothing but the first size of every value. What a model makes once for each sample, `cls.expand([N, …])`
 * or `full([N, 1], 5)`, is expanded when the graph runs.
 */
export function alignBatches(one: Graph, other: Graph): Graph | null {
  const [size, otherSize] = [one, other].map(({ inputs }) => inputs[0]?.shape[0])
  if (size === undefined || otherSize === undefined || one.nodes.length !== other.nodes.length) return null
  const isSameValue = (value: Value, counterpart: Value | undefined): boolean => {
    const isBatch = value.shape[0] === size && counterpart?.shape[0] === otherSize
    return isBatch && isSameShape(value.shape.slice(1), counterpart.shape.slice(1))
  }
  const areSameValues = (values: readonly Value[], counterparts: readonly Value[]): boolean =>
    values.length === counterparts.length && values.every((value, index) => isSameValue(value, counterparts[index]))
  if (!areSameValues(one.outputs, other.outputs)) return null

  const expansions = new Expansions(one)
  const nodes: Node[] = []
  for (const [index, original] of one.nodes.entries()) {
    const counterpart = other.nodes[index]
    if (counterpart === undefined) return null
    const [node, twin] = [withBatchSizes(original, size), withBatchSizes(counterpart, otherSize)]
    if (node.kind !== twin.kind || literalsOf(node) !== literalsOf(twin)) return null
    if (!areSameValues(inputsOf(node), inputsOf(twin)) || !areSameValues(outputsOf(node), outputsOf(twin))) return null
    const replacements = new Map<Tensor, Value>()
    const twins = constantsOf(twin)
    for (const [at, constant] of constantsOf(node).entries()) {
      const paired = twins[at]
      if (paired === undefined) return null
      if (isSameTensor(constant, paired)) continue
      if (node.kind !== 'aten' || !isRepeated(constant, size, paired, otherSize)) return null
      replacements.set(constant, expansions.of(constant, node.path))
    }
    nodes.push(...expansions.take(), node.kind === 'aten' ? withValues(node, replacements) : node)
  }
  return one.with({ nodes, made: expansions.rows })
}

/** Makes the graph for batches of `size` from one that {@link alignBatches} gave. It owns nothing. */
export function rebatch(graph: Graph, size: number): Graph {
  const made = new Map<Value, Value>()
  const replace = (value: Value): Value => {
    const known = made.get(value)
    if (known !== undefined) return known
    const copy = { ...value, shape: [size, ...value.shape.slice(1)] }
    made.set(value, copy)
    return copy
  }
  const nodes = graph.nodes.map((node) => withSizes(withOutputs(withInputs(node, replace), replace), size))
  return new Graph({ inputs: graph.inputs.map(replace), nodes, outputs: graph.outputs.map(replace), owned: [] })
}

/** The values that stand for constants with a row for each sample, and the nodes that make them. */
class Expansions {
  /** The constants of one row. */
  readonly rows: Tensor[] = []
  readonly #known = new Map<Tensor, Value>()
  #nodes: Node[] = []
  #nextId: number

  constructor({ inputs, nodes }: Graph) {
    this.#nextId = 1 + [...inputs, ...nodes.flatMap(outputsOf)].reduce((max, { id }) => Math.max(max, id), 0)
  }

  of(constant: Tensor, path: string): Value {
    const known = this.#known.get(constant)
    if (known !== undefined) return known
    const { shape, dtype } = constant
    const row = constant.slice(0, 0, 1).clone()
    this.rows.push(row)
    const output = { id: this.#nextId++, shape, dtype }
    const args = [{ constant: row }, { sizes: shape }, { literal: false }]
    this.#nodes.push({ kind: 'aten', path, schema: 'aten::expand', args, outputs: [output] })
    this.#known.set(constant, output)
    return output
  }

  /** Gives the nodes that were made since the last call. */
  take(): Node[] {
    const nodes = this.#nodes
    this.#nodes = []
    return nodes
  }
}

/** Says of the sizes to which a value is expanded that the first one is that of the batch. */
function withBatchSizes(node: Node, size: number): Node {
  if (node.kind !== 'aten' || node.schema !== 'aten::expand') return node
  const args = node.args.map((argument): AtenArgument => {
    const sizes = 'literal' in argument && Array.isArray(argument.literal) ? (argument.literal as number[]) : []
    return sizes[0] === size ? { sizes } : argument
  })
  return { ...node, args }
}

function withSizes(node: Node, size: number): Node {
  if (node.kind !== 'aten') return node
  return {
    ...node,
    args: node.args.map((each) => ('sizes' in each ? { sizes: [size, ...each.sizes.slice(1)] } : each)),
  }
}

function withValues(node: AtenNode, replacements: ReadonlyMap<Tensor, Value>): AtenNode {
  const args = node.args.map((argument): AtenArgument => {
    if ('constant' in argument) {
      const value = replacements.get(argument.constant)
      return value === undefined ? argument : { value }
    }
    if (!('values' in argument)) return argument
    return { values: argument.values.map((entry) => (isConstant(entry) ? (replacements.get(entry) ?? entry) : entry)) }
  })
  return { ...node, args }
}

function isSameTensor(one: Tensor, other: Tensor): boolean {
  return one === other || (one.dtype === other.dtype && isSameShape(one.shape, other.shape) && one.equal(other))
}

/** Tells whether two constants are rows that are all the same, one for each sample. */
function isRepeated(one: Tensor, size: number, other: Tensor, otherSize: number): boolean {
  const isRows = one.ndim > 0 && one.shape[0] === size && other.shape[0] === otherSize && one.dtype === other.dtype
  if (!isRows || !isSameShape(one.shape.slice(1), other.shape.slice(1))) return false
  return scope(() => {
    const row = one.slice(0, 0, 1)
    return [one, other].every((each) => each.equal(row.expand(each.shape)))
  })
}

/** All that is no value and no constant in a node, as text. */
function literalsOf(node: Node): string {
  const fields = writeFields(node, { value: () => 0, tensor: () => '' })
  return JSON.stringify(fields)
}
