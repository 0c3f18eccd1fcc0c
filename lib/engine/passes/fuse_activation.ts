import type { Graph, Node } from '../graph.js'
import type { ActivationNode } from '../ops/activation.js'
import { ACTIVATIONS, type Activation } from '../ops/activations.js'
import { absorbs } from '../ops/index.js'
import { fuse } from './fuse.js'

/** Lets a node apply the activation that follows, where it can and nothing else reads its result. */
export function fuseActivation(graph: Graph): Graph {
  const nodes = fuse(graph, (node, maker) => {
    if (!isActivation(node)) return null
    const absorbed = maker(node.input)
    if (absorbed === null || !canActivate(absorbed) || !mayFollow(node, absorbed.activation)) return null
    return { node: { ...absorbed, activation: node.kind, output: node.output }, absorbed }
  })
  return graph.with({ nodes })
}

function isActivation(node: Node): node is ActivationNode {
  return node.kind in ACTIVATIONS
}

function canActivate(node: Node): node is Extract<Node, { readonly activation: Activation }> {
  return absorbs(node, 'activation')
}

function mayFollow({ kind }: ActivationNode, before: Activation): boolean {
  return before === 'none' || (before === kind && ACTIVATIONS[kind].isIdempotent)
}
