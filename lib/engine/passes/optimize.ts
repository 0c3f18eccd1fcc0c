import type { Graph } from '../graph.js'
import { canonicalizeConvolutions } from './canonicalize_convolutions.js'
import { canonicalizePools } from './canonicalize_pools.js'
import { eliminate } from './eliminate.js'
import { foldBatchNorm } from './fold_batchnorm.js'
import { fuseActivation } from './fuse_activation.js'
import { fuseResidual } from './fuse_residual.js'

/** Each makes room for the next: a sum takes over the activation before a convolution takes over the sum. */
const PASSES = [
  eliminate,
  canonicalizePools,
  canonicalizeConvolutions,
  foldBatchNorm,
  fuseActivation,
  fuseResidual,
  eliminate,
]

/** Makes a graph of fewer nodes that computes the same, but for the rounding of weights that are changed. */
export function optimize(graph: Graph): Graph {
  return PASSES.reduce((current, pass) => pass(current), graph)
}
