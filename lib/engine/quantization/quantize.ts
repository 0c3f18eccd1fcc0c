import { inGradMode } from '../../libtorch/grad_mode.js'
import { checkNumber, checkOneOf, checkOptions, checkShape, describeShape, expected } from '../../util/check.js'
import { isFloatingPoint } from '../../util/dtype.js'
import { TorchError } from '../../util/errors.js'
import { isTensor } from '../../nn/checks.js'
import { Module } from '../../nn/module.js'
import { keep, scope } from '../../util/scope.js'
import { Slices } from '../../util/slices.js'
import { fromArray } from '../../tensor/creation.js'
import type { Tensor } from '../../tensor/tensor.js'
import { checkSignal } from '../../util/abort.js'
import { Graph, type Node } from '../graph.js'
import { mapConstants } from '../ops/index.js'
import { optimizing } from '../passes/optimize.js'
import { alignBatches } from '../passes/rebatch.js'
import { checkSamplesApart } from '../trace/sample_dependence.js'
import { traceSamples } from '../trace/trace_samples.js'
import { Calibration } from './calibrate.js'
import { qparamsOfRange, type QParams } from './qparams.js'
import { quantizableNodes, quantizedValues } from './quantized_values.js'
import { QuantizedModel } from './quantized_model.js'
import { CALIBRATION_METHODS, rangeOf, type CalibrationMethod } from './ranges.js'
import { quantizeWeight } from './weights.js'
import { isFloat32Array } from '../../util/realm.js'

/** Samples one after the other, or a tensor (N, ...), float32. */
export type CalibrationBatch = Float32Array | Tensor

/** Options of {@link quantize}. */
export interface QuantizeOptions {
  /** Shape of a sample, such as `[3, 224, 224]`. */
  readonly input: readonly number[]
  /**
   * Batches as the model will see them, prepared in the same way; some hundred samples are enough. Tensors stay the
   * caller's: a generator that makes them disposes each when it is asked for the next.
   */
  readonly calibrate: Iterable<CalibrationBatch> | AsyncIterable<CalibrationBatch>
  /**
   * How the range that uint8 stands for follows from the numbers that were observed: all of them, all but the outermost,
   * or those for which the distribution changes least. Default: `percentile`.
   */
  readonly method?: CalibrationMethod | undefined
  /** Share of the numbers in percent that `percentile` keeps at either end. Default: {@link DEFAULT_PERCENTILE}. */
  readonly percentile?: number | undefined
  /** Gives up; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Default of `percentile`. */
export const DEFAULT_PERCENTILE = 99.999

const OPTIONS = ['input', 'calibrate', 'method', 'percentile', 'signal'] as const

/**
 * Makes an int8 model of one in eval mode, without training: batch normalization becomes part of the convolutions; weights
 * are rounded with a scale for each output channel; and the batches of `calibrate` run through the model, in float32 and on
 * this thread, to find the range of each activation between the layers.
 *
 * Convolutions become int8, the first one included, and matrices but for the last; operators that have no form for uint8 are
 * computed in float32. The model must be one that `compile()` can compile, of float32 and on the CPU.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an option or a batch is not what it should be; `TORCH_TRACE` if the model
 * does what cannot be compiled; `TORCH_QUANTIZATION` if it has nothing to quantize, computes batches of one size in another
 * way than those of another, or gives NaN or infinities; and errors of `forward` and `calibrate`.
 */
export async function quantize(model: Module, options: QuantizeOptions): Promise<QuantizedModel> {
  return inGradMode('disabled', () => quantizeModel(model, options))
}

async function quantizeModel(model: Module, options: QuantizeOptions): Promise<QuantizedModel> {
  const { input, calibrate, method, percentile, signal } = checkQuantize(model, options)
  signal?.throwIfAborted()
  const graph = await graphOf(model, input, new Slices(signal))
  try {
    const layers = quantizableNodes(graph)
    if (layers.length === 0) {
      const name = model.constructor.name
      throw new TorchError('TORCH_QUANTIZATION', `${name} has no convolution or matrix of float32 to quantize`)
    }
    const sources = quantizedValues(graph, layers)
    const calibration = new Calibration(graph, new Set(sources.values()))
    let batches = 0
    for await (const batch of calibrate) {
      await withTensor(batch, input, (tensor) => calibration.run(tensor, signal))
      batches++
    }
    signal?.throwIfAborted()
    if (batches === 0) throw expected('at least one batch', 'calibrate', calibrate)

    const values = new Map<number, QParams>()
    for (const [{ id }, source] of sources) {
      // The input is bounded, and no distribution: images have few values, one of them often in most pixels.
      const rule = graph.inputs.includes(source) ? 'minMax' : method
      const range = rangeOf(calibration.of(source), rule, percentile)
      values.set(id, qparamsOfRange(range))
    }
    return quantizedModel(graph, new Map<Node, Tensor>(layers.map((layer) => [layer, layer.weight])), values)
  } finally {
    graph.dispose()
  }
}

/** Traces the model for batches of any size. */
function graphOf(model: Module, input: readonly number[], slices: Slices): Promise<Graph> {
  return scope(async () => {
    // Not of 1, which operators may take for a size that fits all.
    const two = traceSamples(model, 2, input)
    await slices.next()
    const three = traceSamples(model, 3, input)
    await slices.next()
    const aligned = alignBatches(two, three)
    const fault = faultOfGraphs(two, aligned)
    if (fault === null && aligned !== null) {
      checkSamplesApart(model, [two, three], true)
      return slices.run(optimizing(aligned))
    }
    throw new TorchError('TORCH_QUANTIZATION', `${model.constructor.name} ${fault}`)
  })
}

function faultOfGraphs(two: Graph, aligned: Graph | null): string | null {
  const [[input], [output]] = [two.inputs, two.outputs]
  if (input?.dtype !== 'float32') return `has parameters of ${input?.dtype}, where float32 is expected`
  if (aligned === null) return 'does not compute each sample by itself'
  if (output === undefined || isFloatingPoint(output.dtype)) return null
  return `gives ${output.dtype}, where floats are expected`
}

/** Gives the layers int8 weights, and makes all other constants the model's own. */
function quantizedModel(
  graph: Graph,
  layers: ReadonlyMap<Node, Tensor>,
  values: ReadonlyMap<number, QParams>,
): QuantizedModel {
  const scales = new Map<Tensor, Tensor>()
  const made = new Map<Tensor, Tensor>()
  return scope(() => {
    const copyOf = (tensor: Tensor): Tensor => {
      const copy = made.get(tensor) ?? tensor.clone()
      made.set(tensor, copy)
      return copy
    }
    const integers = new Map<Tensor, Tensor>()
    const int8Of = (tensor: Tensor): Tensor => {
      const known = integers.get(tensor)
      if (known !== undefined) return known
      const { weight, scale } = quantizeWeight(tensor)
      integers.set(tensor, weight)
      scales.set(weight, scale)
      return weight
    }
    const nodes = graph.nodes.map((node) => {
      const weight = layers.get(node)
      return mapConstants(node, (constant) => (constant === weight ? int8Of(constant) : copyOf(constant)))
    })
    const { inputs, outputs } = graph
    const owned = [...integers.values(), ...made.values()]
    return new QuantizedModel({ graph: new Graph({ inputs, nodes, outputs, owned }), quantization: { values, scales } })
  })
}

/** Calls `body` with a batch as a tensor. */
async function withTensor(
  batch: unknown,
  input: readonly number[],
  body: (tensor: Tensor) => Promise<void>,
): Promise<void> {
  const length = input.reduce((product, size) => product * size, 1)
  if (isFloat32Array(batch) && batch.length > 0 && batch.length % length === 0) {
    const tensor = keep(fromArray(batch, [batch.length / length, ...input]))
    try {
      await body(tensor)
    } finally {
      tensor.dispose()
    }
    return
  }
  if (isTensor(batch) && batch.dtype === 'float32' && batch.device === 'cpu') {
    const [count = 0, ...rest] = batch.shape
    if (count > 0 && describeShape(rest) === describeShape(input)) {
      await body(batch)
      return
    }
  }
  const what = `a tensor float32 (N, ${input.join(', ')}), or a Float32Array of N × ${length} elements,`
  throw expected(what, 'a batch of calibrate', batch)
}

function checkQuantize(model: Module, options: QuantizeOptions) {
  if (!(model instanceof Module)) throw expected('a Module', 'model', model)
  checkOptions('quantize()', options, OPTIONS)
  const { calibrate, method = 'percentile', percentile = DEFAULT_PERCENTILE, signal } = options
  const input = Object.freeze([...checkShape('input', options.input)])
  if (input.length === 0 || input.includes(0)) throw expected('an array of positive integers', 'input', input)
  if (!isIterable(calibrate)) throw expected('an iterable of batches', 'calibrate', calibrate)
  checkOneOf('method', method, CALIBRATION_METHODS)
  if (!(checkNumber('percentile', percentile) > 50 && percentile <= 100)) {
    throw expected('a number above 50, up to 100,', 'percentile', percentile)
  }
  return { input, calibrate, method, percentile, signal: checkSignal(signal) }
}

/** A batch itself is none: it is iterable, but what it gives are numbers. */
function isIterable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || isTensor(value)) return false
  return Symbol.iterator in value || Symbol.asyncIterator in value
}
