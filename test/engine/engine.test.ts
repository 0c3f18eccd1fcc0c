import assert from 'node:assert/strict'

import {
  compile,
  KERNEL_SETS,
  manualSeed,
  memory,
  randn,
  resnet18,
  resnet18Cifar,
  scope,
  tensor,
  zeros,
  type KernelSet,
  type Module,
} from 'napi-torch'

import { detach, resizableBuffer } from '../support/buffers.js'
import { Branches, OUTPUTS, SAMPLE, SAMPLE_LENGTH, samples, smallModel, withEngine } from '../support/engines.js'
import { assertClose, maxDifference } from '../support/numeric.js'

const CLOSED = { code: 'TORCH_ENGINE_CLOSED', message: 'The engine is closed' }

interface Net {
  readonly name: string
  readonly make: () => Module
  readonly input: readonly number[]
  readonly batches: readonly number[]
}

const NETS: readonly Net[] = [
  { name: 'resnet18 at 64 × 64', make: () => resnet18().eval(), input: [3, 64, 64], batches: [1, 3, 33] },
  { name: 'resnet18 at 224 × 224', make: () => resnet18().eval(), input: [3, 224, 224], batches: [1] },
  { name: 'resnet18Cifar', make: () => resnet18Cifar().eval(), input: [3, 32, 32], batches: [1, 3, 33] },
  {
    name: 'a model of operators without kernels',
    make: () => new Branches().eval(),
    input: [3, 8, 8],
    batches: [1, 33],
  },
  { name: 'a model for images of odd sizes', make: () => resnet18().eval(), input: [3, 45, 71], batches: [2] },
]

// Of the largest output: folding and fusing change the order of roundings, and bfloat16 has 8 bits.
const TOLERANCE = { float32: 1e-5, bfloat16: 4e-2 } as const

function itComputes({ name, make, input, batches }: Net, kernels: KernelSet, dtype: keyof typeof TOLERANCE): void {
  it(`computes ${name} as forward() does, in ${dtype} within ${TOLERANCE[dtype]}`, async () => {
    manualSeed(3n)
    await withEngine(make, { input, kernels, dtype, warmup: false }, async (engine, model) => {
      for (const count of batches) {
        const batch = randn([count, ...input])
        const wanted = model.forward(batch)

        const received = await engine.run(batch)

        const scale = wanted.abs().max().item() as number
        assertClose(received, wanted, { atol: TOLERANCE[dtype] * scale })
      }
    })
  })
}

describe('Engine', () => {
  for (const kernels of KERNEL_SETS.filter((set) => set !== 'cudnn')) {
    describe(`with the kernels ${kernels}`, () => {
      for (const net of NETS) itComputes(net, kernels, 'float32')
      if (kernels !== 'native') for (const net of NETS.slice(2)) itComputes(net, kernels, 'bfloat16')

      it('lets NaN and infinities flow as forward() does', async () => {
        await withEngine(smallModel, { input: SAMPLE, kernels }, async (engine, model) => {
          const batch = samples(4)
          batch.set([NaN, Infinity, -Infinity])
          batch[SAMPLE_LENGTH * 2 + 5] = Infinity
          const input = tensor(batch, { shape: [4, ...SAMPLE] })

          const received = await engine.run(input)

          assertClose(received, model.forward(input), { atol: 1e-5 })
        })
      })
    })
  }

  describe('run()', () => {
    it('gives an array for an array and a tensor for a tensor', async () => {
      await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
        const batch = samples(3)

        const array = await engine.run(batch)
        const result = await engine.run(tensor(batch, { shape: [3, ...SAMPLE] }))

        assert.ok(array instanceof Float32Array)
        assert.deepEqual([array.length, result.shape, result.dtype], [3 * OUTPUTS, [3, OUTPUTS], 'float32'])
        assert.deepEqual(result.toArray(), array)
      })
    })

    it('writes into the array that it is given, and gives it back', async () => {
      await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
        const [batch, output] = [samples(2), new Float32Array(2 * OUTPUTS)]

        const received = await engine.run(batch, { output })

        assert.equal(received, output)
        assert.deepEqual(output, await engine.run(batch))
      })
    })

    it('reads a part of a larger array, and of shared memory', async () => {
      await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
        const batch = samples(3)
        const shared = new Float32Array(new SharedArrayBuffer(batch.byteLength))
        shared.set(batch)
        const wanted = await engine.run(batch)

        const part = await engine.run(batch.subarray(SAMPLE_LENGTH))
        const ofShared = await engine.run(shared)

        assert.deepEqual([part, ofShared], [wanted.slice(OUTPUTS), wanted])
      })
    })

    it('computes batches of every size by plans of the sizes that it is told', async () => {
      await withEngine(smallModel, { input: SAMPLE, bucketSizes: [4, 3] }, async (engine) => {
        const batch = samples(12)
        const single: number[] = []
        for (let at = 0; at < 12; at++) {
          single.push(...(await engine.run(batch.slice(at * SAMPLE_LENGTH, (at + 1) * SAMPLE_LENGTH))))
        }

        for (let count = 1; count <= 12; count++) {
          const received = await engine.run(batch.subarray(0, count * SAMPLE_LENGTH))

          const worst = Math.max(...received.map((value, index) => Math.abs(value - (single[index] ?? NaN))))
          assert.ok(received.length === count * OUTPUTS && worst < 1e-6, `a batch of ${count} is off by ${worst}`)
        }
        assert.equal(engine.stats().plans, 3)
      })
    })

    it('works on many batches at once, in order', async () => {
      await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
        const batches = Array.from({ length: 50 }, (_, index) => samples(1 + (index % 5)))
        const order: number[] = []

        const results = await Promise.all(
          batches.map(async (batch, index) => {
            const result = await engine.run(batch)
            order.push(index)
            return result
          }),
        )

        assert.deepEqual(order, [...batches.keys()])
        for (const [index, batch] of batches.entries()) assert.deepEqual(results[index], engine.runSync(batch))
      })
    })

    const ARRAY = `a Float32Array of N × ${SAMPLE_LENGTH} elements, or a tensor,`
    const INVALID: readonly [name: string, call: unknown[], message: string][] = [
      ['nothing', [undefined], `Expected ${ARRAY} for batch, received undefined`],
      [
        'an array of another length',
        [new Float32Array(5)],
        `Expected ${ARRAY} for batch, received Float32Array of 5 elements`,
      ],
      ['no sample', [new Float32Array(0)], `Expected ${ARRAY} for batch, received Float32Array of 0 elements`],
      [
        'elements of another type',
        [new Float64Array(SAMPLE_LENGTH)],
        `Expected ${ARRAY} for batch, received Float64Array of 192 elements`,
      ],
      [
        'memory that may shrink',
        [new Float32Array(resizableBuffer(SAMPLE_LENGTH * 4, 8000))],
        'Expected an array of fixed length for batch, received Float32Array of 192 elements',
      ],
      [
        'memory that is gone',
        [detach(new Float32Array(SAMPLE_LENGTH))],
        `Expected ${ARRAY} for batch, received Float32Array of 0 elements`,
      ],
      [
        'an output of another length',
        [new Float32Array(SAMPLE_LENGTH), { output: new Float32Array(3) }],
        `Expected a Float32Array of ${OUTPUTS} elements for output, received Float32Array of 3 elements`,
      ],
      [
        'an unknown option',
        [new Float32Array(SAMPLE_LENGTH), { sginal: null }],
        'Expected options among signal, output for run(), received "sginal" (did you mean signal?)',
      ],
      [
        'a signal that is none',
        [new Float32Array(SAMPLE_LENGTH), { signal: {} }],
        'Expected an AbortSignal for signal, received an object',
      ],
    ]
    for (const [name, call, message] of INVALID) {
      it(`refuses ${name}`, async () => {
        await withEngine(smallModel, { input: SAMPLE, warmup: false }, async (engine) => {
          const run = engine.run.bind(engine) as (...args: unknown[]) => Promise<unknown>

          await assert.rejects(run(...call), { code: 'TORCH_INVALID_ARGUMENT', message })
        })
      })
    }

    for (const [name, text] of [
      ['batch', 'the batch'],
      ['output', 'the output'],
    ] as const) {
      it(`rejects where the memory of the ${name} is transferred while it computes`, async () => {
        await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
          const batch = samples(2000) as Float32Array<ArrayBuffer>
          const output = new Float32Array(2000 * OUTPUTS)
          const running = engine.run(batch, { output })

          detach(name === 'batch' ? batch : output)

          await assert.rejects(running, {
            code: 'TORCH_INVALID_ARGUMENT',
            message: `The memory of ${text} was transferred or resized while it was in use: leave it as it is until the promise settles`,
          })
          assert.equal((await engine.run(samples(1))).length, OUTPUTS)
        })
      })
    }

    it('refuses a tensor of another shape', async () => {
      await withEngine(smallModel, { input: SAMPLE, warmup: false }, async (engine) => {
        await assert.rejects(engine.run(zeros([2, 3, 8, 9])), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: 'Expected a tensor (N, 3, 8, 8) for batch, received float32 (2, 3, 8, 9)',
        })
      })
    })

    it('refuses a disposed tensor', async () => {
      await withEngine(smallModel, { input: SAMPLE, warmup: false }, async (engine) => {
        const batch = zeros([1, ...SAMPLE])
        batch.dispose()

        await assert.rejects(engine.run(batch), { code: 'TORCH_DISPOSED' })
      })
    })

    it('rejects with the reason of a signal that is aborted, before and while it waits, and goes on with the others', async () => {
      await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
        const controller = new AbortController()
        const { signal } = controller
        const reason = new Error('no longer wanted')
        const batch = samples(2000)
        const aborted = Array.from({ length: 20 }, () => engine.run(batch, { signal }))
        const kept = engine.run(batch)

        controller.abort(reason)

        const results = await Promise.allSettled(aborted)
        const refused = await Promise.allSettled([engine.run(batch, { signal })])
        assert.deepEqual(
          new Set(results.map((result): unknown => 'reason' in result && result.reason)),
          new Set([reason]),
        )
        assert.deepEqual(refused, [{ status: 'rejected', reason }])
        assert.deepEqual(await kept, engine.runSync(batch))
      })
    })
  })

  describe('runSync()', () => {
    it('gives what run() gives', async () => {
      await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
        const batch = samples(5)

        const received = engine.runSync(batch)

        assert.deepEqual(received, await engine.run(batch))
        assert.deepEqual(engine.runSync(tensor(batch, { shape: [5, ...SAMPLE] })).toArray(), received)
      })
    })

    it('comes after runs that have begun', async () => {
      await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
        const pending = Array.from({ length: 10 }, () => engine.run(samples(8)))

        engine.runSync(samples(1))

        assert.equal((await Promise.all(pending)).length, 10)
      })
    })
  })

  describe('explain()', () => {
    it('lists each step with module, kernel, shape and time', async () => {
      await withEngine(smallModel, { input: SAMPLE, kernels: 'onednn' }, async (engine) => {
        const explanation = await engine.explain({ batchSize: 4, runs: 3 })

        const steps = explanation.steps.map(({ path, operation, kernel, outputShape }) => {
          return [path, operation, kernel, outputShape.join('×')].join(' ')
        })
        assert.deepEqual(steps, [
          ' convert ATen 4×3×8×8',
          '0 conv2d + relu oneDNN 4×8×8×8',
          '0 + relu ATen 4×8×8×8',
          '3 maxPool2d ATen 4×8×4×4',
          '4 reshape ATen 4×128',
          '5 linear oneDNN 4×5',
        ])
        assert.ok(explanation.steps.every(({ ms }) => ms > 0))
        assert.equal(explanation.flop, 4 * (2 * 27 * 8 * 64 + 2 * 128 * 5))
        assert.match(String(explanation), /^module +operation +kernel +output +ms +GFLOP +GFLOP\/s\n/)
      })
    })

    it('rejects with the reason of a signal that is aborted before it has begun', async () => {
      await withEngine(smallModel, { input: SAMPLE }, async (engine) => {
        const controller = new AbortController()
        const reason = new Error('no longer wanted')
        const busy = engine.run(samples(2000))
        const explaining = engine.explain({ signal: controller.signal })

        controller.abort(reason)

        await assert.rejects(explaining, reason)
        await busy
      })
    })

    it('refuses a size for which there is no plan', async () => {
      await withEngine(smallModel, { input: SAMPLE, maxBatchSize: 4 }, async (engine) => {
        await assert.rejects(engine.explain({ batchSize: 3 }), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: 'Expected one of 4, 2, 1 for batchSize, received 3',
        })
      })
    })
  })

  describe('toDot()', () => {
    it('prints the graph that is computed', async () => {
      await withEngine(smallModel, { input: SAMPLE, warmup: false }, async (engine) => {
        assert.match(engine.toDot(), /^digraph \{\n.*conv2d \+ relu/s)
        await Promise.resolve()
      })
    })
  })

  describe('stats()', () => {
    it('counts batches and samples', async () => {
      await withEngine(smallModel, { input: SAMPLE, maxBatchSize: 4 }, async (engine) => {
        await engine.run(samples(7))
        engine.runSync(samples(2))

        const { batches, samples: count, running, plans, planBytes } = engine.stats()

        assert.deepEqual({ batches, count, running, plans }, { batches: 2, count: 9, running: 0, plans: 3 })
        assert.ok(planBytes > 0)
      })
    })

    it('shows the same memory after many runs', async () => {
      await withEngine(smallModel, { input: SAMPLE, kernels: 'aten' }, async (engine) => {
        const batch = samples(13)
        await engine.run(batch)
        const before = [engine.stats().planBytes, memory()]

        for (let round = 0; round < 300; round++) await engine.run(batch)

        assert.deepEqual([engine.stats().planBytes, memory()], before)
      })
    })
  })

  describe('close()', () => {
    it('waits for what is under way, refuses what comes later, and may be called again', async () => {
      const engine = await compileSmall()
      const [batch, sample] = [samples(33), samples(1)]
      const pending = [engine.run(batch), engine.run(batch), engine.infer(sample), engine.infer(sample)]

      const closed = engine.close()

      await assert.rejects(engine.run(batch), CLOSED)
      await assert.rejects(engine.infer(sample), CLOSED)
      await assert.rejects(engine.explain(), CLOSED)
      assert.throws(() => engine.runSync(batch), CLOSED)
      assert.throws(() => engine.toDot(), CLOSED)
      await closed
      assert.deepEqual(
        (await Promise.all(pending)).map(({ length }) => length),
        [33 * OUTPUTS, 33 * OUTPUTS, OUTPUTS, OUTPUTS],
      )
      await engine.close()
    })

    it('lets the memory of the weights go', async () => {
      const before = memory()
      const engine = await compileSmall()
      await engine.run(samples(1))

      await engine.close()

      assert.deepEqual(memory(), before)
    })

    it('is what `await using` does', async () => {
      const engine = await compileSmall()

      await engine[Symbol.asyncDispose]()

      await assert.rejects(engine.run(samples(1)), CLOSED)
    })
  })

  it('computes when the model has been disposed', async () => {
    const batch = samples(3)
    const model = smallModel()
    const wanted = scope(() => model.forward(tensor(batch, { shape: [3, ...SAMPLE] })).toFloat32Array())
    const engine = await compile(model, { input: SAMPLE, warmup: false })
    model.dispose()

    const received = await engine.run(batch)

    await engine.close()
    const worst = Math.max(...received.map((value, index) => Math.abs(value - (wanted[index] ?? NaN))))
    assert.ok(worst < 1e-5, `off by ${worst}`)
  })

  it('shares the executor with nine others, each of which computes its own', async () => {
    const models = Array.from({ length: 10 }, (_, index) => (manualSeed(BigInt(index)), new Branches().eval()))
    const engines = await Promise.all(models.map((model) => compile(model, { input: SAMPLE, threads: 2 })))
    const batch = samples(9)

    const results = await Promise.all(engines.flatMap((engine) => Array.from({ length: 5 }, () => engine.run(batch))))

    await scope(async () => {
      for (const [index, model] of models.entries()) {
        const wanted = model.forward(tensor(batch, { shape: [9, ...SAMPLE] }))
        for (const result of results.slice(index * 5, index * 5 + 5)) {
          const difference = maxDifference(tensor(result, { shape: [9, 6] }), wanted)
          assert.ok(difference < 1e-5, `engine ${index} is off by ${difference}`)
        }
      }
      await Promise.all(engines.map((engine) => engine.close()))
    })
    for (const model of models) model.dispose()
  })

  for (const threads of [1, 2, 3, 4]) {
    it(`computes the same with ${threads} thread(s)`, async () => {
      await withEngine(smallModel, { input: SAMPLE, threads }, async (engine, model) => {
        const batch = randn([5, ...SAMPLE])

        assertClose(await engine.run(batch), model.forward(batch), { atol: 1e-5 })
      })
    })
  }
})

async function compileSmall() {
  const model = smallModel()
  const engine = await compile(model, { input: SAMPLE, warmup: false })
  model.dispose()
  return engine
}
