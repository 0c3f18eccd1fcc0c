import type { Graph, Node } from '../../engine/graph.js'
import { outputsOf } from '../../engine/ops/index.js'
import { optimize } from '../../engine/passes/optimize.js'
import { symbolicOf } from '../../engine/trace/symbolic.js'
import { trace } from '../../engine/trace/trace.js'
import type { OpenedModel } from '../../model/open.js'
import { Module } from '../../nn/module.js'
import { handleOf } from '../../tensor/handle.js'
import type { Tensor } from '../../tensor/tensor.js'
import { keep, scope } from '../../util/scope.js'
import { compareWith, withCallNames, type Comparison } from './modules.js'
import { ROOT, type Reference } from './reference.js'

/**
 * Compares the outputs of the compiled model: of every fused group of steps whose result is the output of a module, and the
 * logits. For each, the model is compiled up to there.
 */
export async function compareCompiled(
  opened: OpenedModel,
  reference: Reference,
  signal: AbortSignal,
): Promise<Comparison[]> {
  const { model } = opened
  const { input } = reference
  const comparisons: Comparison[] = []
  for (const [name, kind] of groupsOf(model, input.shape)) {
    const engine = await opened.createEngine({
      module: name === ROOT ? model : new Until(model, name),
      input: input.shape.slice(1),
      maxBatchSize: 1,
      bucketSizes: [1],
      warmup: false,
      signal,
    })
    try {
      const values = await engine.run(input.toFloat32Array(), { signal })
      comparisons.push(compareWith(reference, { name, kind, shape: [1, ...engine.outputShape], values }))
    } finally {
      await engine.close()
    }
  }
  return comparisons
}

/** A model that ends with the call of one of its modules. */
class Until extends Module {
  readonly model: Module
  readonly #name: string

  constructor(model: Module, name: string) {
    super()
    this.model = model
    this.training = false
    this.#name = name
  }

  override forward(images: Tensor): Tensor {
    let found: Tensor | undefined
    const look = (name: string, _module: Module<unknown>, output: Tensor): void => {
      // A copy, as the next step may write into it.
      if (name === this.#name) found = keep(output.clone())
    }
    const result = withCallNames(this.model, look, () => this.model.forward(images))
    return found ?? result
  }
}

/** Gives the modules whose outputs the compiled graph still computes, and the steps that compute each. */
function groupsOf(model: Module, shape: readonly number[]): Map<string, string> {
  return scope(() => {
    const names = new Map<number, string>()
    const look = (name: string, _module: Module<unknown>, output: Tensor): void => {
      const value = symbolicOf(handleOf(output))?.value
      if (value === undefined) return
      const known = names.get(value.id)
      // A module that ends with another one, as a stage with its last block, has the same output: the shorter name is taken.
      if (known === undefined || known.startsWith(`${name}.`)) names.set(value.id, name)
    }
    const graph: Graph = withCallNames(model, look, () => optimize(trace(model, shape)))
    const groups = new Map<string, string>()
    for (const node of graph.nodes) {
      for (const { id } of outputsOf(node)) {
        const name = names.get(id)
        if (name !== undefined) groups.set(name, kindOf(node))
      }
    }
    return groups
  })
}

/** Names the steps of a node: `conv2d + add + relu`. */
function kindOf(node: Node): string {
  if (node.kind === 'aten') return node.schema
  const steps: string[] = [node.kind]
  if (node.kind === 'conv2d' && node.residual !== null) steps.push('add')
  if ('activation' in node && node.activation !== 'none') steps.push(node.activation)
  return steps.join(' + ')
}
