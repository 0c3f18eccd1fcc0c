import { inputsOf, type Conv2dNode, type Graph, type LinearNode, type Node, type Value } from '../graph.js'

/** A layer that can be computed with integers. */
export type QuantizableNode = Conv2dNode | LinearNode

/**
 * Lists the layers of a graph that are worth computing with integers: all convolutions and matrices of float32, except the
 * last one if it is a matrix. That is a thousandth of the work, and what it gives is what counts.
 */
export function quantizableNodes(graph: Graph): QuantizableNode[] {
  const layers = graph.nodes.filter(isQuantizable)
  return layers.at(-1)?.kind === 'linear' ? layers.slice(0, -1) : layers
}

function isQuantizable(node: Node): node is QuantizableNode {
  const isLayer = node.kind === 'conv2d' || (node.kind === 'linear' && node.input.shape.length === 2)
  return isLayer && node.output.dtype === 'float32' && node.weight.dtype === 'float32'
}

/**
 * Finds the values that are kept as bytes when `layers` are computed with integers, each with the value whose range it has:
 * itself, or what a pooling has taken it from.
 */
export function byteValues(graph: Graph, layers: Iterable<Node>): Map<Value, Value> {
  const quantized = new Set(layers)
  const wanted = new Set([...quantized].flatMap(inputsOf))
  const poolable = new Set(
    graph.nodes.filter(({ kind }) => kind === 'maxPool2d' || kind === 'globalAvgPool').flatMap(inputsOf),
  )
  const found = new Map<Value, Value>()
  for (const value of graph.inputs) if (wanted.has(value)) found.set(value, value)
  for (const node of graph.nodes) {
    if (node.kind === 'aten') {
      for (const value of node.outputs) if (wanted.has(value)) found.set(value, value)
      continue
    }
    const { output } = node
    const source = node.kind === 'maxPool2d' ? found.get(node.input) : undefined
    // The sum is made in the bytes of the residual.
    const isSum = node.kind === 'conv2d' && node.residual !== null
    if (source !== undefined) found.set(output, source)
    else if (wanted.has(output) || (quantized.has(node) && (isSum || poolable.has(output)))) found.set(output, output)
  }
  return found
}
