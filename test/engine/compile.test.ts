import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

import {
  AvgPool2d,
  BatchNorm2d,
  compile,
  Conv2d,
  Flatten,
  functional as F,
  INSTRUCTION_SETS,
  Linear,
  manualSeed,
  MaxPool2d,
  memory,
  Module,
  randn,
  ReLU,
  resnet18,
  resnet18Cifar,
  scope,
  Sequential,
  type CompileOptions,
  type Tensor,
} from 'napi-torch'

import { availableInstructionSets } from '../../lib/engine/tune/instruction_set.js'
import { SAMPLE, samples, smallModel, withEngine } from '../support/engines.js'
import { useEnvironment, useTemporaryFolder } from '../support/folder.js'
import { applied } from '../support/graphs.js'
import { assertClose } from '../support/numeric.js'

/** Has a convolution of 24 channels for which there are many ways, oneDNN's among them. */
function tunable(): Module {
  manualSeed(11n)
  return new Sequential(new Conv2d(3, 24, 1), new ReLU(), new Conv2d(24, 20, 3, { padding: 1 }), new ReLU()).eval()
}

const TUNABLE: CompileOptions = { input: SAMPLE, bucketSizes: [1], threads: 1 }
const KEY = 'convolution of 24 to 20 channels'

/** Scales by the size of the batch and back: the graph has other numbers for every size. */
class BatchDependent extends Module {
  readonly conv = new Conv2d(3, 8, 3, { padding: 1 })

  override forward(input: Tensor): Tensor {
    const [count = 1] = input.shape
    return this.conv.forward(input.mul(count).div(count))
  }
}

async function assertComputes(make: () => Module, options: CompileOptions, counts: readonly number[]): Promise<void> {
  await withEngine(make, options, async (engine, model) => {
    for (const count of counts) {
      const batch = randn([count, ...options.input])
      const wanted = model.forward(batch)

      const received = await engine.run(batch)

      assertClose(received, wanted, { atol: 1e-5 * (wanted.abs().max().item() as number) })
    }
  })
}

describe('compile()', () => {
  it('computes a model of float64 in float64, from float32 to float32', async () => {
    const input = SAMPLE
    for (const kernels of ['native', 'onednn', 'aten'] as const) {
      await withEngine(
        () => smallModel().double(),
        { input, kernels },
        async (engine, model) => {
          const batch = randn([3, ...SAMPLE])

          const received = await engine.run(batch)

          assert.equal(received.dtype, 'float32')
          assertClose(received, model.forward(batch.double()).float(), { atol: 0, rtol: 1e-6 })
        },
      )
    }
  })

  it('gives float32 for an output of float64, and of 16 bits', async () => {
    for (const dtype of ['float64', 'float16', 'bfloat16'] as const) {
      await withEngine(
        () => applied((x) => x.to(dtype).mul(2)),
        { input: [3] },
        async (engine, model) => {
          const batch = randn([2, 3])

          assertClose(await engine.run(batch), model.forward(batch).float())
        },
      )
    }
  })

  it('averages integers within a model as forward() does', async () => {
    const body = (x: Tensor): Tensor => F.avgPool2d(x.mul(9).to('int64'), 4).float()
    await withEngine(
      () => applied(body),
      { input: [2, 4, 4] },
      async (engine, model) => {
        const batch = randn([3, 2, 4, 4])

        assertClose(await engine.run(batch), model.forward(batch))
      },
    )
  })

  describe('its options', () => {
    const anyCompile = compile as (...args: unknown[]) => Promise<unknown>
    const lists = {
      options:
        'input, dtype, kernels, instructionSet, winogradTile, weights, autotune, device, threads, maxBatchSize, maxDelayMs, maxQueueSize, ' +
        'maxQueueBytes, bucketSizes, warmup, signal',
      sets: "'avx512', 'avx2', 'portable'",
    }
    const INVALID: readonly [options: object, message: string][] = [
      [
        { treads: 2 },
        `Expected options among ${lists.options} for compile(), received "treads" (did you mean threads?)`,
      ],
      [{ input: undefined }, 'Expected an array of non-negative integers for input, received undefined'],
      [{ input: [] }, 'Expected an array of positive integers for input, received []'],
      [{ input: [3, 0, 8] }, 'Expected an array of positive integers for input, received [3, 0, 8]'],
      [{ input: [3, 8.5] }, 'Expected an array of non-negative integers for input, received [3, 8.5]'],
      [{ dtype: 'int8' }, `Expected one of 'float32', 'bfloat16', 'float16' for dtype, received "int8"`],
      [{ kernels: 'fast' }, `Expected one of 'aten', 'onednn', 'native', 'cudnn' for kernels, received "fast"`],
      [
        { kernels: 'native', dtype: 'bfloat16' },
        `Expected 'onednn' or 'aten' for kernels with bfloat16, received "native"`,
      ],
      [{ instructionSet: 'sse9' }, `Expected one of ${lists.sets} for instructionSet, received "sse9"`],
      [
        { instructionSet: 'portable', kernels: 'onednn' },
        'Expected nothing for instructionSet with the kernels onednn, received "portable"',
      ],
      [{ winogradTile: 3 }, 'Expected one of 4, 2, 0 for winogradTile, received 3'],
      [{ winogradTile: 2, kernels: 'onednn' }, 'Expected nothing for winogradTile with the kernels onednn, received 2'],
      [{ weights: 'int8' }, `Expected one of 'float32', 'float16' for weights, received "int8"`],
      [
        { weights: 'float16', kernels: 'aten' },
        `Expected 'float32' for weights with the kernels aten, received "float16"`,
      ],
      [{ autotune: 1 }, 'Expected a boolean for autotune, received 1'],
      [{ threads: 0 }, 'Expected a positive integer for threads, received 0'],
      [{ threads: 1.5 }, 'Expected a positive integer for threads, received 1.5'],
      [{ threads: 1025 }, 'Expected at most 1024 for threads, received 1025'],
      [{ maxBatchSize: 0 }, 'Expected a positive integer for maxBatchSize, received 0'],
      [{ maxDelayMs: -1 }, 'Expected a number of at least 0 for maxDelayMs, received -1'],
      [{ maxDelayMs: NaN }, 'Expected a number for maxDelayMs, received NaN'],
      [{ maxDelayMs: 2 ** 31 }, 'Expected a number of at least 0 for maxDelayMs, received 2147483648'],
      [{ maxQueueSize: -3 }, 'Expected a positive integer for maxQueueSize, received -3'],
      [{ maxQueueBytes: '1' }, 'Expected a positive integer for maxQueueBytes, received "1"'],
      [{ bucketSizes: 8 }, 'Expected an array of at most 16 positive integers for bucketSizes, received 8'],
      [{ bucketSizes: [4, 0] }, 'Expected an array of at most 16 positive integers for bucketSizes, received [4, 0]'],
      [{ warmup: 'no' }, 'Expected a boolean for warmup, received "no"'],
      [{ signal: {} }, 'Expected an AbortSignal for signal, received an object'],
    ]
    for (const [options, message] of INVALID) {
      it(`refuses ${JSON.stringify(options)}`, async () => {
        const model = smallModel()

        await assert.rejects(anyCompile(model, { input: SAMPLE, ...options }), {
          code: 'TORCH_INVALID_ARGUMENT',
          message,
        })

        model.dispose()
      })
    }

    it('refuses more sizes of batches than it keeps plans', async () => {
      const model = smallModel()
      const bucketSizes = Array.from({ length: 17 }, (_, index) => index + 1)

      await assert.rejects(compile(model, { input: SAMPLE, bucketSizes }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: /^Expected an array of at most 16 positive integers for bucketSizes, received \[1, 2, /,
      })

      model.dispose()
    })

    it('refuses what is no model', async () => {
      await assert.rejects(anyCompile({ forward: () => null }, { input: SAMPLE }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a Module or a QuantizedModel for model, received an object',
      })
    })

    it('has native kernels compute float32, and oneDNN bfloat16, unless told otherwise', async () => {
      const found: unknown[] = []
      for (const options of [{}, { dtype: 'bfloat16' }, { kernels: 'aten' }] as const) {
        await withEngine(smallModel, { input: SAMPLE, warmup: false, ...options }, async (engine) => {
          const { dtype, kernels, instructionSet } = engine.stats()
          found.push([dtype, kernels, instructionSet])
          await Promise.resolve()
        })
      }

      assert.deepEqual(found, [
        ['float32', 'native', availableInstructionSets()[0]],
        ['bfloat16', 'onednn', null],
        ['float32', 'aten', null],
      ])
    })

    it('makes the plans before it is done, or with `warmup: false` when they are needed', async () => {
      const plans: number[][] = []
      for (const warmup of [true, false]) {
        await withEngine(smallModel, { input: SAMPLE, warmup, bucketSizes: [4, 2] }, async (engine) => {
          const before = engine.stats()
          await engine.run(samples(5))
          plans.push([before.plans, Math.sign(before.planBytes), engine.stats().plans])
        })
      }

      assert.deepEqual(plans, [
        [3, 1, 3],
        [0, 0, 2],
      ])
    })

    it('cuts batches into the sizes that it is told', async () => {
      await assertComputes(smallModel, { input: SAMPLE, bucketSizes: [5, 2, 5] }, [1, 4, 5, 13])
    })
  })

  for (const instructionSet of INSTRUCTION_SETS) {
    const isThere = availableInstructionSets().includes(instructionSet)
    if (!isThere) {
      it(`refuses ${instructionSet}, which this CPU lacks`, async () => {
        const model = smallModel()
        const available = availableInstructionSets().join(', ')

        await assert.rejects(compile(model, { input: SAMPLE, instructionSet }), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: `Expected what this CPU has (${available}) for instructionSet, received "${instructionSet}"`,
        })

        model.dispose()
      })
      continue
    }

    describe(`with native kernels for ${instructionSet}`, () => {
      const nets: readonly [name: string, make: () => Module, input: readonly number[]][] = [
        ['resnet18Cifar', () => resnet18Cifar().eval(), [3, 32, 32]],
        ['resnet18 for images of odd sizes', () => resnet18().eval(), [3, 45, 71]],
      ]
      for (const [name, make, input] of nets) {
        for (const autotune of [true, false]) {
          it(`computes ${name} as forward() does within 1e-5, ${autotune ? 'tuned' : 'by rules'}`, async () => {
            manualSeed(4n)
            await assertComputes(make, { input, instructionSet, autotune, warmup: false, maxBatchSize: 4 }, [1, 7])
          })
        }
      }

      it('lets NaN flow as forward() does', async () => {
        await withEngine(tunable, { ...TUNABLE, instructionSet }, async (engine, model) => {
          const batch = randn([1, ...SAMPLE])
          batch.select(1, 1).select(1, 4).select(1, 2).fill_(NaN)

          const received = await engine.run(batch)

          assertClose(received, model.forward(batch), { atol: 1e-5 })
        })
      })

      it('says so', async () => {
        await withEngine(smallModel, { input: SAMPLE, instructionSet }, async (engine) => {
          const explanation = await engine.explain({ batchSize: 1, runs: 1 })

          assert.deepEqual(
            [engine.stats().instructionSet, explanation.instructionSet],
            [instructionSet, instructionSet],
          )
          assert.match(String(explanation), new RegExp(`; native kernels for ${instructionSet}; plans hold `))
        })
      })
    })
  }

  describe('weights', () => {
    for (const instructionSet of availableInstructionSets()) {
      it(`in float16 take half of the memory, and change logits by less than 1e-3 of their scale (${instructionSet})`, async () => {
        const [cifar, options] = [(): Module => resnet18Cifar().eval(), { input: [3, 32, 32], bucketSizes: [1] }]
        const compiled = (weights: 'float32' | 'float16') => {
          manualSeed(8n)
          return withEngine(cifar, { ...options, instructionSet, autotune: false, weights }, async (engine) => {
            manualSeed(9n)
            const logits = await engine.run(samples(1, options.input))
            return { logits, bytes: engine.stats().weightBytes }
          })
        }

        const [full, half] = [await compiled('float32'), await compiled('float16')]

        const scale = Math.max(...full.logits.map(Math.abs))
        const worst = Math.max(...half.logits.map((logit, index) => Math.abs(logit - (full.logits[index] ?? NaN))))
        assert.ok(worst > 0 && worst < 1e-3 * scale, `${worst} of ${scale}`)
        assert.equal(half.bytes, full.bytes / 2)
      })
    }
  })

  describe('winogradTile', () => {
    const folder = useTemporaryFolder()
    useEnvironment(() => ({ NAPI_TORCH_CACHE: folder() }))

    for (const [winogradTile, used] of [
      [4, ['4']],
      [2, ['2']],
      [0, []],
    ] as const) {
      it(`of ${winogradTile} by rules selects kernels with ${used.length === 0 ? 'no tiles' : `tiles of ${used.join()}`}`, async () => {
        assert.deepEqual(await tilesOf({ winogradTile, autotune: false }), used)
      })

      it(`of ${winogradTile} selects no larger one by measuring`, async () => {
        assert.deepEqual(
          (await tilesOf({ winogradTile })).filter((size) => Number(size) > winogradTile),
          [],
        )
      })
    }

    it('of 0 keeps weights in what they take, and of 4 in four times that', async () => {
      const weightBytes = 3 * 32 * 32 * 3 * 3 * 4

      assert.deepEqual(
        [await packedBytesWith(0), await packedBytesWith(2), await packedBytesWith(4)],
        [weightBytes, (weightBytes * 16) / 9, weightBytes * 4],
      )
    })

    /** The tiles of the kernels that compute a network with 3 × 3 convolutions alone. */
    async function tilesOf(options: Partial<CompileOptions>): Promise<readonly string[]> {
      return withEngine(convolutions, { input: [32, 32, 32], bucketSizes: [1], ...options }, async (engine, model) => {
        const batch = randn([1, 32, 32, 32])
        assertClose(await engine.run(batch), model.forward(batch), { atol: 1e-5 })
        const { steps } = await engine.explain({ runs: 1 })
        return [...new Set(steps.flatMap(({ kernel }) => /winograd(\d)/.exec(kernel)?.[1] ?? []))]
      })
    }

    function packedBytesWith(winogradTile: 4 | 2 | 0): Promise<number> {
      const options: CompileOptions = { input: [32, 32, 32], bucketSizes: [1], autotune: false, winogradTile }
      return withEngine(convolutions, options, (engine) => Promise.resolve(engine.stats().weightBytes))
    }

    function convolutions(): Module {
      manualSeed(5n)
      const layers = Array.from({ length: 3 }, () => new Conv2d(32, 32, 3, { padding: 1 }))
      return new Sequential(...layers, new AvgPool2d(32), new Flatten()).eval()
    }
  })

  describe('autotune', () => {
    const folder = useTemporaryFolder()
    useEnvironment(() => ({ NAPI_TORCH_CACHE: folder() }))

    const files = (): string[] => readdirSync(join(folder(), 'autotune'))
    const path = (): string => join(folder(), 'autotune', files()[0] ?? '')
    const read = (): { choices: Record<string, string> } =>
      JSON.parse(readFileSync(path(), 'utf8')) as { choices: Record<string, string> }
    /** What computes the convolution for which there are many ways. */
    const compiled = async (options: Partial<CompileOptions> = {}): Promise<string> => {
      let kernel = ''
      await withEngine(tunable, { ...TUNABLE, ...options }, async (engine, model) => {
        const batch = randn([1, ...SAMPLE])
        assertClose(await engine.run(batch), model.forward(batch), { atol: 1e-5 })
        const { steps } = await engine.explain({ runs: 1 })
        kernel = steps.find(({ path }) => path === '2')?.kernel ?? ''
      })
      return kernel
    }
    const setChoice = (choice: unknown): void => {
      const { choices, ...facts } = read()
      const changed = Object.fromEntries(Object.keys(choices).map((key) => [key, choice]))
      writeFileSync(path(), JSON.stringify({ ...facts, choices: changed }))
    }

    it(`measures a ${KEY} once, and keeps what it found in one file`, async () => {
      const first = await compiled()
      const content = readFileSync(path(), 'utf8')
      const second = await compiled()

      assert.deepEqual([files().length, second, readFileSync(path(), 'utf8')], [1, first, content])
      const [set] = availableInstructionSets()
      assert.deepEqual(Object.keys(read().choices), [`${set} 1 24 20 8x8 3x3 1x1 1x1 1x1`])
    })

    for (const [choice, kernel] of [
      ['direct', 'native direct'],
      ['winograd2Phased', 'native winograd2Phased'],
      ['winograd2ByChannel', 'native winograd2ByChannel'],
      ['onednn', 'oneDNN'],
    ] as const) {
      it(`takes ${choice} where the file says that it is the fastest`, async () => {
        await compiled()
        setChoice(choice)

        assert.equal(await compiled(), kernel)
      })
    }

    for (const choice of ['nchw', 'magic', '__proto__', 7, null]) {
      it(`measures again where the file says ${JSON.stringify(choice)}`, async () => {
        await compiled()
        setChoice(choice)

        await compiled()

        assert.ok(/^(direct|winograd[24](ByChannel|Phased)?|onednn)$/.test(Object.values(read().choices)[0] ?? ''))
      })
    }

    const DAMAGED: readonly [name: string, content: string][] = [
      ['is empty', ''],
      ['is cut off', '{"cpu": "AM'],
      ['holds null', 'null'],
      ['holds a list', '[1, 2]'],
      ['is of another CPU', '{"cpu": "Z80", "choices": {}}'],
      ['has no choices', '{"choices": 3}'],
      ['is longer than 1 MiB', ' '.repeat(2 ** 20 + 1)],
    ]
    for (const [name, content] of DAMAGED) {
      it(`measures again, and writes the file anew, if it ${name}`, async () => {
        await compiled()
        writeFileSync(path(), content)

        await compiled()

        assert.deepEqual([files().length, Object.keys(read().choices).length], [1, 1])
      })
    }

    it('works without a folder to write to', async () => {
      writeFileSync(join(folder(), 'autotune'), 'a file')

      assert.match(await compiled(), /^(native|oneDNN)/)
    })

    it('works where a folder has the name of the file, and leaves nothing behind', async () => {
      await compiled()
      const name = path()
      rmSync(name)
      mkdirSync(join(name, 'inside'), { recursive: true })

      await compiled()

      assert.deepEqual(files().length, 1)
    })

    it('keeps a whole file when several models are compiled at once', async () => {
      await Promise.all([1, 2, 3, 4, 5, 6].map((size) => compiled({ bucketSizes: [size] })))

      assert.equal(files().length, 1)
      assert.ok(Object.keys(read().choices).length >= 1)
    })

    for (const options of [{ autotune: false }, { kernels: 'onednn' }] as const) {
      it(`measures and writes nothing with ${JSON.stringify(options)}`, async () => {
        await compiled(options)

        assert.deepEqual(readdirSync(folder()), [])
      })
    }
  })

  describe('a signal', () => {
    const folder = useTemporaryFolder()
    useEnvironment(() => ({ NAPI_TORCH_CACHE: folder() }))

    for (const delay of [null, 0, 20, 60, 120]) {
      const when = delay === null ? 'before' : `after ${delay} ms`
      it(`that is aborted ${when} makes it give up with its reason, and nothing stays`, async () => {
        const model = resnet18Cifar().eval()
        const before = memory()
        const controller = new AbortController()
        const reason = new Error('no longer wanted')
        if (delay === null) controller.abort(reason)
        const compiling = compile(model, { input: [3, 32, 32], signal: controller.signal })
        if (delay !== null) {
          compiling.catch(() => undefined)
          await setTimeout(delay)
          controller.abort(reason)
        }

        const [result] = await Promise.allSettled([compiling])

        // A fast machine may have been done.
        if (result.status === 'fulfilled') await result.value.close()
        else assert.equal(result.reason, reason)
        assert.deepEqual(memory(), before)
        model.dispose()
      })
    }
  })

  it('traces a model anew for each size of batches where more than the shapes depend on that', async () => {
    manualSeed(5n)
    const options = { input: SAMPLE, bucketSizes: [4, 2] }
    await assertComputes(() => new BatchDependent().eval(), options, [1, 2, 3, 4, 7])
  })

  it('takes no more memory for small batches than for the largest', async () => {
    const bytes: number[] = []
    for (const bucketSizes of [[8], [8, 4, 2]]) {
      await withEngine(
        () => resnet18Cifar().eval(),
        { input: [3, 32, 32], bucketSizes, autotune: false },
        async (engine) => {
          bytes.push(engine.stats().planBytes)
          await Promise.resolve()
        },
      )
    }

    const [one = 0, three = Infinity] = bytes
    assert.ok(one > 0 && three <= one * 1.05, `${one} bytes for batches of 8, ${three} with 4 and 2`)
  })

  describe('the weights', () => {
    /** Two convolutions of which heuristics give one F(2 × 2) and the other F(4 × 4), and a linear layer. */
    function stack(): Module {
      manualSeed(12n)
      const [narrow, wide] = [new Conv2d(3, 24, 3, { padding: 1 }), new Conv2d(24, 24, 3, { padding: 1 })]
      const last = new Conv2d(24, 24, 3, { padding: 1 })
      return new Sequential(
        narrow,
        new BatchNorm2d(24),
        wide,
        new MaxPool2d(8),
        last,
        new Flatten(),
        new Linear(216, 5),
      ).eval()
    }
    const options = { input: [3, 24, 24], bucketSizes: [1, 4], autotune: false } as const

    it('are kept once, in packed forms, when plans for all batches are prepared', async () => {
      const alive = async (warmup: boolean): Promise<number> => {
        const before = memory().tensors
        const engine = await scope(() => compile(stack(), { ...options, warmup }))
        const { tensors } = memory()
        await engine.close()
        return tensors - before
      }

      // A weight and a bias for each of four layers.
      assert.equal(await alive(false), 8)
      assert.equal(await alive(true), 4)
    })

    for (const [instructionSet, weights, atol] of availableInstructionSets().flatMap(
      (set) =>
        [
          [set, 'float32', 1e-5],
          [set, 'float16', 2e-3],
        ] as const,
    )) {
      it(`are made again of what Winograd has transformed where NaN needs them (${instructionSet}, ${weights})`, async () => {
        await withEngine(stack, { ...options, instructionSet, weights }, async (engine, model) => {
          const kernels = (await engine.explain({ batchSize: 4, runs: 1 })).steps.map(({ kernel }) => kernel)
          assert.deepEqual(
            kernels
              .filter((kernel) => kernel.includes('winograd'))
              .map((kernel) => kernel.replace(/Phased|ByChannel/, '')),
            ['native winograd4', 'native winograd2'],
          )
          const batch = randn([4, 3, 24, 24])
          for (const dim of [0, 3]) batch.select(0, dim).select(0, 1).select(0, 7).select(0, 2).fill_(NaN)

          const received = await engine.run(batch)

          assertClose(received, model.forward(batch), { atol })
        })
      })
    }
  })

  it('makes engines whose memory stays the same over 1,000 runs', async () => {
    await withEngine(smallModel, { input: SAMPLE, maxBatchSize: 8 }, async (engine) => {
      const batch = samples(13)
      const round = async (count: number): Promise<number> => {
        for (let index = 0; index < count; index++) await engine.run(batch)
        globalThis.gc?.()
        return process.memoryUsage().rss
      }
      const rss = await round(200)
      const before = [engine.stats().planBytes, memory()]

      const grown = (await round(1000)) - rss

      assert.deepEqual([engine.stats().planBytes, memory()], before)
      // What V8 keeps for itself goes up and down by some MiB; a leak of one output a run would be less, one of a batch 10.
      assert.ok(grown < 16 * 2 ** 20, `${grown} bytes more after 1,000 runs`)
    })
  })
})
