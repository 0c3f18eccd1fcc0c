import type { Device } from '../device.js'
import { Batcher, type BatcherLimits } from '../engine/batcher.js'
import { compile } from '../engine/compile.js'
import type { EngineDType } from '../engine/compile_options.js'
import type { Module } from '../nn/module.js'
import { scope } from '../scope.js'
import { fromArray, zeros } from '../tensor/creation.js'
import type { Tensor } from '../tensor.js'

/** Computes a model for one sample after the other, and puts those that wait into batches. */
export interface Runner {
  infer(sample: Float32Array, options: { readonly signal?: AbortSignal | undefined }): Promise<Float32Array>
  /** Waits for what is under way. */
  close(): Promise<void>
}

/** How {@link createRunner} computes. */
export interface RunnerOptions {
  /** Shape of a sample, (C, H, W). */
  readonly input: readonly number[]
  readonly device: Device
  readonly dtype: EngineDType
  readonly threads?: number | undefined
  readonly maxBatchSize: number
  /** Samples that may wait at a time. */
  readonly maxQueueSize: number
  readonly signal?: AbortSignal | undefined
}

/** Compiles the model on the CPU; on CUDA, where no engine computes, runs it as it is. */
export async function createRunner(model: Module, options: RunnerOptions): Promise<Runner> {
  const { input, device, dtype, threads, maxBatchSize, maxQueueSize, signal } = options
  // Whoever asks for more waits: the queue's own limits are never met.
  const maxQueueBytes = maxQueueSize * lengthOf(input) * Float32Array.BYTES_PER_ELEMENT
  const limits = { maxBatchSize, maxQueueSize, maxQueueBytes }
  if (device === 'cpu') return compile(model, { input, dtype, threads, signal, ...limits })
  return new EagerRunner(model, options, { ...limits, maxDelayMs: 0 })
}

class EagerRunner implements Runner {
  readonly #model: Module
  readonly #options: RunnerOptions
  readonly #batcher: Batcher

  constructor(model: Module, options: RunnerOptions, limits: BatcherLimits) {
    this.#model = model
    this.#options = options
    const sampleLength = lengthOf(options.input)
    const outputLength = scope(() => this.#forward(zeros([1, ...options.input])).numel)
    // eslint-disable-next-line @typescript-eslint/require-await -- a failure rejects
    const run = async (input: Float32Array, output: Float32Array): Promise<void> => {
      const shape = [input.length / sampleLength, ...options.input]
      scope(() => output.set(this.#forward(fromArray(input, shape)).toFloat32Array()))
    }
    this.#batcher = new Batcher(limits, { sampleLength, outputLength, run })
  }

  infer(sample: Float32Array, options: { readonly signal?: AbortSignal | undefined }): Promise<Float32Array> {
    return this.#batcher.request(sample, options)
  }

  close(): Promise<void> {
    return this.#batcher.drain()
  }

  #forward(images: Tensor): Tensor {
    const { device, dtype } = this.#options
    return this.#model.forward(images.to({ device, dtype })).float()
  }
}

function lengthOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}
