import type { Tensor } from '../../tensor/tensor.js'
import type { Graph, Node, Value } from '../graph.js'
import { inputsOf, opOf, outputsOf } from '../ops/index.js'

/** A layer that can be computed with int8 weights. */
export type QuantizableNode = Extract<Node, { readonly weight: Tensor }>

/**
 * Lists the layers of a graph that are worth computing with int8 weights: all convolutions and matrices of float32, except
 * the last one if it is a matrix.
 */
export function quantizableNodes(graph: Graph): QuantizableNode[] {
  const layers = graph.nodes.filter(isQuantizable)
  const last = layers.at(-1)
  return last !== undefined && opOf(last).quantization?.isKeptAtEnd === true ? layers.slice(0, -1) : layers
}

/** Tells whether a node is a layer of a kind and form that can have int8 weights. */
export function isLayer(node: Node): node is QuantizableNode {
  return opOf(node).quantization?.isLayer?.(node) === true
}

function isQuantizable(node: Node): node is QuantizableNode {
  return isLayer(node) && node.output.dtype === 'float32' && node.weight.dtype === 'float32'
}

/**
 * Finds the values that are kept as uint8 when `layers` have int8 weights, each with the value whose range it has: itself, or
 * the input of the pooling that made it.
 */
export function quantizedValues(graph: Graph, layers: Iterable<Node>): Map<Value, Value> {
  const quantized = new Set(layers)
  const wanted = new Set([...quantized].flatMap(inputsOf))
  // The layer that makes these can give uint8 as well as float32.
  const readable = new Set(
    graph.nodes.filter((node) => opOf(node).quantization?.readsQuantized === true).flatMap(inputsOf),
  )
  const found = new Map<Value, Value>()
  for (const value of graph.inputs) if (wanted.has(value)) found.set(value, value)
  for (const node of graph.nodes) {
    const role = opOf(node).quantization
    const [input] = inputsOf(node)
    const source = role?.keepsRange === true && input !== undefined ? found.get(input) : undefined
    const needed = new Set(quantized.has(node) ? role?.quantizedValues?.(node) : [])
    for (const output of outputsOf(node)) {
      if (source !== undefined) found.set(output, source)
      else if (wanted.has(output) || needed.has(output) || (quantized.has(node) && readable.has(output))) {
        found.set(output, output)
      }
    }
  }
  return found
}
