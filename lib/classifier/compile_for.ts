import type { Device } from '../util/device.js'
import { compile } from '../engine/compile.js'
import type { EngineDType } from '../engine/compile_options.js'
import type { Engine } from '../engine/engine.js'
import type { Module } from '../nn/module.js'

/** How {@link compileFor} compiles. */
export interface CompileForOptions {
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

/** Compiles a model for whoever waits where there is too much to do: the queue's own limits are never met. */
export async function compileFor(model: Module, options: CompileForOptions): Promise<Engine> {
  const sampleBytes = options.input.reduce((product, size) => product * size, Float32Array.BYTES_PER_ELEMENT)
  return compile(model, { ...options, maxQueueBytes: options.maxQueueSize * sampleBytes })
}
