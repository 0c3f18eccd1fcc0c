import { finish, type Pieces } from '../../util/slices.js'
import type { Graph } from '../graph.js'
import { canonicalizeConvolutions } from './canonicalize_convolutions.js'
import { canonicalizePools } from './canonicalize_pools.js'
import { eliminate } from './eliminate.js'
import { foldBatchNorm } from './fold_batchnorm.js'
import { fuseActivation } from './fuse_activation.js'
import { fuseResidual } from './fuse_residual.js'

/** Makes a graph of fewer nodes that computes the same, but for the rounding of weights that are changed. */
export function optimize(graph: Graph): Graph {
  return finish(optimizing(graph))
}

/** Does what {@link optimize} does, in pieces. Each pass makes room for the next: a sum takes over the activation before a convolution takes over the sum. */
export function* optimizing(graph: Graph): Pieces<Graph> {
  let current = graph
  for (const pass of [eliminate, canonicalizePools, canonicalizeConvolutions]) {
    yield
    current = pass(current)
  }
  current = yield* foldBatchNorm(current)
  for (const pass of [fuseActivation, fuseResidual, eliminate]) {
    yield
    current = pass(current)
  }
  return current
}
