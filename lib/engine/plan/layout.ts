import { layoutOf, type Graph, type Value } from '../graph.js'
import { inputsOf, opOf, outputsOf, withInputs, withOutputs, type Node } from '../ops/index.js'
import { qparamsOf, type LayoutRequest, type OutputLayout, type Target } from '../ops/kernel.js'
import type { ReorderNode } from '../ops/reorder.js'
import { exchangeDType } from './plan_writer.js'
import type { SelectedNode } from './select.js'

/** A graph whose values have layouts, and what computes its nodes. */
export interface LaidOutGraph {
  readonly graph: Graph
  readonly nodes: readonly SelectedNode[]
}

/**
 * Decides how each value lies in memory, and inserts a reorder wherever a kernel wants a value in another dtype or layout
 * than the one in which it is made: at most one for each form of a value.
 */
export function assignLayouts(graph: Graph, selected: readonly SelectedNode[], target: Target): LaidOutGraph {
  const assignment = new LayoutAssignment(graph, target)
  for (const each of selected) assignment.add(each)
  return assignment.finish()
}

class LayoutAssignment {
  readonly #graph: Graph
  readonly #target: Target
  readonly #nodes: SelectedNode[] = []
  /** The forms of each value, the one in which it is made first. */
  readonly #forms = new Map<Value, Value[]>()
  readonly #inputs: readonly Value[]
  #nextId: number

  constructor(graph: Graph, target: Target) {
    this.#graph = graph
    this.#target = target
    this.#nextId =
      1 + [...graph.inputs, ...graph.nodes.flatMap(outputsOf)].reduce((max, { id }) => Math.max(max, id), 0)
    this.#inputs = graph.inputs.map((input) => this.#define(input, inputLayout(input)))
  }

  add({ node, kernel: name }: SelectedNode): void {
    const kernel = name === 'native' ? NATIVE : opOf(node).kernels[name]
    if (kernel === undefined) throw new TypeError(`A node ${node.kind} has no kernel ${name}`)
    const target = this.#target
    const inputs = new Map(inputsOf(node).map((value) => [value, this.#read(value, kernel.reads(node, value, target))]))
    const reading = withInputs(node, (value) => inputs.get(value) ?? value)
    const placed = withOutputs(reading, (output) => {
      return this.#define(output, kernel.writes(node, output, [...inputs.values()], target))
    })
    this.#nodes.push({ node: placed, kernel: name })
  }

  finish(): LaidOutGraph {
    const outputs = this.#graph.outputs.map((output) => {
      // Callers know no scales.
      return qparamsOf(output, this.#target) === null ? this.#made(output) : this.#read(output, { dtype: 'float32' })
    })
    const nodes = this.#nodes
    const graph = this.#graph.with({ inputs: this.#inputs, nodes: nodes.map(({ node }) => node), outputs })
    return { graph, nodes }
  }

  #define(value: Value, { dtype, ...layout }: OutputLayout): Value {
    const placed = { ...value, dtype, layout }
    this.#forms.set(value, [placed])
    return placed
  }

  #made(value: Value): Value {
    const [first] = this.#forms.get(value) ?? []
    if (first === undefined) throw new TypeError(`Value ${value.id} is read before it is made`)
    return first
  }

  /** Gives a value in the form that is asked for. */
  #read(value: Value, request: LayoutRequest): Value {
    const first = this.#made(value)
    const forms = this.#forms.get(value) ?? []
    const { dtype, isChannelsLast = false } = request
    const found = forms.find((form) => form.dtype === dtype && (layoutOf(form).isChannelsLast || !isChannelsLast))
    if (found !== undefined) return found
    const node = this.#reorder(value, first, request)
    this.#nodes.push({ node, kernel: 'aten' })
    forms.push(node.output)
    return node.output
  }

  #reorder(value: Value, input: Value, { dtype, isChannelsLast = false }: LayoutRequest): ReorderNode {
    const node = { kind: 'reorder', path: '', input } as const
    const base = { id: this.#nextId++, shape: value.shape }
    const qparams = qparamsOf(value, this.#target)
    if (qparams === null || (dtype !== 'uint8' && input.dtype !== 'uint8')) {
      // Where the dtype is right, there may be nothing to copy.
      const layout = { isChannelsLast, isOwned: input.dtype !== dtype, qparams: null }
      return { ...node, operation: 'convert', output: { ...base, dtype, layout } }
    }
    const layout = { isChannelsLast: value.shape.length === 4, isOwned: true }
    return dtype === 'uint8'
      ? { ...node, operation: 'quantize', output: { ...base, dtype, layout: { ...layout, qparams } } }
      : {
          ...node,
          operation: 'dequantize',
          output: { ...base, dtype: 'float32', layout: { ...layout, qparams: null } },
        }
  }
}

/** A native network takes float32 in any layout; what it gives lies in its own buffers. */
const NATIVE = {
  reads: (_node: Node, _value: Value, _target: Target): LayoutRequest => ({ dtype: 'float32' }),
  writes: (): OutputLayout => ({ dtype: 'float32', isChannelsLast: false, isOwned: false, qparams: null }),
}

/** The input is the caller's memory. */
function inputLayout({ dtype }: Value): OutputLayout {
  return { dtype: exchangeDType(dtype), isChannelsLast: false, isOwned: false, qparams: null }
}
