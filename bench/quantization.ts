/**
 * Quantizes the model in the box and prints how many of the 10,000 test images are right for each way to find the ranges;
 * then how fast int8 is beside the other dtypes, for ResNet-18 at 32 and 224 pixels, in rounds that alternate.
 *
 * node --conditions=napi-torch-source --import tsx bench/quantization.ts [--rounds 10]
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'

import {
  compile,
  createModel,
  detectArchitecture,
  evaluate,
  IdxDataset,
  loadCheckpoint,
  presets,
  quantize,
  randn,
  resnet18,
  resnet18Cifar,
  scope,
  type CalibrationMethod,
  type Engine,
  type Module,
  type Tensor,
} from 'napi-torch'

import { CHECKPOINT, FASHION_MNIST } from '../test/support/fashion_mnist.js'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '10' } } })
const rounds = Number(values.rounds)

/** Images from the front of the test set: the training images are not in the box. */
const CALIBRATION_IMAGES = 512
const METHODS: readonly (readonly [CalibrationMethod, number])[] = [
  ['minMax', 100],
  ['percentile', 99.9],
  ['percentile', 99.99],
  ['percentile', 99.999],
  ['entropy', 100],
]

console.log(`${cpus()[0]?.model}, ${cpus().length} cores`)
await printAccuracy()
await printSpeed('resnet18Cifar, 32 × 32, batch 32', resnet18Cifar().eval(), [3, 32, 32], 32)
await printSpeed('resnet18, 224 × 224, batch 8', resnet18().eval(), [3, 224, 224], 8)

async function printAccuracy(): Promise<void> {
  const dataset = await IdxDataset.open(FASHION_MNIST)
  const state = await loadCheckpoint(CHECKPOINT)
  const model = createModel(detectArchitecture(state)).eval()
  model.loadStateDict(state)
  const transform = presets.fashionMnist()
  const input = [3, 28, 28]

  async function* calibrate(): AsyncGenerator<Tensor> {
    let count = 0
    for await (const { images } of dataset.batches({ batchSize: 64, transform })) {
      yield images
      count += images.size(0)
      images.dispose()
      if (count >= CALIBRATION_IMAGES) return
    }
  }
  const printRight = async (name: string, engine: Engine): Promise<void> => {
    const { correct } = await evaluate(engine, dataset.batches({ batchSize: 128, transform }))
    console.log(`${name.padEnd(20)} ${correct} of ${dataset.length} right`)
    await engine.close()
  }
  await printRight('float32', await compile(model, { input }))
  for (const [method, percentile] of METHODS) {
    const start = performance.now()
    const quantized = await quantize(model, { input, calibrate: calibrate(), method, percentile })
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    const name = method === 'percentile' ? `${method} ${percentile}` : method
    await printRight(`${name} (${seconds} s)`, await compile(quantized))
    quantized.dispose()
  }
}

async function printSpeed(title: string, model: Module, input: readonly number[], size: number): Promise<void> {
  const quantized = await quantize(model, { input, calibrate: [scope(() => randn([8, ...input]).toFloat32Array())] })
  const engines = new Map<string, Engine>([
    ['int8', await compile(quantized)],
    ['float32, native kernels', await compile(model, { input, kernels: 'native' })],
    ['float32, oneDNN', await compile(model, { input, kernels: 'onednn' })],
    ['bfloat16, oneDNN', await compile(model, { input, kernels: 'onednn', dtype: 'bfloat16' })],
  ])
  const batch = scope(() => randn([size, ...input]).toFloat32Array())
  const times = new Map([...engines.keys()].map((name) => [name, [] as number[]]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, engine] of engines) {
      await engine.run(batch)
      const start = performance.now()
      await engine.run(batch)
      times.get(name)?.push(performance.now() - start)
    }
  }
  console.log(`\n${title}, ${rounds} rounds`)
  for (const [name, taken] of times) {
    const sorted = taken.sort((one, other) => one - other)
    const median = sorted[Math.floor(rounds / 2)] ?? NaN
    const range = `${sorted[0]?.toFixed(1)} to ${sorted.at(-1)?.toFixed(1)}`
    console.log(`${name.padEnd(22)} ${median.toFixed(1)} ms (${range}), ${((1000 * size) / median).toFixed(0)} img/s`)
  }
  for (const engine of engines.values()) await engine.close()
  quantized.dispose()
}
