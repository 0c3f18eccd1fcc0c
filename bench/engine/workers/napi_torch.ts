import {
  compile,
  fromArray,
  loadCheckpoint,
  quantize,
  resnet18,
  resnet18Cifar,
  scope,
  setNumThreads,
  version,
  type CompileOptions,
  type Module,
} from 'napi-torch'

import { readInputs } from './inputs.js'
import type { OpenOptions, Runner } from './runner.js'

/** Samples from which an 8-bit network takes the ranges of its values. */
const CALIBRATION_SAMPLES = 32

/** Opens the network as eager modules. */
export async function openEager(options: OpenOptions): Promise<Runner> {
  const model = await load(options)
  const length = lengthOf(options.shape)
  return {
    versions: versions(),
    run: (batch) =>
      scope(() => model.forward(fromArray(batch, [batch.length / length, ...options.shape])).toFloat32Array()),
  }
}

/** Compiles the network. */
export async function openEngine(options: OpenOptions): Promise<Runner> {
  const model = await load(options)
  const { shape: input, threads, compile: more = {} } = options
  const quantized = options.int8 === true ? await quantizeModel(model, options) : null
  const start = performance.now()
  const engine = await (quantized === null
    ? compile(model, { input, threads, ...more } as CompileOptions)
    : compile(quantized, { threads, ...more }))
  const compileMs = performance.now() - start
  quantized?.dispose()
  model.dispose()
  return {
    versions: versions(),
    compileMs,
    run: (batch) => engine.run(batch),
    infer: (sample) => engine.infer(sample),
    explain: async (batchSize) => {
      const { steps } = await engine.explain({ batchSize, runs: 1 })
      return { dtype: engine.stats().dtype, steps }
    },
  }
}

/** Loads the weights into a model in eval mode. */
export async function load({ files, model: name, threads }: OpenOptions): Promise<Module> {
  setNumThreads(threads)
  const model = name === 'cifar' ? resnet18Cifar() : resnet18()
  const state = await loadCheckpoint(files.weights)
  model.loadStateDict(state)
  state.dispose()
  return model.eval()
}

async function quantizeModel(model: Module, { files, shape }: OpenOptions): ReturnType<typeof quantize> {
  const samples = readInputs(files.inputs).subarray(0, CALIBRATION_SAMPLES * lengthOf(shape))
  return quantize(model, { input: shape, calibrate: [samples] })
}

function versions(): Record<string, string> {
  const { libtorch, cpuCapability } = version()
  return { libtorch, cpuCapability }
}

function lengthOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}
