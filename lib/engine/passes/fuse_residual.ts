import type { Graph, Node, Value } from '../graph.js'
import type { Activation } from '../ops/activations.js'
import { absorbs, outputsOf } from '../ops/index.js'
import { fuse } from './fuse.js'

/**
 * Lets a convolution add a residual to its result, and apply the activation of that sum, where nothing else reads the result.
 * Of two convolutions the later one does, so that the result of the other need not wait for long.
 */
export function fuseResidual(graph: Graph): Graph {
  const positions = new Map(graph.nodes.flatMap((node, index) => outputsOf(node).map((output) => [output, index])))
  const nodes = fuse(graph, (sum, maker) => {
    if (sum.kind !== 'add') return null
    const { left, right, activation, output } = sum
    const operands = (positions.get(left) ?? -1) < (positions.get(right) ?? -1) ? [right, left] : [left, right]
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

type Absorbing = Extract<Node, { readonly residual: Value | null; readonly activation: Activation }>

function isPlain(node: Node): node is Absorbing {
  return absorbs(node, 'residual') && 'residual' in node && node.residual === null && node.activation === 'none'
}
