import type { Graph, Node, Value } from '../graph.js'
import { inputsOf, outputsOf, withInputs } from '../ops/index.js'
import { isSameShape } from '../ops/shapes.js'

/** Removes what has no effect: reshapes to the same shape, all but the last of several in a row, and what nothing reads. */
export function eliminate(graph: Graph): Graph {
  const aliases = new Map<Value, Value>()
  const reshapes = new Map<Value, Value>()
  const current = (value: Value): Value => aliases.get(value) ?? value
  const nodes: Node[] = []
  for (const node of graph.nodes) {
    const next = withInputs(node, current)
    if (next.kind !== 'reshape') {
      nodes.push(next)
      continue
    }
    const source = reshapes.get(next.input) ?? next.input
    if (isSameShape(source.shape, next.output.shape)) {
      aliases.set(next.output, source)
    } else {
      reshapes.set(next.output, source)
      nodes.push({ ...next, input: source })
    }
  }
  const outputs = graph.outputs.map(current)
  return graph.with({ nodes: readNodes(nodes, outputs), outputs })
}

/** Leaves out the nodes from which no way leads to the outputs. */
function readNodes(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const read = new Set(outputs)
  const kept: Node[] = []
  for (const node of nodes.toReversed()) {
    if (!outputsOf(node).some((output) => read.has(output))) continue
    for (const input of inputsOf(node)) read.add(input)
    kept.push(node)
  }
  return kept.reverse()
}
