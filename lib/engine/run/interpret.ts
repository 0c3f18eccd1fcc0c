import { describe, describeShape, expected } from '../../util/check.js'
import { scope } from '../../util/scope.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Graph, Node, Value } from '../graph.js'
import { opOf, outputsOf } from '../ops/index.js'
import type { Lookup } from '../ops/op.js'

/**
 * Computes a graph with the eager operators, one node after the other: what any faster way must agree with.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the input has not the shape and dtype of the graph's.
 */
export function runGraph(graph: Graph, input: Tensor): Tensor {
  const [result] = graph.outputs
  return scope(() => {
    const tensor = result && runNodes(graph, input).get(result)
    if (tensor === undefined) throw new TypeError('A graph makes its output')
    // A tensor of its own, also where it is the input.
    return tensor.detach()
  })
}

/** Computes a graph as {@link runGraph} does, and gives the tensors of all its values: the caller's, but for the input's. */
export function runNodes(graph: Graph, input: Tensor): ReadonlyMap<Value, Tensor> {
  const [wanted] = graph.inputs
  if (wanted === undefined) throw new TypeError('A graph has an input')
  if (input.dtype !== wanted.dtype || describeShape(input.shape) !== describeShape(wanted.shape)) {
    throw expected(`a tensor ${wanted.dtype} ${describeShape(wanted.shape)}`, 'input', input)
  }
  const tensors = new Map<Value, Tensor>([[wanted, input]])
  const lookup: Lookup = (value) => {
    const tensor = tensors.get(value)
    if (tensor === undefined) throw new TypeError(`Value ${value.id} is read before it is made`)
    return tensor
  }
  for (const node of graph.nodes) {
    const made = opOf(node).eager(node, lookup)
    outputsOf(node).forEach((output, index) => tensors.set(output, checked(node, output, made[index])))
  }
  return tensors
}

/** The tensor that a node made, which must be what the graph says of it. */
function checked(node: Node, { shape, dtype }: Value, tensor: Tensor | undefined): Tensor {
  const wanted = `${dtype} ${describeShape(shape)}`
  if (tensor !== undefined && `${tensor.dtype} ${describeShape(tensor.shape)}` === wanted) return tensor
  throw new TypeError(`A node ${node.kind} of the graph gives ${describe(tensor)}, where ${wanted} is expected`)
}
