import type { Graph, Value } from '../graph.js'
import { inputsOf, opOf, outputsOf, type Node } from '../ops/index.js'
import type { Target } from '../ops/kernel.js'
import type { KernelName } from '../ops/op.js'

/**
 * Sets of kernels: libtorch's ordinary operators; oneDNN's fused ones with packed weights, and native ones for float32, on
 * the CPU; those of cuDNN in its favorite layout, on CUDA.
 */
export const KERNEL_SETS = ['aten', 'onednn', 'native', 'cudnn'] as const

/** One of {@link KERNEL_SETS}. */
export type KernelSet = (typeof KERNEL_SETS)[number]

/** For each set its kernels, best first; `aten` computes every node. A quantized graph has a set of its own. */
const PREFERENCES: Readonly<Record<KernelSet | 'int8', readonly KernelName[]>> = {
  aten: ['aten'],
  onednn: ['onednn', 'aten'],
  native: ['native', 'onednn', 'aten'],
  cudnn: ['cudnn', 'aten'],
  int8: ['int8', 'onednn', 'aten'],
}

/** A node, and what computes it. */
export interface SelectedNode {
  readonly node: Node
  readonly kernel: KernelName
}

/** Selects what computes each node: the first kernel of the set that supports it. */
export function selectKernels(graph: Graph, set: KernelSet | 'int8', target: Target): SelectedNode[] {
  const names = PREFERENCES[set]
  const select = (node: Node, from: readonly KernelName[]): SelectedNode => {
    return { node, kernel: from.find((name) => isSupported(node, name, target)) ?? 'aten' }
  }
  const groups = groupNetworks(graph.nodes.map((node) => select(node, names)))
  return groups.flatMap((group) => {
    if (group.some(({ node, kernel }) => kernel !== 'native' || opOf(node).kernels.native?.hasWeights === true)) {
      return group
    }
    // A network without weights has nothing to win.
    return group.map(({ node }) => select(node, names.slice(1)))
  })
}

/**
 * Puts consecutive nodes together that native kernels compute for batches of one size: a group becomes a native network.
 * Every other node is a group of its own.
 */
export function groupNetworks(nodes: readonly SelectedNode[]): SelectedNode[][] {
  const groups: SelectedNode[][] = []
  for (const selected of nodes) {
    const last = groups.at(-1)
    const [first] = last ?? []
    const continues =
      selected.kernel === 'native' && first?.kernel === 'native' && batchOf(first.node) === batchOf(selected.node)
    if (continues) last?.push(selected)
    else groups.push([selected])
  }
  return groups
}

function isSupported(node: Node, name: KernelName, target: Target): boolean {
  const kernel = opOf(node).kernels[name]
  if (kernel === undefined || (name === 'native' && !isNative(node))) return false
  return kernel.supports?.(node, target) ?? true
}

/** Native buffers hold float32 images (N, C, H, W) or vectors (N, C) of one batch. */
function isNative(node: Node): boolean {
  const batch = batchOf(node)
  return [...inputsOf(node), ...outputsOf(node)].every(({ dtype, shape }: Value) => {
    return dtype === 'float32' && (shape.length === 4 || shape.length === 2) && shape[0] === batch
  })
}

function batchOf(node: Node): number | undefined {
  return outputsOf(node)[0]?.shape[0]
}
