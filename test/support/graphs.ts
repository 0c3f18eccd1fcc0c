import assert from 'node:assert/strict'

import { BatchNorm2d, Conv2d, init, manualSeed, Module, randn, scope, type Tensor } from 'napi-torch'

import type { Graph, Node } from '../../lib/engine/graph.js'
import { runGraph } from '../../lib/engine/run/interpret.js'
import { trace } from '../../lib/engine/trace/trace.js'
import { assertClose } from './numeric.js'

/** The input of the graphs on which passes are tried. */
export const PASS_SHAPE = [2, 4, 6, 5]

/** A model whose `forward` is a function, and whose children have the names of `members`. */
class Applied extends Module {
  readonly #body: (input: Tensor) => Tensor

  constructor(body: (input: Tensor) => Tensor, members: Readonly<Record<string, Module>>) {
    super()
    this.#body = body
    for (const [name, module] of Object.entries(members)) this.registerModule(name, module)
  }

  override forward(input: Tensor): Tensor {
    return this.#body(input)
  }
}

/** Makes a model of a function and the modules that it calls, in evaluation mode. */
export function applied(body: (input: Tensor) => Tensor, members: Readonly<Record<string, Module>> = {}): Module {
  return new Applied(body, members).eval()
}

/** Gives all normalizations statistics, scales and shifts as training leaves them: none is 0 or 1. */
export function randomizeNorms<M extends Module>(model: M): M {
  for (const module of model.modules()) {
    if (!(module instanceof BatchNorm2d)) continue
    if (module.weight !== null) init.uniform_(module.weight, 0.5, 1.5)
    if (module.bias !== null) init.normal_(module.bias, 0, 0.2)
    if (!module.trackRunningStats) continue
    init.normal_(module.buffer('running_mean'), 0, 0.2)
    init.uniform_(module.buffer('running_var'), 0.5, 1.5)
  }
  return model
}

/** What the nodes of a graph are: `conv2d`, or `conv2d + residual + relu`, or `aten::cat`. */
export function kindsOf(graph: Graph): string[] {
  return graph.nodes.map(kindOf)
}

function kindOf(node: Node): string {
  if (node.kind === 'aten') return node.schema
  const residual = node.kind === 'conv2d' && node.residual !== null ? ' + residual' : ''
  const activation = 'activation' in node && node.activation !== 'none' ? ` + ${node.activation}` : ''
  return node.kind + residual + activation
}

/** What a pass is to do with a model. */
export interface PassRow {
  readonly name: string
  readonly model: () => Module
  /** What is left. */
  readonly kinds: readonly string[]
  /** Default: (2, 4, 6, 5). */
  readonly shape?: readonly number[]
  /** What is to be done before. */
  readonly after?: (graph: Graph) => Graph
}

/** Makes one `it` of each row: the pass leaves these nodes, which compute in float64 what the graph did before. */
export function itRewrites(pass: (graph: Graph) => Graph, rows: readonly PassRow[]): void {
  for (const { name, model, kinds, shape = PASS_SHAPE, after = (graph: Graph) => graph } of rows) {
    it(name, () =>
      scope(() => {
        manualSeed(3)
        const given = after(trace(randomizeNorms(model().double().eval()), shape, 'float64'))
        const input = randn(shape, { dtype: 'float64' })
        const expected = runGraph(given, input)

        const graph = pass(given)

        assert.deepEqual(kindsOf(graph), kinds)
        assertClose(runGraph(graph, input), expected, { rtol: 1e-12, atol: 1e-12 })
        assertClose(runGraph(given, input), expected)
      }),
    )
  }
}

/** A convolution of 3×3 that keeps the size. */
export const conv = (inputs = 4, outputs = 4, options: ConstructorParameters<typeof Conv2d>[3] = {}): Conv2d =>
  new Conv2d(inputs, outputs, 3, { padding: 1, ...options })

/** A model of two convolutions, `one` and `two`. */
export function convolutions(body: (x: Tensor, one: Conv2d, two: Conv2d) => Tensor): Module {
  const [one, two] = [conv(), conv()]
  return applied((x) => body(x, one, two), { one, two })
}
