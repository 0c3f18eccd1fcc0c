import { outputsOf, type Conv2dNode, type Graph, type Node } from '../graph.js'
import { fuse } from './fuse.js'

/**
 * Lets a convolution add what is added to its result, and apply the activation of that sum, where nothing else reads the
 * result. Of two convolutions the later one does, so that the result of the other need not wait for long.
 */
export function fuseResidual(graph: Graph): Graph {
  const places = new Map(graph.nodes.flatMap((node, place) => outputsOf(node).map((output) => [output, place])))
  const nodes = fuse(graph, (sum, maker) => {
    if (sum.kind !== 'add') return null
    const { left, right, activation, output } = sum
    const operands = (places.get(left) ?? -1) < (places.get(right) ?? -1) ? [right, left] : [left, right]
    for (const operand of operands) {
      const absorbed = maker(operand)
      if (absorbed === null || !isPlain(absorbed)) continue
      const residual = operand === left ? right : left
      return { node: { ...absorbed, residual, activation, output }, absorbed }
    }
    return null
  })
  return graph.with({ nodes })
}

function isPlain(node: Node): node is Conv2dNode {
  return node.kind === 'conv2d' && node.residual === null && node.activation === 'none'
}
