import assert from 'node:assert/strict'

import { functional as F, fromArray, manualSeed, randint, randn, scope, tensor, zeros, type Tensor } from 'napi-torch'

import { native } from '../../../lib/libtorch/binding.js'
import { handleOf } from '../../../lib/tensor/handle.js'
import { assertClose } from '../../support/numeric.js'
import { integers, runConvolution, scaledWeight, type ConvolutionCase } from '../../support/networks.js'

type Pair = readonly [number, number]

// Sums of products of unit scale. Winograd's transforms multiply and cancel: F(4 x 4) loses about 4 bits.
const TOLERANCE = {
  direct: 5e-6,
  nchw: 5e-6,
  winograd2: 1e-5,
  winograd4: 8e-5,
  winograd2ByChannel: 1e-5,
  winograd4ByChannel: 8e-5,
  winograd2Phased: 1e-5,
  winograd4Phased: 8e-5,
}
type Algorithm = keyof typeof TOLERANCE
const WINOGRAD = (Object.keys(TOLERANCE) as Algorithm[]).filter((name) => name.startsWith('winograd'))
const CASES = 40

/** What PyTorch's operators give in float64. */
function reference({ input, weight, bias, stride, padding, dilation, residual, relu, pool }: ConvolutionCase): Tensor {
  const options = { bias: bias?.to('float64') ?? null, stride, padding, dilation }
  let result = F.conv2d(input.to('float64'), weight.to('float64'), options)
  if (residual !== null) result = result.add(residual)
  if (relu) result = F.relu(result)
  if (pool === null) return result.to('float32')
  const { kernelSize, ...windows } = pool
  result = F.maxPool2d(result, kernelSize, windows)
  return result.to('float32')
}

function check(run: Omit<ConvolutionCase, 'shape'>, algorithm: Algorithm): void {
  const expected = reference({ ...run, shape: [] })
  const actual = runConvolution({ ...run, shape: expected.shape })
  assertClose(fromArray(actual, expected.shape), expected, { atol: TOLERANCE[algorithm], rtol: TOLERANCE[algorithm] })
}

/** A case of random sizes, most of which are no multiples of anything. */
function randomCase(kernels: string, algorithm: Algorithm, seed: number): Omit<ConvolutionCase, 'shape'> {
  manualSeed(BigInt(seed))
  const next = integers(seed + 1)
  const isWinograd = WINOGRAD.includes(algorithm)
  const pair = (least: number, most: number): Pair => [next(least, most), next(least, most)]
  const kernel: Pair = isWinograd ? [3, 3] : pair(1, 5)
  const stride: Pair = isWinograd ? [1, 1] : pair(1, 3)
  const padding: Pair = isWinograd ? [1, 1] : pair(0, 3)
  const dilation: Pair = isWinograd ? [1, 1] : pair(1, 2)
  const least = (dim: 0 | 1): number => Math.max(1, dilation[dim] * (kernel[dim] - 1) + 1 - 2 * padding[dim])
  const height = least(0) + next(0, 18)
  const width = least(1) + next(0, 18)
  const channels = algorithm === 'nchw' ? next(1, 5) : next(1, 70)
  const outputs = next(1, 70)
  const chunk = next(1, 3)
  const batch = chunk * next(1, 3)
  const input = randn([batch, channels, height, width])
  const weight = scaledWeight([outputs, channels, ...kernel])
  const { shape } = F.conv2d(input, weight, { stride, padding, dilation })
  return {
    kernels,
    algorithm,
    input,
    weight,
    bias: next(0, 1) === 0 ? null : randn([outputs]),
    stride,
    padding,
    dilation,
    residual: next(0, 1) === 0 ? null : randn(shape),
    relu: next(0, 1) === 0,
    pool: null,
    chunk,
    threads: next(1, 4),
  }
}

function describeCase({
  input,
  weight,
  stride,
  padding,
  dilation,
  chunk,
  threads,
  ...run
}: Omit<ConvolutionCase, 'shape'>): string {
  const parts = [run.bias && 'bias', run.residual && 'residual', run.relu && 'relu'].filter(
    (part) => part !== null && part !== false,
  )
  const sizes = { input: input.shape, weight: weight.shape, stride, padding, dilation, chunk, threads }
  return `${JSON.stringify(sizes)} ${parts.join(' ')}`
}

for (const kernels of native.kernelSets()) {
  describe(`native convolutions, ${kernels}`, () => {
    for (const algorithm of ['direct', 'nchw', ...WINOGRAD] as const) {
      it(`${algorithm} equals PyTorch within ${TOLERANCE[algorithm]} for ${CASES} random shapes`, () => {
        for (let seed = 1; seed <= CASES; seed++) {
          scope(() => {
            const run = randomCase(kernels, algorithm, seed)
            try {
              check(run, algorithm)
            } catch (error) {
              throw new Error(`${describeCase(run)}: ${(error as Error).message}`, { cause: error })
            }
          })
        }
      })
    }

    for (const [title, shape, outputs] of [
      ['a single tile, and more threads than panels', [1, 3, 2, 1], 5],
      ['odd numbers of channels and tiles', [1, 33, 13, 7], 67],
      ['more tiles than one block has', [2, 7, 61, 50], 40],
    ] as const) {
      for (const algorithm of ['direct', ...WINOGRAD] as const) {
        it(`${algorithm} equals PyTorch, to the same bits with 1, 2 and 7 threads: ${title}`, () => {
          scope(() => {
            manualSeed(5n)
            const conv = { stride: [1, 1], padding: [1, 1], dilation: [1, 1] } as const
            const [batch, channels, height, width] = shape
            const made = {
              input: randn(shape),
              weight: scaledWeight([outputs, channels, 3, 3]),
              bias: randn([outputs]),
            }
            const rest = { residual: randn([batch, outputs, height, width]), relu: true, pool: null }
            const run = { kernels, algorithm, ...made, ...conv, ...rest, shape: [batch, outputs, height, width] }

            check({ ...run, threads: 7 }, algorithm)

            const [one, two, seven] = [1, 2, 7].map((threads) => runConvolution({ ...run, threads }))
            assert.deepEqual(two, one)
            assert.deepEqual(seven, one)
          })
        })
      }
    }

    for (const [kernelSize, stride, padding] of [
      [
        [3, 3],
        [2, 2],
        [1, 1],
      ],
      [
        [2, 2],
        [2, 2],
        [0, 0],
      ],
      [
        [3, 2],
        [1, 3],
        [1, 0],
      ],
      [
        [2, 3],
        [4, 4],
        [0, 1],
      ],
    ] as const) {
      it(`nchw with pooling ${kernelSize.join(' x ')} by ${stride.join(' x ')} equals PyTorch`, () => {
        for (const size of [7, 30, 67]) {
          scope(() => {
            manualSeed(BigInt(size))
            const pool = { kernelSize, stride, padding, dilation: [1, 1] as const }
            const input = randn([2, 3, size, size + 2])
            const weight = scaledWeight([33, 3, 5, 5])
            const conv = { stride: [2, 2], padding: [2, 2], dilation: [1, 1] } as const
            const run = { kernels, algorithm: 'nchw', input, weight, bias: randn([33]), residual: null, relu: false }
            check({ ...run, ...conv, pool, chunk: 1 }, 'nchw')
          })
        }
      })
    }

    for (const algorithm of ['direct', 'nchw', ...WINOGRAD] as const) {
      it(`${algorithm} with weights in float16 equals PyTorch within what these lose, for ${CASES} random shapes`, () => {
        for (let seed = 1; seed <= CASES; seed++) {
          scope(() => {
            const run = randomCase(kernels, algorithm, seed)
            const expected = reference({ ...run, shape: [] })

            const actual = runConvolution({ ...run, isHalf: true, shape: expected.shape })

            try {
              // Half of the last of 11 bits of each weight, of which the transforms of F(4 x 4) make much more.
              const lost = algorithm.startsWith('winograd4') ? 0.1 : algorithm.startsWith('winograd2') ? 8e-3 : 2e-3
              assertClose(fromArray(actual, expected.shape), expected, { atol: lost, rtol: 0 })
            } catch (error) {
              throw new Error(`${describeCase(run)}: ${(error as Error).message}`, { cause: error })
            }
          })
        }
      })
    }

    for (const [title, weight] of [
      ['with few bits', () => randint(-63, 64, [7, 5, 3, 3]).to('float32')],
      [
        'that are very small',
        () =>
          randint(-63, 64, [7, 5, 3, 3])
            .to('float32')
            .mul(2 ** -90),
      ],
      [
        'that are very large',
        () =>
          randint(-63, 64, [7, 5, 3, 3])
            .to('float32')
            .mul(2 ** 90),
      ],
      [
        'of which one is NaN',
        () =>
          tensor([NaN, 1 / 3, 3])
            .expand([7, 5, 3, 3])
            .contiguous(),
      ],
      ['that are zeros', () => zeros([7, 5, 3, 3])],
      [
        'far apart in the channels',
        () =>
          randint(-63, 64, [7, 5, 3, 3]).mul(
            tensor([-30, -21, -12, -3, 6, 15, 24].map((exponent) => 2 ** exponent)).view([7, 1, 1, 1]),
          ),
      ],
    ] as const) {
      it(`with weights in float16 give the bits of float32 for weights ${title}`, () => {
        scope(() => {
          manualSeed(6n)
          const conv = { stride: [1, 1], padding: [1, 1], dilation: [1, 1] } as const
          const rest = { bias: randn([7]), residual: null, relu: false, pool: null, shape: [2, 7, 6, 5] }
          const run = { kernels, algorithm: 'direct', input: randn([2, 5, 6, 5]), weight: weight(), ...conv, ...rest }

          assert.deepEqual(runConvolution({ ...run, isHalf: true }), runConvolution(run))
        })
      })
    }

    for (const value of [NaN, Infinity, -Infinity, 1e38]) {
      for (const algorithm of ['direct', ...WINOGRAD] as const) {
        it(`${algorithm} lets ${value} flow as PyTorch does`, () => {
          scope(() => {
            manualSeed(3n)
            const input = randn([1, 5, 11, 9])
            input.select(1, 2).select(1, 4).select(1, 3).fill_(value)
            const conv = { stride: [1, 1], padding: [1, 1], dilation: [1, 1] } as const
            const rest = { bias: null, residual: null, relu: value !== 1e38, pool: null }
            const run = { kernels, algorithm, input, weight: randn([20, 5, 3, 3]), ...conv, ...rest }
            const options = { stride: 1, padding: 1 }
            const expected = F.conv2d(input, run.weight, options)
            const relu = run.relu ? F.relu(expected) : expected
            const actual = runConvolution({ ...run, shape: relu.shape })

            const rtol = value === 1e38 ? 1e-4 : 1e-3
            assertClose(fromArray(actual, relu.shape), relu, { atol: 1e-3, rtol })
          })
        })
      }
    }
  })
}

describe('native convolutions', () => {
  it('run on the best kernels of this CPU by default, and the portable ones exist everywhere', () => {
    assert.equal(native.kernelSets().at(-1), 'portable')
  })

  const bad = (overrides: Partial<ConvolutionCase>) => () =>
    scope(() => {
      const run = {
        kernels: 'portable',
        algorithm: 'direct',
        input: randn([1, 3, 8, 8]),
        weight: randn([4, 3, 3, 3]),
        bias: null,
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
        residual: null,
        relu: false,
        pool: null,
        shape: [1, 4, 8, 8],
        ...overrides,
      } as const
      return runConvolution(run)
    })

  for (const [title, overrides, message] of [
    [
      'an unknown algorithm',
      { algorithm: 'magic' },
      /^Expected an algorithm that supports these weights for plan\.steps\[0\]/,
    ],
    [
      'Winograd with a stride',
      { algorithm: 'winograd4', stride: [2, 2], shape: [1, 4, 4, 4] },
      /^Expected an algorithm/,
    ],
    ['a result of another size', { shape: [1, 4, 7, 8] }, /^Expected a buffer of the shape of the result/],
    [
      'a padding beyond the border',
      { padding: [9, 9], shape: [1, 4, 24, 24] },
      /^Expected a buffer with a wider padding border/,
    ],
    ['kernels of another CPU', { kernels: 'sse9' }, /^Expected kernels that this CPU supports for kernels$/],
    [
      'pooling of buffers',
      { pool: { kernelSize: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] }, shape: [1, 4, 4, 4] },
      /^Expected null \(only an nchw convolution/,
    ],
  ] as const satisfies readonly (readonly [string, Partial<ConvolutionCase>, RegExp])[]) {
    it(`refuse ${title}`, () => assert.throws(bad(overrides), { code: 'TORCH_INVALID_ARGUMENT', message }))
  }

  it('refuse an NCHW input that a step has made smaller than the plan declares', () =>
    scope(() => {
      const weights = native.createConvWeights(
        'portable',
        handleOf(randn([4, 3, 1, 1])),
        null,
        [1, 1],
        [0, 0],
        [1, 1],
        false,
      )
      const conv = { kind: 'conv2d', algorithm: 'nchw', weights: 0, input: 0, output: 0, residual: null } as const
      const small = {
        kind: 'aten',
        schema: 'aten::clone',
        args: [{ constant: handleOf(randn([1, 3, 2, 2])) }, { literal: null }],
        outputs: [1],
        dead: [],
      } as const
      const network = {
        kind: 'network',
        batch: 1,
        weights: [weights],
        buffers: [{ batch: 1, channels: 4, height: 80, width: 80, border: 0, slot: 0 }],
        nchw: [1],
        inputs: [],
        segments: [{ chunk: 1, operations: [{ ...conv, relu: false, pool: null }] }],
        outputs: [{ value: 2, buffer: 0 }],
        dead: [],
      } as const
      const plan = native.createPlan({
        device: null,
        tuned: false,
        values: [
          { shape: [1], dtype: 'float32' },
          { shape: [1, 3, 80, 80], dtype: 'float32' },
          { shape: [1, 4, 80, 80], dtype: 'float32' },
        ],
        input: 0,
        output: 2,
        outputDtype: 'float32',
        preparation: [],
        steps: [small, network],
      })
      const engine = native.createEngine(1, 'cpu')

      assert.throws(() => native.runPlansSync(engine, [plan], new Float32Array(1), new Float32Array(4 * 80 * 80)), {
        code: 'TORCH_OPERATOR',
        message: 'A step produced [1, 3, 2, 2] where the plan declares [1, 3, 80, 80]',
      })
      native.disposePlan(plan)
      native.disposeEngine(engine)
      native.disposeConvWeights(weights)
    }))

  it('refuse weights that are no float32', () =>
    scope(() =>
      assert.throws(bad({ weight: tensor([[[[1]]]], { dtype: 'float64' }) }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a float32 tensor on the CPU for weight',
      }),
    ))
})
