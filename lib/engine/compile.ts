import { setImmediate } from 'node:timers/promises'

import { native } from '../binding.js'
import {
  checkBoolean,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkPositiveInteger,
  checkShape,
  describeShape,
  expected,
  isIntegerArray,
} from '../check.js'
import { isFloatingPoint } from '../dtype.js'
import { Module } from '../nn/module.js'
import { getNumThreads } from '../runtime.js'
import { scope } from '../scope.js'
import { TorchError } from '../errors.js'
import { checkSignal } from './abort.js'
import { LONGEST_TIMEOUT_MS, type BatcherLimits } from './batcher.js'
import { defaultBuckets } from './buckets.js'
import { Constants } from './constants.js'
import { Engine } from './engine.js'
import type { Graph } from './graph.js'
import { followJob } from './jobs.js'
import { KERNEL_SETS, type KernelSet } from './lower.js'
import { optimize } from './passes/optimize.js'
import { MOST_PLANS, PlanStore } from './plan_store.js'
import { isBatchUniform, rebatch } from './rebatch.js'
import { trace } from './trace.js'

/** The dtypes in which an engine can keep what it computes. */
export const ENGINE_DTYPES = ['float32', 'bfloat16'] as const

/** One of {@link ENGINE_DTYPES}. */
export type EngineDType = (typeof ENGINE_DTYPES)[number]

/** Options of {@link compile}. */
export interface CompileOptions {
  /** Shape of a sample, such as `[3, 224, 224]`. */
  readonly input: readonly number[]
  /** In which convolutions and what stands between them keep floats of 32 bits. Default: `float32`. */
  readonly dtype?: EngineDType | undefined
  /** Default: `cpu`, the only one so far. */
  readonly device?: 'cpu' | undefined
  /** Threads that compute; engines with the same number share them. Default: as many as one operator may use. */
  readonly threads?: number | undefined
  /** Which kernels compute. Default: `onednn`. */
  readonly kernels?: KernelSet | undefined
  /** Samples that `infer` puts into one batch at most. Default: `32`. */
  readonly maxBatchSize?: number | undefined
  /** How long a sample waits for others at most while nothing is computed, in ms. Default: `0`. */
  readonly maxDelayMs?: number | undefined
  /** Samples that wait for `infer` at most. Default: {@link DEFAULT_MAX_QUEUE_SIZE}. */
  readonly maxQueueSize?: number | undefined
  /** Bytes of these at most. Default: {@link DEFAULT_MAX_QUEUE_BYTES}. */
  readonly maxQueueBytes?: number | undefined
  /**
   * Sizes of the batches for which plans are made; others are cut into these, and 1 is always among them. Default: powers
   * of two, up to where more samples at once no longer help.
   */
  readonly bucketSizes?: readonly number[] | undefined
  /** Run every plan once, so that the first batches are as fast as later ones. Default: `true`. */
  readonly warmup?: boolean | undefined
  /** Gives up; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Default of `maxQueueSize`. */
export const DEFAULT_MAX_QUEUE_SIZE = 1024
/** Default of `maxQueueBytes`. */
export const DEFAULT_MAX_QUEUE_BYTES = 256 * 2 ** 20

const DEFAULT_MAX_BATCH_SIZE = 32
const MOST_THREADS = 1024

const OPTIONS = [
  'input',
  'dtype',
  'device',
  'threads',
  'kernels',
  'maxBatchSize',
  'maxDelayMs',
  'maxQueueSize',
  'maxQueueBytes',
  'bucketSizes',
  'warmup',
  'signal',
]

/**
 * Compiles a model in eval mode, whose `forward` takes one batch (N, ...) and gives one (N, ...) of floats, into an
 * {@link Engine}: batch normalisation becomes part of the convolutions, as do activations and sums behind them.
 *
 * The weights are those of now; the model may be disposed afterwards, **but not be changed in place**, as the engine shares
 * what it could take over as it is. **A sample's output must not depend on the others in its batch:** batches are cut.
 *
 * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if an option is not what it should be; `TORCH_TRACE` if the model does what
 * cannot be compiled; and whatever `forward` throws.
 */
export async function compile(model: Module, options: CompileOptions): Promise<Engine> {
  const { input, limits, threads, kernels, dtype, bucketSizes, warmup, signal } = checkCompile(model, options)
  signal?.throwIfAborted()
  const constants = new Constants()
  const { buckets, graphOf, outputShape } = graphsOf(model, input, constants, (graph) => {
    return bucketSizes ?? defaultBuckets(graph, limits.maxBatchSize)
  })
  const handle = native.createEngine(threads)
  const plans = new PlanStore(handle, { graphOf, constants, kernels, dtype })
  try {
    for (const size of warmup ? buckets : []) {
      await setImmediate()
      const plan = plans.get(size).handle
      await followJob(handle, signal, (id) => native.measurePlan(handle, id, plan, 1))
    }
    return new Engine({ handle, plans, buckets, inputShape: input, outputShape, limits })
  } catch (error) {
    plans.dispose()
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

/** Traces the model, and takes hold of its constants. */
function graphsOf(
  model: Module,
  input: readonly number[],
  constants: Constants,
  bucketsOf: (graph: Graph) => readonly number[],
): Graphs {
  // What is not held is disposed with the scope.
  return scope(() => {
    // Not of 1, which operators may take for a size that fits all.
    const [two, three] = [trace(model, [2, ...input]), trace(model, [3, ...input])]
    const outputShape = outputShapeOf(model, two, three)
    const buckets = bucketsOf(two)
    if (isBatchUniform(two, three)) {
      const graph = optimize(two)
      constants.add(graph)
      return { buckets, outputShape, graphOf: (batchSize) => rebatch(graph, batchSize) }
    }
    // Something else depends on the size of the batch.
    const graphs = new Map(buckets.map((size) => [size, optimize(trace(model, [size, ...input]))]))
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

function checkCompile(model: Module, options: CompileOptions) {
  if (!(model instanceof Module)) throw expected('a Module', 'model', model)
  checkOptions('compile()', options, OPTIONS)
  const {
    dtype = 'float32',
    device = 'cpu',
    threads = getNumThreads(),
    kernels = 'onednn',
    maxBatchSize = DEFAULT_MAX_BATCH_SIZE,
    maxDelayMs = 0,
    maxQueueSize = DEFAULT_MAX_QUEUE_SIZE,
    maxQueueBytes = DEFAULT_MAX_QUEUE_BYTES,
    bucketSizes,
    warmup = true,
    signal,
  } = options
  const input = Object.freeze([...checkShape('input', options.input)])
  if (input.length === 0 || input.includes(0)) throw expected('an array of positive integers', 'input', input)
  checkOneOf('dtype', dtype, ENGINE_DTYPES)
  checkOneOf('device', device, ['cpu'])
  checkOneOf('kernels', kernels, KERNEL_SETS)
  if (checkPositiveInteger('threads', threads) > MOST_THREADS) {
    throw expected(`at most ${MOST_THREADS}`, 'threads', threads)
  }
  if (!(checkNumber('maxDelayMs', maxDelayMs) >= 0 && maxDelayMs <= LONGEST_TIMEOUT_MS)) {
    throw expected('a number of at least 0', 'maxDelayMs', maxDelayMs)
  }
  checkPositiveInteger('maxBatchSize', maxBatchSize)
  checkPositiveInteger('maxQueueSize', maxQueueSize)
  checkPositiveInteger('maxQueueBytes', maxQueueBytes)
  checkBoolean('warmup', warmup)
  const limits: BatcherLimits = { maxBatchSize, maxDelayMs, maxQueueSize, maxQueueBytes }
  return {
    input,
    limits,
    threads,
    kernels,
    dtype,
    bucketSizes: checkBuckets(bucketSizes),
    warmup,
    signal: checkSignal(signal),
  }
}

function checkBuckets(sizes: readonly number[] | undefined): readonly number[] | undefined {
  if (sizes === undefined) return undefined
  if (!isIntegerArray(sizes) || sizes.length > MOST_PLANS || sizes.some((size) => size < 1)) {
    throw expected(`an array of at most ${MOST_PLANS} positive integers`, 'bucketSizes', sizes)
  }
  return [...new Set([...sizes, 1])].sort((one, other) => other - one)
}
