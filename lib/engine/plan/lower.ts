import type { Device } from '../../util/device.js'
import type { DType } from '../../util/dtype.js'
import type { Graph } from '../graph.js'
import { opOf } from '../ops/index.js'
import type { Target } from '../ops/kernel.js'
import type { Quantization } from '../quantization/quantized_model.js'
import { selectByHeuristics, type SelectAlgorithm } from '../tune/heuristics.js'
import type { Constants } from './constants.js'
import { assignLayouts } from './layout.js'
import { emitNetwork } from './network.js'
import { PlanWriter, type LoweredPlan } from './plan_writer.js'
import { groupNetworks, selectKernels, type KernelSet } from './select.js'

/** How a graph is lowered. */
export interface LowerOptions {
  /** Ignored for a quantized graph. */
  readonly kernels: KernelSet
  /** In which float32 values are kept. */
  readonly dtype: DType
  /** Of a graph whose layers have int8 weights. */
  readonly quantization?: Quantization | null | undefined
  /** What computes a convolution for which there are native kernels. Default: by heuristics. */
  readonly selectAlgorithm?: SelectAlgorithm | undefined
  /** Where the steps compute, and where the constants lie. Default: on the CPU, in the memory of JavaScript itself. */
  readonly device?: Device | undefined
  /** Has libtorch measure algorithms on that device. Default: `false`. */
  readonly tuned?: boolean | undefined
}

/**
 * Makes a plan for a graph whose constants are held: selects a kernel for each node, assigns layouts, puts nodes together
 * that become native networks, and emits the steps. A node for which a set has no kernel is computed by libtorch's ordinary
 * operator, in the dtype that the model has.
 */
export function lower(graph: Graph, constants: Constants, options: LowerOptions): LoweredPlan {
  const { kernels, dtype, quantization = null, selectAlgorithm = selectByHeuristics } = options
  const { device = 'cpu', tuned = false } = options
  const target: Target = { dtype, quantization, constants, selectAlgorithm }
  const selected = selectKernels(graph, quantization === null ? kernels : 'int8', target)
  const laidOut = assignLayouts(graph, selected, target)
  const plan = new PlanWriter(laidOut.graph, target, { device: device === 'cpu' ? null : device, tuned })
  for (const group of groupNetworks(laidOut.nodes)) {
    const nodes = group.map(({ node }) => node)
    const [first] = group
    if (first?.kernel === 'native') emitNetwork(nodes, laidOut.graph, plan)
    else if (first !== undefined) opOf(first.node).kernels[first.kernel]?.emit(first.node, plan)
  }
  return plan.finish()
}
