import { Graph, type Node, type Value } from '../graph.js'
import { inputsOf, outputsOf, withInputs, withOutputs, writeFields } from '../ops/index.js'

/**
 * Tells whether two graphs that were traced with batches of different sizes differ in nothing but the first size of every
 * value: {@link rebatch} then makes the graph for any batch from either.
 */
export function isBatchUniform(one: Graph, other: Graph): boolean {
  const sameValue = (value: Value, counterpart: Value | undefined): boolean => {
    if (counterpart?.shape.length !== value.shape.length) return false
    return (
      value.shape[0] === one.inputs[0]?.shape[0] &&
      counterpart.shape[0] === other.inputs[0]?.shape[0] &&
      value.shape.slice(1).every((size, dim) => size === counterpart.shape[dim + 1])
    )
  }
  const sameValues = (values: readonly Value[], counterparts: readonly Value[]): boolean =>
    values.length === counterparts.length && values.every((value, index) => sameValue(value, counterparts[index]))
  return (
    one.nodes.length === other.nodes.length &&
    sameValues(one.outputs, other.outputs) &&
    one.nodes.every((node, index) => {
      const counterpart = other.nodes[index]
      if (counterpart?.kind !== node.kind) return false
      if (!sameValues(inputsOf(node), inputsOf(counterpart))) return false
      return sameValues(outputsOf(node), outputsOf(counterpart)) && sameLiterals(node, counterpart)
    })
  )
}

/** Makes the graph for batches of `size` from one for which {@link isBatchUniform} holds. It owns nothing. */
export function rebatch(graph: Graph, size: number): Graph {
  const made = new Map<Value, Value>()
  const replace = (value: Value): Value => {
    const known = made.get(value)
    if (known !== undefined) return known
    const copy = { ...value, shape: [size, ...value.shape.slice(1)] }
    made.set(value, copy)
    return copy
  }
  const nodes = graph.nodes.map((node) => withOutputs(withInputs(node, replace), replace))
  return new Graph({ inputs: graph.inputs.map(replace), nodes, outputs: graph.outputs.map(replace), owned: [] })
}

/** Tells whether all that is no value is the same in two nodes. */
function sameLiterals(node: Node, other: Node): boolean {
  return literalsOf(node) === literalsOf(other)
}

function literalsOf(node: Node): string {
  const fields = writeFields(node, { value: () => 0, tensor: () => '' })
  return JSON.stringify(fields)
}
