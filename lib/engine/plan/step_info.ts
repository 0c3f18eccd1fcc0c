import { opOf, outputsOf, titleOf, type Node } from '../ops/index.js'
import type { Target } from '../ops/kernel.js'

/** What `explain()` tells of a step. */
export interface StepInfo {
  /** Path of the module that it comes from. */
  readonly path: string
  /** What it computes: `conv2d + relu`. */
  readonly operation: string
  /** What computes it: `oneDNN`. */
  readonly kernel: string
  readonly outputShape: readonly number[]
  /** Multiplications and additions. */
  readonly flop: number
}

/** Describes a step that computes nodes one after the other. */
export function stepInfo([first, ...others]: readonly [Node, ...Node[]], kernel: string, target: Target): StepInfo {
  const nodes = [first, ...others]
  const outputShape = outputsOf(nodes.at(-1) ?? first)[0]?.shape ?? []
  const flop = nodes.reduce((sum, node) => sum + (opOf(node).flop?.(node, target) ?? 0), 0)
  return { path: first.path, operation: nodes.map(titleOf).join(' + '), kernel, outputShape, flop }
}
