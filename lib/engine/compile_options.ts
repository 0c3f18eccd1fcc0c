import {
  checkBoolean,
  checkNumber,
  checkOneOf,
  checkOptions,
  checkPositiveInteger,
  checkShape,
  expected,
  isIntegerArray,
} from '../util/check.js'
import { checkDevice, type Device } from '../util/device.js'
import { Module } from '../nn/module.js'
import { getNumThreads } from '../tensor/runtime.js'
import { checkSignal } from '../util/abort.js'
import { WEIGHT_DTYPES, type WeightDType } from './plan/constants.js'
import { MAX_PLANS } from './plan/plan_store.js'
import { KERNEL_SETS, type KernelSet } from './plan/select.js'
import { QuantizedModel } from './quantization/quantized_model.js'
import { MAX_TIMEOUT_MS, type BatcherLimits } from './run/batcher.js'
import { WINOGRAD_TILES, type WinogradTile } from './tune/heuristics.js'
import { checkInstructionSet, type InstructionSet } from './tune/instruction_set.js'

/** The dtypes in which an engine can keep what it computes: `float16` on CUDA alone. */
export const ENGINE_DTYPES = ['float32', 'bfloat16', 'float16'] as const

/** One of {@link ENGINE_DTYPES}. */
export type EngineDType = (typeof ENGINE_DTYPES)[number]

/** Options of {@link compile}. */
export interface CompileOptions {
  /** Shape of one sample, such as `[3, 224, 224]` (C, H, W): without the size of a batch. */
  readonly input: readonly number[]
  /** In which convolutions and the activations between them keep float32. Default: `float32`. */
  readonly dtype?: EngineDType | undefined
  /**
   * Where the model is computed, whatever device its parameters are on. On CUDA a plan is recorded once as a CUDA graph, where
   * that is possible, and replayed; {@link Engine.explain} says so. Default: `cpu`.
   */
  readonly device?: Device | undefined
  /**
   * Threads that compute on the CPU, or that bring data to the device and back; engines with the same number and device share
   * them. Default: as many as one operator may use.
   */
  readonly threads?: number | undefined
  /**
   * Which kernels compute: `native` are those of this package, for float32 on the CPU only. Default: `native` for float32 and
   * `onednn` for bfloat16 on the CPU, `cudnn` on CUDA.
   */
  readonly kernels?: KernelSet | undefined
  /** The vector instructions that native kernels use. Default: the best that this CPU has. */
  readonly instructionSet?: InstructionSet | undefined
  /**
   * Selects the algorithm of each convolution by measuring, unless this machine has done so before: the results are kept in
   * the package's cache folder. With `false`, heuristics select. On CUDA libtorch measures, as with PyTorch's
   * `backends.cudnn.benchmark`. The selection shows in the last digits of outputs. Default: `true`.
   */
  readonly autotune?: boolean | undefined
  /**
   * Largest output tile of Winograd's kernels for 3 × 3 convolutions. With tiles of 4 they multiply least, and keep weights in a
   * form of 4 times their size; with 2, of 1.8 times; with 0 none of them is used, and weights take what they take. Of native
   * kernels only. Default: `4`.
   */
  readonly winogradTile?: WinogradTile | undefined
  /**
   * In what native kernels keep the weights of convolutions and linear layers. `float16` halves the memory of a model, and the
   * time where it is spent waiting for weights; all computation stays float32. It changes a weight by at most 2^-11 of the
   * largest of its output channel, and logits by some 1e-4 of their scale. Weights of a layer that are not finite stay
   * float32. Default: `float32`.
   */
  readonly weights?: WeightDType | undefined
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
  /** Make and prepare every plan, so that the first batches are as fast as later ones. Default: `true`. */
  readonly warmup?: boolean | undefined
  /** Gives up; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** Default of `maxQueueSize`. */
export const DEFAULT_MAX_QUEUE_SIZE = 1024
/** Default of `maxQueueBytes`. */
export const DEFAULT_MAX_QUEUE_BYTES = 256 * 2 ** 20

const DEFAULT_MAX_BATCH_SIZE = 32
const MAX_THREADS = 1024
const MAX_SHOWN_SIZES = 8

/** Options of {@link compile} for a {@link QuantizedModel}, which has the rest in itself. */
export type QuantizedCompileOptions = Omit<
  CompileOptions,
  'input' | 'dtype' | 'kernels' | 'instructionSet' | 'winogradTile' | 'weights' | 'autotune'
>

const QUANTIZED_OPTIONS = [
  'device',
  'threads',
  'maxBatchSize',
  'maxDelayMs',
  'maxQueueSize',
  'maxQueueBytes',
  'bucketSizes',
  'warmup',
  'signal',
] as const
const OPTIONS = [
  'input',
  'dtype',
  'kernels',
  'instructionSet',
  'winogradTile',
  'weights',
  'autotune',
  ...QUANTIZED_OPTIONS,
] as const

/** Options of {@link compile}, checked, with their defaults. */
export interface CheckedOptions {
  readonly input: readonly number[]
  readonly device: Device
  readonly dtype: EngineDType
  readonly threads: number
  readonly kernels: KernelSet
  readonly instructionSet: InstructionSet
  readonly winogradTile: WinogradTile
  readonly weights: WeightDType
  readonly autotune: boolean
  readonly limits: BatcherLimits
  readonly bucketSizes: readonly number[] | undefined
  readonly warmup: boolean
  readonly signal: AbortSignal | undefined
}

/** @throws {TorchError} `TORCH_INVALID_ARGUMENT` if a model or an option is not what it should be. */
export function checkCompile(
  model: Module | QuantizedModel,
  given: CompileOptions | QuantizedCompileOptions,
): CheckedOptions {
  const isQuantized = model instanceof QuantizedModel
  if (!isQuantized && !(model instanceof Module)) throw expected('a Module or a QuantizedModel', 'model', model)
  if (isIntegerArray(given)) throw expected('an options object', 'compile()', given, formOf(given))
  if (isQuantized) checkOptions('compile()', given, QUANTIZED_OPTIONS)
  else checkOptions('compile()', given as CompileOptions, OPTIONS)
  const options: Partial<CompileOptions> = isQuantized ? { ...given, input: model.inputShape } : given
  const {
    dtype = 'float32',
    device = 'cpu',
    threads = getNumThreads(),
    kernels = defaultKernels(device, dtype),
    instructionSet,
    winogradTile = WINOGRAD_TILES[0],
    weights = 'float32',
    autotune = true,
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
  checkDevice('device', device)
  checkOneOf('kernels', kernels, KERNEL_SETS)
  if (device === 'cpu') {
    if (kernels === 'cudnn') throw expected("'native', 'onednn' or 'aten'", 'kernels on the CPU', kernels)
    if (dtype === 'float16') throw expected("'float32' or 'bfloat16'", 'dtype on the CPU', dtype)
    if (kernels === 'native' && dtype !== 'float32')
      throw expected("'onednn' or 'aten'", 'kernels with bfloat16', kernels)
  } else {
    if (isQuantized) throw expected("'cpu'", 'device of a quantized model', device)
    if (kernels !== 'cudnn' && kernels !== 'aten') throw expected("'cudnn' or 'aten'", `kernels on ${device}`, kernels)
  }
  if (instructionSet !== undefined && kernels !== 'native') {
    throw expected('nothing', `instructionSet with the kernels ${kernels}`, instructionSet)
  }
  checkOneOf('weights', weights, WEIGHT_DTYPES)
  if (weights !== 'float32' && kernels !== 'native') {
    throw expected("'float32'", `weights with the kernels ${kernels}`, weights)
  }
  checkOneOf('winogradTile', winogradTile, WINOGRAD_TILES)
  if (winogradTile !== WINOGRAD_TILES[0] && kernels !== 'native') {
    throw expected('nothing', `winogradTile with the kernels ${kernels}`, winogradTile)
  }
  if (checkPositiveInteger('threads', threads) > MAX_THREADS) {
    throw expected(`at most ${MAX_THREADS}`, 'threads', threads)
  }
  if (!(checkNumber('maxDelayMs', maxDelayMs) >= 0 && maxDelayMs <= MAX_TIMEOUT_MS)) {
    throw expected('a number of at least 0', 'maxDelayMs', maxDelayMs)
  }
  checkPositiveInteger('maxBatchSize', maxBatchSize)
  checkPositiveInteger('maxQueueSize', maxQueueSize)
  checkPositiveInteger('maxQueueBytes', maxQueueBytes)
  checkBoolean('autotune', autotune)
  checkBoolean('warmup', warmup)
  const limits: BatcherLimits = { maxBatchSize, maxDelayMs, maxQueueSize, maxQueueBytes }
  return {
    input,
    device,
    limits,
    threads,
    kernels,
    instructionSet: checkInstructionSet(instructionSet),
    winogradTile,
    weights,
    autotune,
    dtype,
    bucketSizes: checkBuckets(bucketSizes),
    warmup,
    signal: checkSignal(signal),
  }
}

/** The call that is meant where the shape of a sample stands alone. */
function formOf(shape: readonly number[]): string {
  return `compile(model, { input: [${shape.slice(0, MAX_SHOWN_SIZES).join(', ')}] })`
}

function defaultKernels(device: Device, dtype: EngineDType): KernelSet {
  if (device !== 'cpu') return 'cudnn'
  return dtype === 'float32' ? 'native' : 'onednn'
}

function checkBuckets(sizes: readonly number[] | undefined): readonly number[] | undefined {
  if (sizes === undefined) return undefined
  if (!isIntegerArray(sizes) || sizes.length > MAX_PLANS || sizes.some((size) => size < 1)) {
    throw expected(`an array of at most ${MAX_PLANS} positive integers`, 'bucketSizes', sizes)
  }
  return [...new Set([...sizes, 1])].sort((one, other) => other - one)
}
