import type { Pair } from '../../nn/checks.js'
import type { Graph, Node } from '../graph.js'
import type { Conv2dNode } from '../ops/conv2d.js'

/**
 * Gives convolutions the plainest of the geometries that mean the same, along rows and columns: a kernel of one element needs no
 * dilation, a single position no stride. Fewer geometries reach the kernels, oneDNN's among them, which fail for some.
 */
export function canonicalizeConvolutions(graph: Graph): Graph {
  return graph.with({ nodes: graph.nodes.map((node): Node => (node.kind === 'conv2d' ? plain(node) : node)) })
}

function plain(node: Conv2dNode): Conv2dNode {
  const { input, weight, padding } = node
  const dilation = both((axis) => (weight.size(2 + axis) === 1 ? 1 : node.dilation[axis]))
  const stride = both((axis) => {
    const reach = dilation[axis] * (weight.size(2 + axis) - 1) + 1
    return (input.shape[2 + axis] ?? 0) + 2 * padding[axis] === reach ? 1 : node.stride[axis]
  })
  return { ...node, stride, dilation }
}

function both(sizeAlong: (axis: 0 | 1) => number): Pair {
  return [sizeAlong(0), sizeAlong(1)]
}
