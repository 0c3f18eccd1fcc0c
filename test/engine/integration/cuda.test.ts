import assert from 'node:assert/strict'

import {
  Classifier,
  compile,
  cuda,
  manualSeed,
  randn,
  resnet18,
  resnet18Cifar,
  scope,
  type CompileOptions,
  type Module,
} from 'napi-torch'

import { itWithCuda } from '../../support/cuda.js'
import { Branches, SAMPLE, SAMPLE_LENGTH, samples, smallModel, withEngine } from '../../support/engines.js'
import { CHECKPOINT } from '../../support/fashion_mnist.js'
import { randomizeNorms } from '../../support/graphs.js'
import { assertClose } from '../../support/numeric.js'

/** Of the largest output. Convolutions in float32 compute with TF32, which has 10 bits, as PyTorch lets them. */
const TOLERANCE = { float32: 5e-3, bfloat16: 4e-2, float16: 5e-3 } as const

const RECORDED = /^cuda: recorded as a graph$/

async function assertAgrees(make: () => Module, options: CompileOptions, counts: readonly number[]): Promise<void> {
  manualSeed(3n)
  const seeded = (): Module => randomizeNorms(make().eval())
  await withEngine(seeded, options, async (engine, model) => {
    for (const count of counts) {
      const batch = randn([count, ...options.input])
      const wanted = model.forward(batch)

      const received = await engine.run(batch)

      const scale = wanted.abs().max().item() as number
      assertClose(received, wanted, { atol: TOLERANCE[options.dtype ?? 'float32'] * scale })
    }
  })
}

describe('Engine on CUDA', () => {
  const nets: readonly [name: string, make: () => Module, input: readonly number[]][] = [
    ['resnet18', () => resnet18(), [3, 224, 224]],
    ['resnet18Cifar', () => resnet18Cifar(), [3, 32, 32]],
    ['a model of operators without kernels', () => new Branches(), [3, 8, 8]],
  ]
  for (const [name, make, input] of nets) {
    for (const dtype of ['float32', 'bfloat16', 'float16'] as const) {
      itWithCuda(`computes ${name} in ${dtype} as the CPU does within ${TOLERANCE[dtype]}`, () =>
        assertAgrees(make, { input, dtype, device: 'cuda' }, [1, 3, 33]),
      )
    }
  }

  itWithCuda('computes with the ordinary operators, and without measuring algorithms', async () => {
    for (const options of [{ kernels: 'aten' }, { autotune: false }] as const) {
      await assertAgrees(() => resnet18Cifar(), { input: [3, 32, 32], device: 'cuda', ...options }, [1, 5])
    }
  })

  itWithCuda('records what the device does, and says so', async () => {
    await withEngine(smallModel, { input: SAMPLE, device: 'cuda' }, async (engine) => {
      const explanation = await engine.explain()

      assert.match(explanation.note ?? '', RECORDED)
      assert.ok(explanation.steps.every(({ ms }) => ms > 0))
    })
  })

  itWithCuda('gives each batch its own answer: what is replayed reads new data', async () => {
    await withEngine(smallModel, { input: SAMPLE, device: 'cuda', bucketSizes: [4] }, async (engine) => {
      const batches = [1, 2, 3].map((factor) => samples(7).map((value) => value * factor))

      const together = await Promise.all(batches.map((batch) => engine.run(batch)))

      for (const [index, batch] of batches.entries()) {
        const alone = await engine.run(batch)
        assert.deepEqual(together[index], alone, `batch ${index}`)
      }
    })
  })

  itWithCuda('lets NaN and infinities flow', async () => {
    await withEngine(smallModel, { input: SAMPLE, device: 'cuda' }, async (engine, model) => {
      const batch = randn([2, ...SAMPLE])
      batch.select(0, 0).fill_(NaN)
      batch.select(0, 1).fill_(Infinity)

      assertClose(await engine.run(batch), model.forward(batch), { atol: 1e-5 })
    })
  })

  itWithCuda('computes a model that lies on the device, there and on the CPU', async () => {
    const model = smallModel()
    const batch = samples(3)
    const onCpu = await compile(model, { input: SAMPLE })
    const wanted = await onCpu.run(batch)
    model.cuda()
    for (const device of ['cuda', 'cpu'] as const) {
      const engine = await compile(model, { input: SAMPLE, device })
      const received = await engine.run(batch)
      await engine.close()
      received.forEach((value, index) => assert.ok(Math.abs(value - (wanted[index] ?? NaN)) < 5e-3, device))
    }
    await onCpu.close()
    model.dispose()
  })

  itWithCuda('puts requests together, and takes them back', async () => {
    await withEngine(smallModel, { input: SAMPLE, device: 'cuda', maxBatchSize: 8 }, async (engine) => {
      const batch = samples(16)
      const wanted = await engine.run(batch)
      const requests = Array.from({ length: 16 }, (_, index) =>
        engine.infer(batch.subarray(index * SAMPLE_LENGTH, (index + 1) * SAMPLE_LENGTH)),
      )
      await assert.rejects(engine.infer(batch.subarray(0, SAMPLE_LENGTH), { signal: AbortSignal.abort() }))

      const answers = (await Promise.all(requests)).flatMap((answer) => [...answer])

      answers.forEach((value, index) => assert.ok(Math.abs(value - (wanted[index] ?? NaN)) < 5e-3))
    })
  })

  itWithCuda('runs beside another engine, and beside eager work', async () => {
    const models = [resnet18Cifar().eval(), smallModel()] as const
    const engines = await Promise.all([
      compile(models[0], { input: [3, 32, 32], device: 'cuda' }),
      compile(models[1], { input: SAMPLE, device: 'cuda', threads: 1 }),
    ])
    const wanted = [await engines[0].run(samples(4, [3, 32, 32])), await engines[1].run(samples(4))]

    for (let round = 0; round < 20; round++) {
      const running = [engines[0].run(samples(4, [3, 32, 32])), engines[1].run(samples(4))]
      scope(() => void randn([64, 64], { device: 'cuda' }).matmul(randn([64, 64], { device: 'cuda' })))
      assert.deepEqual(await Promise.all(running), wanted)
    }

    for (const engine of engines) await engine.close()
    for (const model of models) model.dispose()
  })

  itWithCuda('gives its memory back, and goes on after the device had none left', async () => {
    const model = resnet18().eval()
    const input = [3, 32, 32]
    await assert.rejects(compile(model, { input, device: 'cuda', bucketSizes: [2 ** 26] }), {
      code: 'TORCH_OUT_OF_MEMORY',
    })

    const engine = await compile(model, { input, device: 'cuda' })
    const outputs = await engine.run(samples(3, input))
    const held = cuda.memoryAllocated()
    await engine.close()

    assert.ok(outputs.every(Number.isFinite))
    // What cuBLAS keeps for a stream stays: the weights, of 47 MB, go.
    assert.ok(cuda.memoryAllocated() < held - 40e6)
    model.dispose()
  })

  itWithCuda('classifies the embedded test images as the CPU does', async () => {
    const images = Array.from({ length: 32 }, (_, index) => ({
      data: Uint8Array.from({ length: 784 }, (_, pixel) => (pixel * (index + 3)) % 256),
      width: 28,
      height: 28,
      channels: 1 as const,
    }))
    const answers = []
    for (const device of ['cpu', 'cuda'] as const) {
      const classifier = await Classifier.load(CHECKPOINT, { device, preset: 'fashion-mnist' })
      answers.push((await classifier.classify(images, { topK: 1 })).map(([best]) => best?.index))
      await classifier.close()
    }

    assert.deepEqual(answers[1], answers[0])
  })
})
