import { setImmediate } from 'node:timers/promises'

import { TorchError } from '../../util/errors.js'
import { scope } from '../../util/scope.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Graph, Value } from '../graph.js'
import { inputsOf, opOf, outputsOf } from '../ops/index.js'
import { rebatch } from '../passes/rebatch.js'
import { Histogram } from './histogram.js'

/** Counts the numbers that a graph makes of batches, value by value. */
export class Calibration {
  /** By the ids of values. */
  readonly #histograms: ReadonlyMap<number, Histogram>
  readonly #graph: Graph
  /** By the size of batches. */
  readonly #graphs = new Map<number, Graph>()

  /** Of the graph any batch size can be made. `values` are those whose numbers count. */
  constructor(graph: Graph, values: Iterable<Value>) {
    this.#graph = graph
    this.#histograms = new Map([...values].map(({ id }) => [id, new Histogram()]))
  }

  /** The numbers of a value so far. */
  of({ id }: Value): Histogram {
    const histogram = this.#histograms.get(id)
    if (histogram === undefined) throw new TypeError(`The numbers of value ${id} are not counted`)
    return histogram
  }

  /**
   * Runs a batch through the graph with the ordinary operators, and lets the event loop go on after each.
   *
   * @throws {TorchError} `TORCH_QUANTIZATION` if a value has numbers without a range: NaN or an infinity.
   * @throws The reason of `signal`.
   */
  async run(batch: Tensor, signal: AbortSignal | undefined): Promise<void> {
    const graph = this.#graphOf(batch.size(0))
    const last = lastReaders(graph)
    const tensors = new Map<Value, Tensor>()
    const lookup = (value: Value): Tensor => {
      const tensor = graph.inputs.includes(value) ? batch : tensors.get(value)
      if (tensor === undefined) throw new TypeError(`Value ${value.id} is read before it is made`)
      return tensor
    }
    try {
      for (const value of graph.inputs) this.#count(value, batch, 'the input')
      for (const [index, node] of graph.nodes.entries()) {
        await setImmediate()
        signal?.throwIfAborted()
        const made = scope(() => opOf(node).eager(node, lookup))
        for (const [position, value] of outputsOf(node).entries()) {
          const tensor = made[position]
          if (tensor === undefined) throw new TypeError(`A node ${node.kind} gives too few values`)
          tensors.set(value, tensor)
          this.#count(value, tensor, node.path === '' ? `the result of ${node.kind}` : `the result of ${node.path}`)
        }
        for (const value of [...inputsOf(node), ...outputsOf(node)]) {
          if ((last.get(value) ?? index) > index) continue
          tensors.get(value)?.dispose()
          tensors.delete(value)
        }
      }
    } finally {
      for (const tensor of tensors.values()) tensor.dispose()
    }
  }

  #count(value: Value, tensor: Tensor, name: string): void {
    const histogram = this.#histograms.get(value.id)
    if (histogram === undefined || histogram.add(tensor.toFloat32Array())) return
    throw new TorchError(
      'TORCH_QUANTIZATION',
      `Expected finite numbers, but ${name} has NaN or infinities for a batch of calibrate`,
    )
  }

  #graphOf(batchSize: number): Graph {
    const known = this.#graphs.get(batchSize)
    if (known !== undefined) return known
    const made = rebatch(this.#graph, batchSize)
    this.#graphs.set(batchSize, made)
    return made
  }
}

/** The position of the node that reads a value last. */
function lastReaders(graph: Graph): Map<Value, number> {
  const last = new Map<Value, number>()
  for (const [index, node] of graph.nodes.entries()) for (const value of inputsOf(node)) last.set(value, index)
  return last
}
