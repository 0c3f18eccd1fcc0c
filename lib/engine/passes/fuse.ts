import { finish, type Pieces } from '../../util/slices.js'
import type { Graph, Node, Value } from '../graph.js'
import { inputsOf, outputsOf } from '../ops/index.js'

/** A node that does the work of two. */
export interface Fusion {
  readonly node: Node
  /** The one that came before, which nothing else needs. */
  readonly absorbed: Node
}

/**
 * Gives for a node the one that replaces it and does the work of an earlier one, too, or null. `maker` tells which node made a
 * value that is read just once, as only such a node can be absorbed.
 */
export type FusionRule = (node: Node, maker: (value: Value) => Node | null) => Fusion | null

/** Applies a rule to all nodes, in order: what was fused can be fused again. */
export function fuse(graph: Graph, rule: FusionRule): Node[] {
  return finish(fuseInPieces(graph, rule))
}

/** Does what {@link fuse} does, a node at a time: for a rule that takes memory. */
export function* fuseInPieces(graph: Graph, rule: FusionRule): Pieces<Node[]> {
  const reads = countReads(graph)
  const makers = new Map<Value, Node>()
  const nodes = new Set<Node>()
  const maker = (value: Value): Node | null => (reads.get(value) === 1 ? (makers.get(value) ?? null) : null)
  for (const node of graph.nodes) {
    yield
    const fusion = rule(node, maker)
    if (fusion !== null) nodes.delete(fusion.absorbed)
    const next = fusion?.node ?? node
    nodes.add(next)
    for (const output of outputsOf(next)) makers.set(output, next)
  }
  return [...nodes]
}

/** Counts how often each value is read, by nodes and as an output of the graph. */
export function countReads(graph: Graph): Map<Value, number> {
  const reads = new Map<Value, number>()
  for (const value of [...graph.nodes.flatMap(inputsOf), ...graph.outputs])
    reads.set(value, (reads.get(value) ?? 0) + 1)
  return reads
}
