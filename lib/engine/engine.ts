import { native } from '../libtorch/binding.js'
import type { EngineHandle, PlanHandle } from '../libtorch/handles.js'
import { checkNumber, checkOptions, checkPositiveInteger, describeShape, expected } from '../util/check.js'
import type { Device } from '../util/device.js'
import { TorchError } from '../util/errors.js'
import { isTensor } from '../nn/checks.js'
import { fromArray } from '../tensor/creation.js'
import { releaseFreeMemory } from '../tensor/release.js'
import type { Tensor } from '../tensor/tensor.js'
import { checkSignal } from '../util/abort.js'
import { isFloat32Array } from '../util/realm.js'
import { markAsUncloneable } from '../util/uncloneable.js'
import type { EngineDType } from './compile_options.js'
import type { PlanStore } from './plan/plan_store.js'
import type { KernelSet } from './plan/select.js'
import { Batcher, type BatchedOutput, type BatcherLimits, type BatchFacts } from './run/batcher.js'
import { chunk } from './run/buckets.js'
import { toDot } from './run/dot.js'
import { Explanation } from './run/explain.js'
import { followJob } from './run/jobs.js'
import type { InstructionSet } from './tune/instruction_set.js'

/** Options of {@link Engine.run}. */
export interface RunOptions {
  /** Ends the run early; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Where the outputs go, (N × outputs) elements. Default: a new array. */
  readonly output?: Float32Array | undefined
}

/** Options of {@link Engine.infer}. */
export interface InferOptions {
  /** Takes the request back; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Refuses the request if its computation has not begun after so many ms. Default: never. */
  readonly deadlineMs?: number | undefined
  /** Requests with a higher one are served first. Default: `0`. */
  readonly priority?: number | undefined
}

/** Options of {@link Engine.explain}. */
export interface ExplainOptions {
  /** Samples in the batches that are measured: a size for which the engine makes plans. Default: the largest. */
  readonly batchSize?: number | undefined
  /** How often it is run. Default: `10`. */
  readonly runs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What an {@link Engine} has done and holds. */
export interface EngineStats {
  /** Where the model is computed. */
  readonly device: Device
  /** The dtype in which layers and activations are kept; `int8` for a quantized model. */
  readonly dtype: EngineDType | 'int8'
  /** Which kernels compute; `onednn` for a quantized model. */
  readonly kernels: KernelSet
  /** The vector instructions of native kernels; null if others compute. */
  readonly instructionSet: InstructionSet | null
  /** Calls of `run` and `runSync`, and batches that were made of requests. */
  readonly batches: number
  /** Samples in these. */
  readonly samples: number
  /** Batches under way. */
  readonly running: number
  /** Requests that wait to become part of a batch. */
  readonly queued: number
  /** Bytes of their samples. */
  readonly queuedBytes: number
  /** Requests that were refused as the queue was full. */
  readonly rejected: number
  /** Requests whose deadline passed while they waited. */
  readonly expired: number
  /** Requests that were taken back. */
  readonly aborted: number
  /** Plans in memory: one for each size of batches. */
  readonly plans: number
  /** Bytes that the plans hold beside the weights, without those on another device. */
  readonly planBytes: number
  /** Bytes of the weights in the forms that native kernels read; 0 with other kernels. */
  readonly weightBytes: number
}

/** What {@link compile} makes an engine of. */
export interface EngineParts {
  readonly handle: EngineHandle
  readonly plans: PlanStore
  /** From the largest to 1. */
  readonly buckets: readonly number[]
  readonly inputShape: readonly number[]
  readonly outputShape: readonly number[]
  readonly device: Device
  readonly dtype: EngineDType | 'int8'
  readonly kernels: KernelSet
  readonly instructionSet: InstructionSet | null
  readonly limits: BatcherLimits
}

/**
 * Does what {@link Engine.infer} does, but takes the array over, and also tells in which batch the sample was computed. For
 * the packages of this project, not for users: it is exported by `napi-torch/internal`.
 */
export let inferInBatch: (engine: Engine, sample: Float32Array, options?: InferOptions) => Promise<BatchedOutput>

/** Calls `onBatch` for each batch that the engine has made of requests; a second call replaces the first. */
export let observeBatches: (engine: Engine, onBatch: (batch: BatchFacts) => void) => void

/**
 * A compiled model: computes on native threads of its own, or on CUDA, while the event loop goes on. Made by `compile()`.
 *
 * Samples are float32, in row-major order, and so are outputs, whatever floats the model computes in; each sample is
 * computed by itself. {@link run} takes a batch that is there, {@link infer} a sample, which it computes together with others
 * that come at the same time. A sample is copied at once; a batch, and the array for its outputs, are used where they lie:
 * until the promise settles they must be left as they are. If their memory is transferred to another thread meanwhile, the
 * promise rejects.
 *
 * Close it when it is no longer needed: `await using`, or {@link close}.
 */
export class Engine implements AsyncDisposable {
  static {
    inferInBatch = (engine, sample, options = {}) => engine.#infer(sample, options)
    observeBatches = (engine, onBatch) => {
      engine.#batcher.onBatch = onBatch
    }
  }

  /** Shape of a sample, such as (C, H, W). */
  readonly inputShape: readonly number[]
  /** Shape of the output for a sample. */
  readonly outputShape: readonly number[]
  /** Where the model is computed. */
  readonly device: Device
  /** In which layers and the activations between them are kept; `int8` for a quantized model. */
  readonly dtype: EngineDType | 'int8'
  readonly #handle: EngineHandle
  readonly #plans: PlanStore
  readonly #kernels: KernelSet
  readonly #instructionSet: InstructionSet | null
  readonly #buckets: readonly number[]
  readonly #batcher: Batcher
  readonly #inputLength: number
  readonly #outputLength: number
  #batches = 0
  #samples = 0
  #running = 0
  #closing: Promise<void> | undefined
  #isClosed = false
  #onIdle: (() => void) | undefined

  /** @internal Engines are made by `compile()`. */
  constructor({
    handle,
    plans,
    buckets,
    inputShape,
    outputShape,
    device,
    dtype,
    kernels,
    instructionSet,
    limits,
  }: EngineParts) {
    markAsUncloneable(this)
    this.#handle = handle
    this.#plans = plans
    this.#buckets = buckets
    this.inputShape = inputShape
    this.outputShape = outputShape
    this.device = device
    this.dtype = dtype
    this.#kernels = kernels
    this.#instructionSet = instructionSet
    this.#inputLength = lengthOf(inputShape)
    this.#outputLength = lengthOf(outputShape)
    this.#batcher = new Batcher(limits, {
      sampleLength: this.#inputLength,
      outputLength: this.#outputLength,
      run: (input, output) => this.#run(input, output, undefined),
    })
  }

  /**
   * Computes a batch: of N samples one after the other (N × inputs), which gives N × outputs, or a tensor (N, ...), which
   * gives a tensor.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the batch has another length or shape; `TORCH_ENGINE_CLOSED`.
   */
  run(batch: Float32Array, options?: RunOptions): Promise<Float32Array>
  run(batch: Tensor, options?: RunOptions): Promise<Tensor>
  async run(batch: Float32Array | Tensor, options: RunOptions = {}): Promise<Float32Array | Tensor> {
    checkOptions('run()', options, ['signal', 'output'])
    this.#checkOpen()
    const input = this.#inputOf('batch', batch, this.inputShape)
    const output = this.#outputOf(options.output, input.length / this.#inputLength)
    await this.#run(input, output, checkSignal(options.signal))
    return this.#resultOf(batch, output)
  }

  /** Computes a batch like {@link run}, but blocks the event loop until it is done. */
  runSync(batch: Float32Array, options?: Omit<RunOptions, 'signal'>): Float32Array
  runSync(batch: Tensor, options?: Omit<RunOptions, 'signal'>): Tensor
  runSync(batch: Float32Array | Tensor, options: Omit<RunOptions, 'signal'> = {}): Float32Array | Tensor {
    checkOptions('runSync()', options, ['output'])
    this.#checkOpen()
    const input = this.#inputOf('batch', batch, this.inputShape)
    const output = this.#outputOf(options.output, input.length / this.#inputLength)
    native.runPlansSync(this.#handle, this.#plansFor(input), input, output)
    this.#count(input)
    return this.#resultOf(batch, output)
  }

  /**
   * Computes one sample, together with others that wait: an array (inputs) gives one of (outputs), a tensor of the shape of
   * a sample a tensor of the shape of an output.
   *
   * @throws {TorchError} `TORCH_INVALID_ARGUMENT` if the sample has another length or shape; `TORCH_QUEUE_FULL`,
   * `TORCH_DEADLINE`, `TORCH_ENGINE_CLOSED`.
   */
  infer(sample: Float32Array, options?: InferOptions): Promise<Float32Array>
  infer(sample: Tensor, options?: InferOptions): Promise<Tensor>
  async infer(sample: Float32Array | Tensor, options: InferOptions = {}): Promise<Float32Array | Tensor> {
    const { output } = await this.#infer(sample, options, (given) => given.slice())
    return isTensor(sample) ? fromArray(output, this.outputShape) : output
  }

  /** Tells what the engine has done and holds. */
  stats(): EngineStats {
    const { queued, queuedBytes, counts } = this.#batcher
    const { rejected, expired, aborted } = counts
    const { size: plans, bytes: planBytes, weightBytes } = this.#plans
    const [batches, samples, running] = [this.#batches, this.#samples, this.#running]
    const { device, dtype } = this
    const computes = { device, dtype, kernels: this.#kernels, instructionSet: this.#instructionSet }
    const counted = { batches, samples, running, queued, queuedBytes, rejected, expired, aborted }
    return { ...computes, ...counted, plans, planBytes, weightBytes }
  }

  /**
   * Runs the plan for batches of one size and tells what each step does, by which kernel, and how long it takes; on CUDA by
   * itself, with the way there and back, which a recorded graph does not have.
   */
  async explain(options: ExplainOptions = {}): Promise<Explanation> {
    checkOptions('explain()', options, ['batchSize', 'runs', 'signal'])
    const { batchSize = this.#buckets[0] ?? 1, runs = 10 } = options
    if (!this.#buckets.includes(batchSize)) throw expected(`one of ${this.#buckets.join(', ')}`, 'batchSize', batchSize)
    checkPositiveInteger('runs', runs)
    const signal = checkSignal(options.signal)
    this.#checkOpen()
    const { handle, infos } = this.#plans.get(batchSize)
    const nanoseconds = await this.#follow(() =>
      followJob(this.#handle, signal, (id) => native.measurePlan(this.#handle, id, handle, runs)),
    )
    const steps = infos.map((info, index) => ({ ...info, ms: (nanoseconds[index] ?? 0) / 1e6 }))
    const note = this.device === 'cpu' ? null : `${this.device}: ${native.planNote(handle)}`
    return new Explanation({
      batchSize,
      steps,
      instructionSet: this.#instructionSet,
      planBytes: this.#plans.bytes,
      note,
    })
  }

  /** Prints the graph in the language of Graphviz: `dot -Tsvg` draws it. */
  toDot(): string {
    this.#checkOpen()
    return toDot(this.#plans.get(1).graph)
  }

  /** Refuses new work, waits for running batches and queued requests, and releases all memory. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#isClosed = true
    await this.#batcher.drain()
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    await this.#plans.dispose()
    await releaseFreeMemory()
  }

  async #infer(
    sample: Float32Array | Tensor,
    options: InferOptions,
    own = (given: Float32Array): Float32Array => given,
  ): Promise<BatchedOutput> {
    checkOptions('infer()', options, ['signal', 'deadlineMs', 'priority'])
    const { deadlineMs, priority } = options
    const signal = checkSignal(options.signal)
    if (deadlineMs !== undefined && checkNumber('deadlineMs', deadlineMs) < 0) {
      throw expected('a number of at least 0', 'deadlineMs', deadlineMs)
    }
    if (priority !== undefined) checkNumber('priority', priority)
    this.#checkOpen()
    const given = this.#sampleOf(sample)
    return this.#batcher.request(isTensor(sample) ? given : own(given), { signal, deadlineMs, priority })
  }

  async #run(input: Float32Array, output: Float32Array, signal: AbortSignal | undefined): Promise<void> {
    const plans = this.#plansFor(input)
    await this.#follow(() =>
      followJob(this.#handle, signal, (id) => native.runPlans(this.#handle, id, plans, input, output)),
    )
    this.#count(input)
  }

  async #follow<T>(job: () => Promise<T>): Promise<T> {
    this.#running++
    try {
      return await job()
    } finally {
      this.#running--
      if (this.#running === 0) this.#onIdle?.()
    }
  }

  #plansFor(input: Float32Array): PlanHandle[] {
    return chunk(input.length / this.#inputLength, this.#buckets).map((size) => this.#plans.get(size).handle)
  }

  #count(input: Float32Array): void {
    this.#batches++
    this.#samples += input.length / this.#inputLength
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TorchError('TORCH_ENGINE_CLOSED', 'The engine is closed')
  }

  #inputOf(name: string, batch: Float32Array | Tensor, shape: readonly number[]): Float32Array {
    if (isTensor(batch)) {
      const [count, ...rest] = batch.shape
      if (count === undefined || count < 1 || describeShape(rest) !== describeShape(shape)) {
        throw expected(`a tensor (N, ${shape.join(', ')})`, name, batch)
      }
      return batch.toFloat32Array()
    }
    const what = `a Float32Array of N × ${this.#inputLength} elements, or a tensor,`
    if (!isFloat32Array(batch)) throw expected(what, name, batch)
    if (batch.length === 0 || batch.length % this.#inputLength !== 0) throw expected(what, name, batch)
    return checkFixed(name, batch)
  }

  #sampleOf(sample: Float32Array | Tensor): Float32Array {
    if (isTensor(sample)) {
      if (describeShape(sample.shape) === describeShape(this.inputShape)) return sample.toFloat32Array()
      throw expected(`a tensor ${describeShape(this.inputShape)}`, 'sample', sample)
    }
    if (isFloat32Array(sample) && sample.length === this.#inputLength) return sample
    throw expected(`a Float32Array of ${this.#inputLength} elements, or a tensor,`, 'sample', sample)
  }

  #outputOf(given: Float32Array | undefined, count: number): Float32Array {
    const length = count * this.#outputLength
    if (given === undefined) return new Float32Array(length)
    if (isFloat32Array(given) && given.length === length) return checkFixed('output', given)
    throw expected(`a Float32Array of ${length} elements`, 'output', given)
  }

  #resultOf(batch: Float32Array | Tensor, output: Float32Array): Float32Array | Tensor {
    return isTensor(batch) ? fromArray(output, [output.length / this.#outputLength, ...this.outputShape]) : output
  }
}

function lengthOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** Refuses memory that could be taken away while it is used. */
function checkFixed(name: string, array: Float32Array): Float32Array {
  const { buffer } = array
  if ('resizable' in buffer && buffer.resizable === true) throw expected('an array of fixed length', name, array)
  return array
}
