import type { Graph } from '../graph.js'
import { fuse } from './fuse.js'

/** Lets a convolution, a matrix or a sum apply the ReLU that follows, where nothing else reads what it makes. */
export function fuseActivation(graph: Graph): Graph {
  const nodes = fuse(graph, (relu, maker) => {
    if (relu.kind !== 'relu') return null
    const absorbed = maker(relu.input)
    if (absorbed?.kind !== 'conv2d' && absorbed?.kind !== 'linear' && absorbed?.kind !== 'add') return null
    return { node: { ...absorbed, activation: 'relu', output: relu.output }, absorbed }
  })
  return graph.with({ nodes })
}
