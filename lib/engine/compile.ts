import { native } from '../libtorch/binding.js'
import { inGradMode } from '../libtorch/grad_mode.js'
import { describeShape } from '../util/check.js'
import { isFloatingPoint } from '../util/dtype.js'
import type { Module } from '../nn/module.js'
import { scope } from '../util/scope.js'
import { Slices } from '../util/slices.js'
import { TorchError } from '../util/errors.js'
import { checkCompile, type CompileOptions, type QuantizedCompileOptions } from './compile_options.js'
import { Engine } from './engine.js'
import type { Graph } from './graph.js'
import { optimizing } from './passes/optimize.js'
import { alignBatches, rebatch } from './passes/rebatch.js'
import { Constants } from './plan/constants.js'
import { PlanStore } from './plan/plan_store.js'
import { checkInt8Support } from './quantization/int8_support.js'
import { QuantizedModel } from './quantization/quantized_model.js'
import { defaultBuckets } from './run/buckets.js'
import { followJob } from './run/jobs.js'
import { checkSamplesApart } from './trace/sample_dependence.js'
import { traceSamples } from './trace/trace_samples.js'
import { autotune } from './tune/autotune.js'
import { selectUpTo, type SelectAlgorithm } from './tune/heuristics.js'

/**
 * Compiles a model in eval mode, whose `forward` takes one batch (N, ...) and gives one (N, ...) of floats, into an
 * {@link Engine}, on the CPU or on CUDA: batch normalization becomes part of the convolutions, as do the activations
 * and sums that follow them.
 *
 * The work is done in slices of a few ms, between which the event loop goes on: until the promise settles, leave the model as
 * it is. Afterwards it may be disposed, **but not be changed in place**, as the engine shares its memory where it can. **A sample's output must not depend on the others in its batch:** batches are merged
 * and cut. Where the operators do not tell that it does not, made-up samples are computed.
 *
 * A {@link QuantizedModel} is computed in int8.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an option is not what it should be; `TORCH_TRACE` if the model does what
 * cannot be compiled, or mixes samples; `TORCH_QUANTIZATION` if it is quantized and this machine cannot compute int8;
 * `TORCH_CUDA_UNAVAILABLE`; and errors of `forward`.
 */
export function compile(model: Module, options: CompileOptions): Promise<Engine>
export function compile(model: QuantizedModel, options?: QuantizedCompileOptions): Promise<Engine>
export async function compile(
  model: Module | QuantizedModel,
  options: CompileOptions | QuantizedCompileOptions = {},
): Promise<Engine> {
  return inGradMode('disabled', () => compileModel(model, options))
}

async function compileModel(
  model: Module | QuantizedModel,
  given: CompileOptions | QuantizedCompileOptions,
): Promise<Engine> {
  const options = checkCompile(model, given)
  const { input, device, dtype, threads, instructionSet, winogradTile, weights, limits, bucketSizes, signal } = options
  signal?.throwIfAborted()
  const isQuantized = model instanceof QuantizedModel
  if (isQuantized) checkInt8Support()
  const kernels = isQuantized ? 'onednn' : options.kernels
  const handle = native.createEngine(threads, device)
  const constants = new Constants({ instructionSet, device, weights })
  let release = async (): Promise<void> => {
    await new Slices().run(constants.disposing())
    native.disposeEngine(handle)
  }
  const slices = new Slices(signal)
  try {
    const bucketsOf = (graph: Graph): readonly number[] => bucketSizes ?? defaultBuckets(graph, limits.maxBatchSize)
    const graphs = isQuantized
      ? quantizedGraphs(model, constants, bucketsOf)
      : await graphsOf(model, input, { constants, bucketsOf, slices })
    const { buckets, graphOf, outputShape } = graphs
    const quantization = isQuantized ? model.quantization : null
    const isMeasured = kernels === 'native' && options.autotune
    const tuning = { constants, instructionSet, threads, winogradTile, weights, slices, signal }
    const selectAlgorithm: SelectAlgorithm = isMeasured
      ? await autotune({ sizes: buckets, graphOf }, tuning)
      : (convolution) => selectUpTo(winogradTile, convolution)
    const tuned = device !== 'cpu' && options.autotune
    const source = { graphOf, kernels, dtype, quantization, selectAlgorithm, device, tuned }
    const plans = new PlanStore(handle, constants, source)
    release = () => plans.dispose()
    for (const size of options.warmup ? buckets : []) {
      await slices.next()
      const { handle: plan, isPreparable } = plans.get(size)
      await followJob<unknown>(handle, signal, (id) =>
        isPreparable ? native.preparePlan(handle, id, plan) : native.measurePlan(handle, id, plan, 1),
      )
    }
    if (options.warmup) await slices.run(constants.releasingSources())
    const keeps = isQuantized ? 'int8' : dtype
    const set = kernels === 'native' ? instructionSet : null
    const computes = { device, dtype: keeps, kernels, instructionSet: set } as const
    return new Engine({ handle, plans, buckets, inputShape: input, outputShape, ...computes, limits })
  } catch (error) {
    await release()
    throw error
  }
}

interface Graphs {
  /** Sizes of batches, from the largest to 1. */
  readonly buckets: readonly number[]
  readonly graphOf: (batchSize: number) => Graph
  /** Shape of the output for a sample. */
  readonly outputShape: readonly number[]
}

/** Holds the constants of a quantized model. */
function quantizedGraphs(
  { graph, quantization, outputShape }: QuantizedModel,
  constants: Constants,
  bucketsOf: (graph: Graph) => readonly number[],
): Graphs {
  constants.add(graph)
  for (const scale of quantization.scales.values()) constants.hold(scale)
  return { buckets: bucketsOf(graph), outputShape, graphOf: (batchSize) => rebatch(graph, batchSize) }
}

interface GraphsOptions {
  readonly constants: Constants
  readonly bucketsOf: (graph: Graph) => readonly number[]
  readonly slices: Slices
}

/** Traces the model, and holds its constants. */
function graphsOf(
  model: Module,
  input: readonly number[],
  { constants, bucketsOf, slices }: GraphsOptions,
): Promise<Graphs> {
  // What is not held is disposed with the scope.
  return scope(async (): Promise<Graphs> => {
    // Not of 1, which operators may take for a size that fits all.
    const two = traceSamples(model, 2, input)
    await slices.next()
    const three = traceSamples(model, 3, input)
    await slices.next()
    const outputShape = outputShapeOf(model, two, three)
    const aligned = alignBatches(two, three)
    await slices.next()
    checkSamplesApart(model, [two, three], aligned !== null)
    const buckets = bucketsOf(two)
    if (aligned !== null) {
      const graph = await slices.run(optimizing(aligned))
      constants.add(graph)
      return { buckets, outputShape, graphOf: (batchSize) => rebatch(graph, batchSize) }
    }
    // Something else depends on the size of the batch.
    const graphs = new Map<number, Graph>()
    for (const size of buckets) {
      await slices.next()
      graphs.set(size, await slices.run(optimizing(traceSamples(model, size, input))))
    }
    for (const graph of graphs.values()) constants.add(graph)
    const graphOf = (batchSize: number): Graph => {
      const graph = graphs.get(batchSize)
      if (graph === undefined) throw new TypeError(`There is no graph for batches of ${batchSize}`)
      return graph
    }
    return { buckets, outputShape, graphOf }
  })
}

function outputShapeOf(model: Module, two: Graph, three: Graph): readonly number[] {
  const outputs = [two, three].flatMap(({ outputs }) => outputs)
  const [output] = outputs
  const isFloat = output !== undefined && isFloatingPoint(output.dtype)
  if (isFloat && outputs.every(({ shape }, index) => shape[0] === index + 2)) return output.shape.slice(1)
  const received = output === undefined ? 'nothing' : `${output.dtype} ${describeShape(output.shape)}`
  const name = model.constructor.name
  throw new TorchError(
    'TORCH_TRACE',
    `${name}: Expected an output (N, ...) of floats for a batch of 2, received ${received}`,
  )
}
