import type { Constants } from './constants.js'
import type { Graph, Node } from './graph.js'
import { lowerAten } from './lower_aten.js'
import { lowerCudnn } from './lower_cudnn.js'
import { lowerInt8 } from './lower_int8.js'
import { lowerOneDnn } from './lower_onednn.js'
import { lowerOwn } from './lower_own.js'
import { Lowering, type LoweredPlan, type LoweringOptions } from './lowering.js'

/**
 * Sets of kernels: libtorch's ordinary operators; oneDNN's fused ones with packed weights, and our own for float32, on the
 * CPU; those of cuDNN in its favourite layout, on CUDA.
 */
export const KERNEL_SETS = ['aten', 'onednn', 'own', 'cudnn'] as const

/** One of {@link KERNEL_SETS}. */
export type KernelSet = (typeof KERNEL_SETS)[number]

const LOWER: Readonly<Record<KernelSet, (lowering: Lowering, nodes: readonly Node[]) => void>> = {
  aten: (lowering, nodes) => {
    for (const node of nodes) lowerAten(lowering, node)
  },
  onednn: (lowering, nodes) => {
    for (const node of nodes) lowerOneDnn(lowering, node)
  },
  own: lowerOwn,
  cudnn: (lowering, nodes) => {
    for (const node of nodes) lowerCudnn(lowering, node)
  },
}

/** How a graph is lowered. */
export interface LowerOptions extends LoweringOptions {
  /** Without a say in a quantised graph. */
  readonly kernels: KernelSet
}

/**
 * Chooses the native steps for a graph whose constants are held. A node for which a set has no kernel of its own is done by
 * the ordinary operator, in the dtype that the model has.
 */
export function lower(graph: Graph, constants: Constants, { kernels, ...options }: LowerOptions): LoweredPlan {
  const lowering = new Lowering(graph, constants, options)
  if ((options.quantization ?? null) === null) LOWER[kernels](lowering, graph.nodes)
  else for (const node of graph.nodes) lowerInt8(lowering, node)
  return lowering.finish()
}
