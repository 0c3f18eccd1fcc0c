import { DESCRIBE } from '../../util/check.js'
import { HELD } from '../../util/scope.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Graph } from '../graph.js'
import type { QParams } from './qparams.js'

/** What a graph lacks to be computed in int8. */
export interface Quantization {
  /** The values that are kept as uint8, by their ids. */
  readonly values: ReadonlyMap<number, QParams>
  /** The int8 weights of the graph's layers, with the scales of their output channels, float32 (O). */
  readonly scales: ReadonlyMap<Tensor, Tensor>
}

/** What a {@link QuantizedModel} is made of. */
export interface QuantizedParts {
  /** For batches of any size: see `rebatch`. It owns all its constants. */
  readonly graph: Graph
  readonly quantization: Quantization
}

/**
 * A model whose convolutions have int8 weights, and which knows the ranges of the activations between them. Made by
 * `quantize()` or `loadQuantized()`; `compile()` makes an engine of it, `saveQuantized()` writes it to a file.
 *
 * It shares nothing with the model that it was made of. Dispose it when it is no longer needed.
 */
export class QuantizedModel implements Disposable {
  /** Shape of a sample, such as (C, H, W). */
  readonly inputShape: readonly number[]
  /** Shape of the output for a sample. */
  readonly outputShape: readonly number[]
  /** @internal */
  readonly graph: Graph
  /** @internal */
  readonly quantization: Quantization

  /** @internal Quantized models are made by `quantize()` and `loadQuantized()`. */
  constructor({ graph, quantization }: QuantizedParts) {
    this.graph = graph
    this.quantization = quantization
    this.inputShape = Object.freeze(graph.inputs[0]?.shape.slice(1) ?? [])
    this.outputShape = Object.freeze(graph.outputs[0]?.shape.slice(1) ?? [])
  }

  /** Bytes of the weights and all other constants. */
  get nbytes(): number {
    return [...this[HELD]()].reduce((sum, { nbytes }) => sum + nbytes, 0)
  }

  /** Frees the weights. Engines that were made of them go on. */
  dispose(): void {
    for (const tensor of this[HELD]()) tensor.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** What a scope keeps alive if this is its result. */
  [HELD](): Set<Tensor> {
    return new Set([...this.graph.owned, ...this.quantization.scales.values()])
  }

  [DESCRIBE](): string {
    return 'a QuantizedModel'
  }
}
