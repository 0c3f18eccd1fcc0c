import assert from 'node:assert/strict'

import {
  BatchNorm2d,
  cat,
  compile,
  Conv2d,
  functional as F,
  init,
  Linear,
  manualSeed,
  MaxPool2d,
  memory,
  Module,
  quantize,
  randn,
  ReLU,
  resnet18,
  resnet18Cifar,
  scope,
  Sequential,
  Softmax,
  type CompileOptions,
  type QuantizedModel,
  type QuantizeOptions,
  type Tensor,
} from 'napi-torch'

import { Branches, SAMPLE, smallModel } from '../../support/engines.js'
import { applied, conv, randomizeNorms } from '../../support/graphs.js'
import { assertClose, assertTensorEqual, maxDifference } from '../../support/numeric.js'
import { lastStep, simulate } from '../../support/quantized.js'

interface Net {
  readonly name: string
  readonly make: () => Module
  readonly input: readonly number[]
}

/** A block whose convolutions have a shortcut over them. */
function block({ isReadAgain = false, isOwnInput = false } = {}): Module {
  const [stem, one, two] = [conv(3, 8), conv(8, 8), conv(8, 8)]
  const body = (input: Tensor): Tensor => {
    const x = F.relu(stem.forward(input))
    const y = isOwnInput ? F.relu(one.forward(x).add(x)) : F.relu(two.forward(F.relu(one.forward(x))).add(x))
    return isReadAgain ? two.forward(x).add(y) : y
  }
  return applied(body, isOwnInput && !isReadAgain ? { stem, one } : { stem, one, two })
}

const NETS: readonly Net[] = [
  { name: 'a convolution', make: () => new Sequential(conv(3, 8)), input: SAMPLE },
  {
    name: 'a convolution whose images stand off 0',
    make: () => new Sequential(conv(3, 8), new ReLU(), conv(8, 4)),
    input: SAMPLE,
  },
  { name: 'normalization, pooling and a matrix', make: smallModel, input: SAMPLE },
  { name: 'a residual block', make: block, input: SAMPLE },
  { name: 'a block whose shortcut is read again', make: () => block({ isReadAgain: true }), input: SAMPLE },
  { name: 'a block of one convolution', make: () => block({ isOwnInput: true }), input: SAMPLE },
  {
    name: 'groups, dilation and steps',
    make: () =>
      new Sequential(
        conv(6, 12, { groups: 3, stride: 2 }),
        new ReLU(),
        conv(12, 12, { groups: 12, dilation: 2, padding: 2 }),
        conv(12, 5, { bias: false }),
      ),
    input: [6, 11, 14],
  },
  {
    name: 'poolings that go past the border',
    make: () =>
      new Sequential(
        new Conv2d(3, 16, 7, { stride: 2, padding: 3 }),
        new ReLU(),
        new MaxPool2d(3, { stride: 2, padding: 1 }),
        new MaxPool2d(2, { stride: 2, ceilMode: true }),
        new MaxPool2d(2, { stride: 1, dilation: 2 }),
        conv(16, 4),
      ),
    input: [3, 45, 38],
  },
  {
    name: 'matrices',
    make: () => new Sequential(new Linear(20, 30), new ReLU(), new Linear(30, 16), new ReLU(), new Linear(16, 3)),
    input: [20],
  },
  { name: 'operators that have no form for bytes', make: () => new Branches(), input: SAMPLE },
  {
    name: 'a sum of branches',
    make: () => {
      const [one, two, last] = [conv(3, 8), conv(3, 8), conv(16, 4)]
      const body = (x: Tensor): Tensor => {
        const branches = [one.forward(x), F.relu(two.forward(x)).abs()]
        return last.forward(cat(branches, { dim: 1 }))
      }
      return applied(body, { one, two, last })
    },
    input: SAMPLE,
  },
]

/** Calls `body` with a quantized model, and disposes all that is made meanwhile. */
async function withQuantized<T>(
  { make, input }: Net,
  body: (quantized: QuantizedModel, model: Module) => Promise<T>,
  options: Partial<QuantizeOptions> = {},
): Promise<T> {
  return scope(async () => {
    manualSeed(11n)
    const model = randomizeNorms(make().eval())
    // Wider than what comes later, so that nothing is cut off.
    const calibrate = [
      randn([16, ...input])
        .mul(1.5)
        .add(0.3),
    ]
    const quantized = await quantize(model, { input, calibrate, ...options })
    try {
      return await body(quantized, model)
    } finally {
      model.dispose()
      quantized.dispose()
    }
  })
}

async function run(quantized: QuantizedModel, batch: Tensor, options?: Omit<CompileOptions, 'input'>): Promise<Tensor> {
  const engine = await compile(quantized, options)
  try {
    return await engine.run(batch)
  } finally {
    await engine.close()
  }
}

const SMALL: Net = { name: 'small', make: smallModel, input: SAMPLE }

describe('quantize()', () => {
  for (const net of NETS) {
    it(`makes ${net.name} that an engine computes as float64 with the same roundings, within one step`, async () => {
      await withQuantized(net, async (quantized) => {
        for (const count of [1, 3, 9]) {
          const batch = randn([count, ...net.input]).add(0.3)

          const received = await run(quantized, batch, { warmup: false })

          const wanted = simulate(quantized, batch)
          assertClose(received, wanted, { atol: lastStep(quantized) * 1.01 + 1e-5 })
        }
      })
    })

    it(`makes ${net.name} near the one of floats`, async () => {
      await withQuantized(
        net,
        async (quantized, model) => {
          const batch = randn([9, ...net.input]).add(0.3)

          const received = await run(quantized, batch)

          const wanted = model.forward(batch)
          assertClose(received, wanted, { atol: 0.08 * (wanted.abs().max().item() as number) })
        },
        { method: 'minMax' },
      )
    })
  }

  const RESNETS: readonly Net[] = [
    { name: 'resnet18Cifar', make: () => resnet18Cifar(), input: [3, 32, 32] },
    { name: 'resnet18', make: () => resnet18(), input: [3, 64, 64] },
  ]
  for (const net of RESNETS) {
    it(`makes a ${net.name} of which all layers but the last are integers, from the first on`, async () => {
      await withQuantized(net, async (quantized) => {
        await scope(async () => {
          const engine = await compile(quantized, { bucketSizes: [4], warmup: false })

          const { steps } = await engine.explain({ runs: 1, batchSize: 4 })

          await engine.close()
          const kernels = new Map<string, number>()
          for (const { kernel } of steps) kernels.set(kernel, (kernels.get(kernel) ?? 0) + 1)
          const pools = net.name === 'resnet18' ? 1 : 0
          assert.deepEqual(Object.fromEntries(kernels), { 'native int8': 2 + pools, 'oneDNN int8': 20, oneDNN: 1 })
          assert.equal(steps[0]?.operation, 'quantize')
          assert.equal(steps.at(-1)?.operation, 'linear')
        })
      })
    })
  }

  it('takes arrays, tensors, and what comes one after the other', async () => {
    await scope(async () => {
      manualSeed(5n)
      const model = smallModel()
      const batch = randn([4, ...SAMPLE])
      const array = batch.toFloat32Array()
      async function* each(): AsyncGenerator<Float32Array> {
        for (let at = 0; at < array.length; at += array.length / 4) {
          await Promise.resolve()
          yield array.subarray(at, at + array.length / 4)
        }
      }

      const outputs: Tensor[] = []
      for (const calibrate of [[batch], [array], each()]) {
        const quantized = await quantize(model, { input: SAMPLE, calibrate })
        outputs.push(await run(quantized, batch))
        quantized.dispose()
      }

      const [first, ...others] = outputs
      assert.ok(first !== undefined)
      // float32 sums in batches of other sizes: the observed ranges differ by roundings.
      for (const other of others) assertClose(other, first, { atol: 1e-5 })
      model.dispose()
    })
  })

  it('selects ranges by the method that is asked for', async () => {
    const scaleBy = async (options: Partial<QuantizeOptions>): Promise<number> =>
      withQuantized(
        SMALL,
        ({ quantization }) => Promise.resolve([...quantization.values.values()].at(-1)?.scale ?? 0),
        options,
      )

    const all = await scaleBy({ method: 'minMax' })

    assert.equal(await scaleBy({ method: 'percentile', percentile: 100 }), all)
    assert.ok((await scaleBy({ method: 'percentile', percentile: 99 })) < all)
    assert.ok((await scaleBy({ method: 'entropy' })) <= all)
    assert.equal(await scaleBy({}), await scaleBy({ method: 'percentile', percentile: 99.999 }))
  })

  it('needs the model no longer, nor an engine the quantized one', async () => {
    await withQuantized(SMALL, async (quantized, model) => {
      const batch = randn([2, ...SAMPLE])
      const wanted = await run(quantized, batch)
      model.dispose()
      const engine = await compile(quantized)
      quantized.dispose()

      const received = await engine.run(batch)

      await engine.close()
      assertTensorEqual(received, wanted)
    })
  })

  it('leaves no memory behind', async () => {
    const quantizeOnce = (): Promise<void> =>
      withQuantized(SMALL, async (quantized) => {
        await run(quantized, randn([3, ...SAMPLE]))
      })
    await quantizeOnce()
    global.gc?.()
    const before = memory()

    await quantizeOnce()

    global.gc?.()
    assert.deepEqual(memory(), before)
  })

  it('holds one batch of values at a time, and of these only what is read again', async () => {
    await scope(async () => {
      const model = new Sequential(...Array.from({ length: 12 }, () => conv(8, 8))).eval()
      const input = [8, 64, 64]
      const batch = randn([4, ...input])
      const before = memory().bytes
      let most = 0
      const watch = setInterval(() => (most = Math.max(most, memory().bytes - before)), 0)

      const quantized = await quantize(model, { input, calibrate: [batch, batch] })

      clearInterval(watch)
      assert.ok(most < 4 * batch.nbytes, `${most} bytes beside ${batch.nbytes}`)
      quantized.dispose()
      model.dispose()
    })
  })

  it('lets the event loop go on between the layers', async () => {
    await scope(async () => {
      const model = resnet18Cifar().eval()
      const calibrate = [randn([8, 3, 32, 32])]
      let turns = 0
      const count = setInterval(() => turns++, 0)

      const quantized = await quantize(model, { input: [3, 32, 32], calibrate })

      clearInterval(count)
      assert.ok(turns >= 10, `${turns} turns`)
      quantized.dispose()
      model.dispose()
    })
  })

  it('gives up with the reason of the signal, and leaves nothing', async () => {
    await scope(async () => {
      const model = smallModel()
      const reason = new Error('enough')
      const controller = new AbortController()
      const before = memory().tensors
      function* endless(): Generator<Float32Array> {
        for (let count = 0; ; count++) {
          if (count === 3) controller.abort(reason)
          yield new Float32Array(192).fill(count)
        }
      }

      const { signal } = controller
      await assert.rejects(quantize(model, { input: SAMPLE, calibrate: endless(), signal }), reason)
      await assert.rejects(quantize(model, { input: SAMPLE, calibrate: endless(), signal }), reason)

      assert.equal(memory().tensors, before)
      model.dispose()
    })
  })

  describe('refuses', () => {
    interface Refusal {
      readonly what: string
      readonly options?: Partial<Record<keyof QuantizeOptions | 'methods', unknown>>
      readonly model?: () => unknown
      readonly code?: string
      readonly message: string
    }
    const refusals: readonly Refusal[] = [
      { what: 'what is no module', model: () => ({}), message: 'Expected a Module for model, received an object' },
      {
        what: 'an unknown option',
        options: { methods: 'minMax' },
        message:
          'Expected options among input, calibrate, method, percentile, signal for quantize(), received "methods" (did you mean method?)',
      },
      {
        what: 'an unknown method',
        options: { method: 'mse' },
        message: `Expected one of 'minMax', 'percentile', 'entropy' for method, received "mse"`,
      },
      {
        what: 'a percentile that leaves nothing',
        options: { percentile: 50 },
        message: 'Expected a number above 50, up to 100, for percentile, received 50',
      },
      {
        what: 'a batch in place of batches',
        options: { calibrate: new Float32Array(192) },
        message: 'Expected an iterable of batches for calibrate, received Float32Array of 192 elements',
      },
      {
        what: 'no batch',
        options: { calibrate: [] },
        message: 'Expected at least one batch for calibrate, received []',
      },
      {
        what: 'a batch of another length',
        options: { calibrate: [new Float32Array(100)] },
        message:
          'Expected a tensor float32 (N, 3, 8, 8), or a Float32Array of N × 192 elements, for a batch of calibrate, ' +
          'received Float32Array of 100 elements',
      },
      {
        what: 'a batch with NaN',
        options: { calibrate: [new Float32Array(192).fill(NaN)] },
        code: 'TORCH_QUANTIZATION',
        message: 'Expected finite numbers, but the input has NaN or infinities for a batch of calibrate',
      },
      {
        what: 'a batch of which a layer makes infinities',
        options: { calibrate: [new Float32Array(192).fill(3e38)] },
        model: () => {
          const first = conv(3, 8)
          init.ones_(first.weight)
          return new Sequential(first, conv(8, 8)).eval()
        },
        code: 'TORCH_QUANTIZATION',
        message: 'Expected finite numbers, but the result of 0 has NaN or infinities for a batch of calibrate',
      },
      {
        what: 'a model without layers',
        model: () => new Sequential(new ReLU(), new Softmax(1)).eval(),
        code: 'TORCH_QUANTIZATION',
        message: 'Sequential has no convolution or matrix of float32 to quantize',
      },
      {
        what: 'a model of other floats',
        model: () => smallModel().double(),
        code: 'TORCH_QUANTIZATION',
        message: 'Sequential has parameters of float64, where float32 is expected',
      },
      {
        what: 'a model in training mode',
        model: () => new Sequential(conv(3, 8), new BatchNorm2d(8)),
        code: 'TORCH_TRACE',
        message: 'Cannot trace Sequential: it is in training mode, call eval() first',
      },
      {
        what: 'a model that mixes samples',
        model: () => applied((x) => x.sub(x.mean({ dim: 0, keepdim: true })).reshape([x.size(0) * 3, 64])),
        code: 'TORCH_QUANTIZATION',
        message: 'Applied does not compute each sample by itself',
      },
    ]
    for (const { what, options = {}, model = smallModel, code = 'TORCH_INVALID_ARGUMENT', message } of refusals) {
      it(what, async () => {
        await scope(async () => {
          const made = model()
          const given = { input: SAMPLE, calibrate: [new Float32Array(192)], ...options }

          await assert.rejects(quantize(made as Module, given as QuantizeOptions), { code, message })

          if (made instanceof Module) made.dispose()
        })
      })
    }
  })
})

describe('compile() of a quantized model', () => {
  it('makes an engine of the dtype int8', async () => {
    await withQuantized(SMALL, async (quantized) => {
      const engine = await compile(quantized)

      assert.deepEqual([engine.dtype, engine.stats().dtype], ['int8', 'int8'])
      assert.deepEqual([engine.inputShape, engine.outputShape], [SAMPLE, [5]])

      await engine.close()
    })
  })

  it('gives each sample the same output in whatever batch it comes', async () => {
    await withQuantized(SMALL, async (quantized) => {
      const batch = randn([13, ...SAMPLE])
      const engine = await compile(quantized)

      const together = await engine.run(batch)

      const alone = await Promise.all(Array.from({ length: 13 }, (_, index) => engine.infer(batch.select(0, index))))
      await engine.close()
      for (const [index, output] of alone.entries()) assert.ok(maxDifference(output, together.select(0, index)) < 1e-6)
    })
  })

  it('refuses options that the model has in itself', async () => {
    await withQuantized(SMALL, async (quantized) => {
      const options = { dtype: 'bfloat16' } as object

      await assert.rejects(compile(quantized, options), {
        code: 'TORCH_INVALID_ARGUMENT',
        message:
          'Expected options among device, threads, maxBatchSize, maxDelayMs, maxQueueSize, maxQueueBytes, bucketSizes, ' +
          'warmup, signal for compile(), received "dtype"',
      })
    })
  })
})
