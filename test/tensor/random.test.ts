import assert from 'node:assert/strict'

import {
  empty,
  Generator,
  getRngState,
  manualSeed,
  rand,
  randint,
  randn,
  type RandomOptions,
  scope,
  setRngState,
  tensor,
  type Tensor,
  zeros,
} from 'napi-torch'

import { runChild } from '../support/installed.js'
import { itWithPython, python } from '../support/python.js'

const INVALID = 'TORCH_INVALID_ARGUMENT'

type Draw = (options: RandomOptions) => Tensor

// After torch.manual_seed(42), printed by PyTorch 2.13 as float64.
const GOLDENS: readonly [title: string, draw: Draw, values: readonly number[], tolerance: number][] = [
  [
    'rand()',
    (options) => rand([5], options),
    [0.8822692632675171, 0.9150039553642273, 0.38286375999450684, 0.9593056440353394, 0.3904482126235962],
    0,
  ],
  [
    'rand() of float64',
    (options) => rand([3], { ...options, dtype: 'float64' }),
    [0.05815448596142969, 0.06291016742457756, 0.12358607277440903],
    0,
  ],
  [
    'rand() of float16',
    (options) => rand([4], { ...options, dtype: 'float16' }),
    [0.88232421875, 0.9150390625, 0.3828125, 0.95947265625],
    0,
  ],
  ['randint()', (options) => randint(-10, 100, [6], { ...options, dtype: 'int64' }), [62, -3, 76, 4, 36, 55], 0],
  // The logarithm and cosine behind them depend on the instruction set in the last digit.
  [
    'randn()',
    (options) => randn([5], options),
    [0.33669036626815796, 0.12880940735340118, 0.23446236550807953, 0.23033303022384644, -1.1228563785552979],
    1e-6,
  ],
  [
    'randn() of 16 and more, which is vectorized',
    (options) => randn([20], options).slice(0, 0, 5),
    [1.9269152879714966, 1.4872840642929077, 0.9007171988487244, -2.1055209636688232, -0.7581311464309692],
    1e-6,
  ],
  [
    'uniform_()',
    ({ generator }) => empty([4]).uniform_(-1, 1, { generator }),
    [0.7645385265350342, 0.8300079107284546, -0.23427248001098633, 0.9186112880706787],
    0,
  ],
  [
    'normal_()',
    ({ generator }) => empty([4]).normal_(1, 2, { generator }),
    [1.673380732536316, 1.25761878490448, 1.4689247608184814, 1.4606660604476929],
    1e-6,
  ],
]

function assertNear(actual: Tensor, expected: readonly number[], tolerance: number): void {
  const values = Array.from(actual.double().toArray())
  assert.equal(values.length, expected.length)
  values.forEach((value, index) => {
    const wanted = expected[index] ?? NaN
    assert.ok(Math.abs(value - wanted) <= tolerance, `[${index}] is ${value}, expected ${wanted}`)
  })
}

describe('random numbers', () => {
  for (const [title, draw, values, tolerance] of GOLDENS) {
    it(`of ${title} are those of PyTorch after manualSeed(42)`, () =>
      scope(() => {
        manualSeed(42)

        assertNear(draw({}), values, tolerance)
      }))

    it(`of ${title} are those of PyTorch from a generator with seed 42`, () =>
      scope(() => {
        assertNear(draw({ generator: new Generator({ seed: 42 }) }), values, tolerance)
      }))
  }

  const sources = [
    ['torch.rand(1000)', () => rand([1000])],
    ['torch.rand(33, dtype=torch.bfloat16)', () => rand([33], { dtype: 'bfloat16' })],
    ['torch.randn(1000)', () => randn([1000])],
    ['torch.randn(3, 7, dtype=torch.float64)', () => randn([3, 7], { dtype: 'float64' })],
    ['torch.randn(20, dtype=torch.float16)', () => randn([20], { dtype: 'float16' })],
    ['torch.randint(0, 2, (50,), dtype=torch.bool)', () => randint(0, 2, [50], { dtype: 'bool' })],
    ['torch.randint(-2**40, 2**40, (50,))', () => randint(-(2 ** 40), 2 ** 40, [50])],
    ['torch.randint(0, 256, (50,), dtype=torch.uint8)', () => randint(0, 256, [50], { dtype: 'uint8' })],
    ['torch.zeros(50).uniform_(-3, 5)', () => zeros([50]).uniform_(-3, 5)],
    ['torch.zeros(4, 50).t().normal_(2, 0.5)', () => zeros([4, 50]).transpose(0, 1).normal_(2, 0.5)],
  ] as const
  itWithPython('go on through ten draws as in Python, bit by bit', () =>
    scope(() => {
      const draws = sources.map(([source]) => `${source}.flatten().to(torch.float64).tolist()`).join(', ')
      const script = `import json, torch; torch.manual_seed(2 ** 63 + 5); print(json.dumps([${draws}]))`
      const expected = JSON.parse(python(script)) as number[][]

      manualSeed(2n ** 63n + 5n)

      for (const [index, [source, draw]] of sources.entries()) {
        assert.deepEqual(Array.from(draw().flatten().double().toArray()), expected[index], source)
      }
    }),
  )

  it('repeat after the same seed and differ after another', () =>
    scope(() => {
      const draw = (seed: number): Tensor => {
        manualSeed(seed)
        return randn([8])
      }

      assert.ok(draw(1).equal(draw(1)))
      assert.ok(!draw(1).equal(draw(2)))
    }))

  it('of a generator do not move the default one', () =>
    scope(() => {
      manualSeed(1)
      const expected = rand([4])
      manualSeed(1)
      rand([100], { generator: new Generator({ seed: 9 }) })

      assert.ok(rand([4]).equal(expected))
    }))

  it('lie in the range that was asked for', () =>
    scope(() => {
      const made = rand([10_000])
      const [low, high] = [made.min().item(), made.max().item()]

      assert.ok(low >= 0 && high < 1)
      assert.deepEqual([zeros([100]).uniform_(3, 3).min().item(), zeros([100]).normal_(3, 0).max().item()], [3, 3])
    }))

  it('may be none', () =>
    scope(() => {
      assert.deepEqual([rand([0, 2]).shape, randn([0]).shape, randint(0, 2, [0]).shape], [[0, 2], [0], [0]])
      assert.deepEqual(zeros([0]).uniform_().shape, [0])
    }))

  it('come from one default generator in all threads of the process', () => {
    const { code, stdout, stderr } = runChild(`
      import { Worker } from 'node:worker_threads'
      import { manualSeed, rand } from 'napi-torch'
      manualSeed(3)
      const expected = rand([2])
      manualSeed(3)
      const worker = new Worker(\`
        import { parentPort } from 'node:worker_threads'
        import { rand } from 'napi-torch'
        parentPort.postMessage(rand([1]).item())
      \`, { eval: true })
      worker.once('message', (first) => console.log(first === expected.select(0, 0).item()))
      await new Promise((resolve) => worker.once('exit', resolve))
      console.log(rand([1]).item() === expected.select(0, 1).item())
    `)

    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'true\ntrue\n' }, stderr)
  })

  it('refuse distributions that are none', () =>
    scope(() => {
      const made = zeros([1])

      assert.throws(() => made.uniform_(2, 1), {
        code: 'TORCH_OPERATOR',
        message: 'uniform_ expects to return a [from, to) range, but found from=2 > to=1',
      })
      assert.throws(() => made.normal_(0, -1), {
        code: 'TORCH_OPERATOR',
        message: 'normal expects std >= 0.0, but found std -1',
      })
    }))
})

describe('Generator', () => {
  describe('initialSeed()', () => {
    const seeds: readonly [given: number | bigint | undefined, seed: bigint][] = [
      [undefined, 67280421310721n],
      [0, 0n],
      [42, 42n],
      [-1, 2n ** 64n - 1n],
      [2n ** 64n - 1n, 2n ** 64n - 1n],
      [-(2n ** 63n), 2n ** 63n],
    ]
    for (const [given, seed] of seeds) {
      it(`gives ${seed} for ${given ?? 'no seed'}, as PyTorch does`, () => {
        assert.equal(new Generator({ seed: given }).initialSeed(), seed)
      })
    }
  })

  describe('manualSeed()', () => {
    it('begins anew and gives the generator itself', () =>
      scope(() => {
        const generator = new Generator({ seed: 1 })
        const first = randn([3], { generator })

        assert.equal(generator.manualSeed(1), generator)
        assert.ok(randn([3], { generator }).equal(first))
      }))
  })

  it('draws a series of its own', () =>
    scope(() => {
      const [one, other] = [new Generator({ seed: 1 }), new Generator({ seed: 1 })]
      rand([5], { generator: one })

      assert.ok(!rand([5], { generator: one }).equal(rand([5], { generator: other })))
    }))

  for (const [seed, message] of [
    [0.5, 'Expected an integer for seed, received 0.5'],
    [NaN, 'Expected an integer for seed, received NaN'],
    [2 ** 53, 'Expected an integer for seed, received 9007199254740992'],
    [2n ** 64n, 'Expected an integer of 64 bits for seed, received 18446744073709551616n'],
    [-(2n ** 63n) - 1n, 'Expected an integer of 64 bits for seed, received -9223372036854775809n'],
    ['1', 'Expected an integer for seed, received "1"'],
    [null, 'Expected an integer for seed, received null'],
  ] as const) {
    it(`refuses ${String(seed)} (${typeof seed}) as seed, and so does manualSeed()`, () => {
      assert.throws(() => new Generator({ seed: seed as number }), { code: INVALID, message })
      assert.throws(() => manualSeed(seed as number), { code: INVALID, message })
      assert.throws(() => new Generator().manualSeed(seed as number), { code: INVALID, message })
    })
  }

  it('refuses unknown options and devices', () => {
    assert.throws(() => new Generator({ sed: 1 } as object), {
      code: INVALID,
      message: 'Expected options among device, seed for Generator, received "sed" (did you mean seed?)',
    })
    assert.throws(() => new Generator({ device: 'gpu' as 'cpu' }), {
      code: INVALID,
      message: "Expected 'cpu', 'cuda' or 'cuda:N' for device, received \"gpu\"",
    })
  })

  it('is needed where a generator is asked for', () => {
    for (const generator of [null, 1, {}, { handle: {} }]) {
      assert.throws(() => rand([1], { generator: generator as unknown as Generator }), {
        code: INVALID,
        message: /^Expected a Generator for generator, received /,
      })
    }
  })
})

describe('getRngState() and setRngState()', () => {
  it('go on from a place in the sequence, as getState() and setState() of a generator do', () =>
    scope(() => {
      manualSeed(3)
      randn([5])
      const generator = new Generator({ seed: 3 })
      randn([5], { generator })
      const states = [getRngState(), generator.getState()] as const
      const first = [randn([3]).tolist(), randn([3], { generator }).tolist()]

      setRngState(states[0])
      generator.setState(states[1])

      assert.deepEqual([randn([3]).tolist(), randn([3], { generator }).tolist()], first)
      assert.deepEqual(first[0], first[1])
    }))

  it('refuse a tensor that is no state', () =>
    scope(() => {
      assert.throws(() => setRngState(tensor([1, 2])), {
        code: INVALID,
        message: 'Expected a state that a generator gave for state',
      })
      assert.throws(() => setRngState(tensor([1, 2], { dtype: 'uint8' })), { code: 'TORCH_OPERATOR' })
    }))
})
