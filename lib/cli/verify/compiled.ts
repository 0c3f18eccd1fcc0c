import type { Graph, Node } from '../../engine/graph.js'
import { outputsOf } from '../../engine/ops/index.js'
import { optimize } from '../../engine/passes/optimize.js'
import { symbolicOf } from '../../engine/trace/symbolic.js'
import { trace } from '../../engine/trace/trace.js'
import type { OpenedModel } from '../../model/open.js'
import { Module } from '../../nn/module.js'
import { handleOf } from '../../tensor/handle.js'
import { cat } from '../../tensor/creation.js'
import type { Tensor } from '../../tensor/tensor.js'
import { keep, scope } from '../../util/scope.js'
import { compareWith, withCallNames, type Comparison } from './modules.js'
import { ROOT, type Reference } from './reference.js'

/**
 * Compares the outputs of the compiled model: of every fused group of steps whose result is the output of a module, and the
 * logits. One model that gives all of them is compiled.
 */
export async function compareCompiled(
  opened: OpenedModel,
  reference: Reference,
  signal: AbortSignal,
): Promise<Comparison[]> {
  const { model } = opened
  const { input } = reference
  const groups = groupsOf(model, input.shape)
  const engine = await opened.createEngine({
    module: new Taps(model, [...groups.keys()]),
    input: input.shape.slice(1),
    maxBatchSize: 1,
    bucketSizes: [1],
    warmup: false,
    signal,
  })
  try {
    const values = await engine.run(input.toFloat32Array(), { signal })
    let end = 0
    return [...groups].map(([name, { kind, shape }]) => {
      const start = end
      end += shape.reduce((product, size) => product * size, 1)
      return compareWith(reference, { name, kind, shape, values: values.subarray(start, end) })
    })
  } finally {
    await engine.close()
  }
}

/** A model that gives the outputs of some of its modules, one behind the other: (N, elements). */
class Taps extends Module {
  readonly model: Module
  readonly #names: readonly string[]

  constructor(model: Module, names: readonly string[]) {
    super()
    this.model = model
    this.training = false
    this.#names = names
  }

  override forward(images: Tensor): Tensor {
    const found = new Map<string, Tensor>()
    const look = (name: string, _module: Module<unknown>, output: Tensor): void => {
      // A copy, as the next step may write into it.
      if (this.#names.includes(name)) found.set(name, keep(output.clone()))
    }
    found.set(
      ROOT,
      withCallNames(this.model, look, () => this.model.forward(images)),
    )
    const [samples = 1] = images.shape
    const rows = this.#names.flatMap((name) => found.get(name)?.reshape([samples, -1]) ?? [])
    return cat(rows, 1)
  }
}

/** Steps of a compiled graph whose result is the output of a module. */
interface Group {
  readonly kind: string
  readonly shape: readonly number[]
}

/** Gives the modules whose outputs the compiled graph still computes, and the steps that compute each. */
function groupsOf(model: Module, shape: readonly number[]): Map<string, Group> {
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
    const groups = new Map<string, Group>()
    for (const node of graph.nodes) {
      for (const { id, shape } of outputsOf(node)) {
        const name = names.get(id)
        if (name !== undefined) groups.set(name, { kind: kindOf(node), shape })
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
