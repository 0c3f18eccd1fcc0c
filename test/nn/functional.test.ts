import assert from 'node:assert/strict'

import { functional as F, ones, randn, scope, tensor, zeros, type Tensor } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** Each operator on images or vectors, with an input that is right but for what the test is about. */
const OPERATORS: readonly {
  readonly name: string
  readonly run: (input: Tensor) => Tensor
  readonly images?: boolean
  readonly floats?: boolean
}[] = [
  { name: 'conv2d', run: (x) => F.conv2d(x, ones([2, 3, 1, 1])), images: true },
  { name: 'batchNorm', run: (x) => F.batchNorm(x, zeros([3]), ones([3])), floats: true },
  { name: 'linear', run: (x) => F.linear(x, ones([2, 4])) },
  { name: 'relu', run: (x) => F.relu(x) },
  { name: 'relu_', run: (x) => F.relu_(x) },
  { name: 'maxPool2d', run: (x) => F.maxPool2d(x, 2), images: true },
  { name: 'avgPool2d', run: (x) => F.avgPool2d(x, 2), images: true, floats: true },
  { name: 'adaptiveAvgPool2d', run: (x) => F.adaptiveAvgPool2d(x, 1), images: true, floats: true },
  { name: 'softmax', run: (x) => F.softmax(x, 1), floats: true },
  { name: 'logSoftmax', run: (x) => F.logSoftmax(x, 1), floats: true },
  { name: 'dropout', run: (x) => F.dropout(x), floats: true },
  { name: 'pad', run: (x) => F.pad(x, [1, 1]) },
]

describe('functional', () => {
  for (const { name, run, images = false, floats = false } of OPERATORS) {
    describe(`${name}()`, () => {
      inScope('makes one tensor of (2, 3, 4, 4) and leaves its input alive', () => {
        const input = randn([2, 3, 4, 4])

        assert.equal(run(input).ndim, 4)
        assert.equal(input.isDisposed, false)
      })

      inScope('refuses what is no tensor', () => {
        assert.throws(() => run([1] as unknown as Tensor), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: 'Expected a tensor for input, received [1]',
        })
      })

      inScope('refuses a disposed tensor', () => {
        const input = randn([2, 3, 4, 4])
        input.dispose()

        assert.throws(() => run(input), { code: 'TORCH_DISPOSED' })
      })

      if (images) {
        inScope('refuses an input that is no image', () => {
          assert.throws(() => run(zeros([2, 3])), {
            code: 'TORCH_INVALID_ARGUMENT',
            message: 'Expected a tensor (N, C, H, W) or (C, H, W) for input, received float32 (2, 3)',
          })
        })

        inScope('takes one image without a batch', () => {
          assert.equal(run(randn([3, 4, 4])).ndim, 3)
        })
      }

      if (floats) {
        inScope('refuses integers', () => {
          assert.throws(() => run(zeros([2, 3, 4, 4], { dtype: 'uint8' })), {
            code: 'TORCH_INVALID_ARGUMENT',
            message: 'Expected a tensor of floats for input, received uint8 (2, 3, 4, 4)',
          })
        })
      }
    })
  }

  const refused: readonly (readonly [title: string, run: () => unknown, message: string])[] = [
    [
      'conv2d() names both channel counts',
      () => F.conv2d(zeros([1, 4, 8, 8]), zeros([6, 3, 3, 3])),
      'Given groups=1, weight of size [6, 3, 3, 3], expected input[1, 4, 8, 8] to have 3 channels, but got 4 channels instead',
    ],
    [
      'conv2d() counts channels in groups',
      () => F.conv2d(zeros([3, 8, 8]), zeros([6, 3, 3, 3]), { groups: 2 }),
      'Given groups=2, weight of size [6, 3, 3, 3], expected input[3, 8, 8] to have 6 channels, but got 3 channels instead',
    ],
    [
      'conv2d() refuses a weight whose outputs do not part into groups',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3, 3]), { groups: 2 }),
      'Expected a multiple of groups (2) as the first size for weight, received float32 (5, 3, 3, 3)',
    ],
    [
      'conv2d() refuses a weight of another rank',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3])),
      'Expected a tensor (O, C / groups, kH, kW) for weight, received float32 (5, 3, 3)',
    ],
    [
      'conv2d() refuses a bias of another length',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3, 3]), { bias: zeros([4]) }),
      'Expected a tensor (5,) for bias, received float32 (4,)',
    ],
    [
      'conv2d() refuses bytes where the weight is of floats',
      () => F.conv2d(zeros([3, 8, 8], { dtype: 'uint8' }), zeros([5, 3, 3, 3])),
      'Expected a float32 tensor, as weight is one, for input, received uint8 (3, 8, 8)',
    ],
    [
      'conv2d() refuses a bias of another dtype',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3, 3]), { bias: zeros([5], { dtype: 'float64' }) }),
      'Expected a float32 tensor, as weight is one, for bias, received float64 (5,)',
    ],
    [
      'conv2d() refuses to keep the size with a stride',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3, 3]), { padding: 'same', stride: [1, 2] }),
      "padding='same' is not supported for strided convolutions",
    ],
    [
      'conv2d() refuses another word for padding',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3, 3]), { padding: 'full' as 'same' }),
      "Expected one of 'same', 'valid' for padding, received \"full\"",
    ],
    [
      'conv2d() refuses three strides',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3, 3]), { stride: [1, 1, 1] as unknown as [number, number] }),
      'Expected a positive integer, or two of them, for stride, received [1, 1, 1]',
    ],
    [
      'conv2d() refuses a negative padding',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3, 3]), { padding: -1 }),
      'Expected a non-negative integer, or two of them, for padding, received -1',
    ],
    [
      'conv2d() refuses an unknown option',
      () => F.conv2d(zeros([3, 8, 8]), zeros([5, 3, 3, 3]), { strides: 2 } as never),
      'Expected options among bias, stride, padding, dilation, groups for conv2d(), received "strides" (did you mean stride?)',
    ],
    [
      'batchNorm() names the channels that it can normalize',
      () => F.batchNorm(zeros([1, 4, 2, 2]), zeros([3]), ones([3])),
      'Expected a tensor (N, 3, ...) for input, received float32 (1, 4, 2, 2)',
    ],
    [
      'batchNorm() refuses a matrix for a statistic',
      () => F.batchNorm(zeros([1, 3, 2, 2]), zeros([3, 1]), ones([3])),
      'Expected a tensor (C,) for runningMean, received float32 (3, 1)',
    ],
    [
      'batchNorm() refuses a float64 input with float32 statistics',
      () => F.batchNorm(zeros([1, 3, 2, 2], { dtype: 'float64' }), zeros([3]), ones([3])),
      'Expected a float32 tensor, as runningMean is one, for input, received float64 (1, 3, 2, 2)',
    ],
    [
      'batchNorm() refuses to train on one value per channel',
      () => F.batchNorm(zeros([1, 3, 1, 1]), null, null, { training: true }),
      'Expected more than 1 value per channel when training, got input size torch.Size([1, 3, 1, 1])',
    ],
    [
      'batchNorm() needs statistics outside training',
      () => F.batchNorm(zeros([1, 3, 1, 1]), null, null),
      'Expected running statistics, or training, for runningMean and runningVar, received null',
    ],
    [
      'batchNorm() refuses to train without eps',
      () => F.batchNorm(zeros([2, 3, 1, 1]), null, null, { training: true, eps: 0 }),
      'Expected a positive number for eps, received 0',
    ],
    [
      'batchNorm() refuses a momentum that is not a number',
      () => F.batchNorm(zeros([2, 3, 1, 1]), zeros([3]), ones([3]), { momentum: NaN }),
      'Expected a number for momentum, received NaN',
    ],
    [
      'linear() names the size that it takes',
      () => F.linear(zeros([2, 5]), zeros([3, 4])),
      'Expected a tensor (..., 4) for input, received float32 (2, 5)',
    ],
    [
      'linear() refuses a scalar',
      () => F.linear(zeros([]), zeros([3, 4])),
      'Expected a tensor (..., 4) for input, received float32 ()',
    ],
    [
      'linear() refuses halves where the weight is float32',
      () => F.linear(zeros([2, 4], { dtype: 'float16' }), zeros([3, 4])),
      'Expected a float32 tensor, as weight is one, for input, received float16 (2, 4)',
    ],
    [
      'maxPool2d() refuses a window without size',
      () => F.maxPool2d(zeros([1, 4, 4]), [2, 0]),
      'Expected a positive integer, or two of them, for kernelSize, received [2, 0]',
    ],
    [
      'avgPool2d() refuses the divisor 0',
      () => F.avgPool2d(zeros([1, 4, 4]), 2, { divisorOverride: 0 }),
      'Expected a positive integer for divisorOverride, received 0',
    ],
    [
      'adaptiveAvgPool2d() refuses a size that is no integer',
      () => F.adaptiveAvgPool2d(zeros([1, 4, 4]), [1.5, 1]),
      'Expected a non-negative integer, null, or two of them, for outputSize, received [1.5, 1]',
    ],
    [
      'softmax() names the dimensions that there are',
      () => F.softmax(zeros([2, 3]), 2),
      'Expected a dimension from -2 to 1 for dim, received 2',
    ],
    [
      'dropout() refuses a probability above 1',
      () => F.dropout(zeros([1]), { p: 1.5 }),
      'Expected a number from 0 to 1 for p, received 1.5',
    ],
    [
      'pad() refuses half a pair',
      () => F.pad(zeros([2, 3]), [1, 1, 1]),
      'Expected up to 2 pairs of integers in one array for pad, received [1, 1, 1]',
    ],
    [
      'pad() refuses more pairs than dimensions',
      () => F.pad(zeros([2]), [1, 1, 1, 1]),
      'Expected up to 1 pairs of integers in one array for pad, received [1, 1, 1, 1]',
    ],
    [
      'pad() refuses a value that would not be used',
      () => F.pad(zeros([1, 4, 4]), [1, 1], { mode: 'reflect', value: 2 }),
      "Expected no value with mode 'reflect' for value, received 2",
    ],
  ]
  describe('refuses', () => {
    for (const [title, run, message] of refused) {
      inScope(title, () => {
        assert.throws(run, { code: 'TORCH_INVALID_ARGUMENT', message })
      })
    }

    inScope('a kernel that is larger than the image, in PyTorch’s words', () => {
      assert.throws(() => F.conv2d(zeros([1, 2, 2]), zeros([1, 1, 3, 3])), {
        code: 'TORCH_OPERATOR',
        message: /Kernel size can't be greater than actual input size/,
      })
    })

    inScope('a padding of more than half of the window, in PyTorch’s words', () => {
      assert.throws(() => F.maxPool2d(zeros([1, 4, 4]), 2, { padding: 2 }), {
        code: 'TORCH_OPERATOR',
        message: /pad should be at most half of effective kernel size/,
      })
    })
  })

  describe('relu()', () => {
    inScope('works in place on request and gives its input back', () => {
      const x = tensor([-1, 2])

      assert.equal(F.relu(x, { inplace: true }), x)
      assert.deepEqual(x.tolist(), [0, 2])
    })
  })

  describe('dropout()', () => {
    inScope('gives its input back outside training', () => {
      const x = ones([4])

      assert.equal(F.dropout(x, { training: false }), x)
    })

    inScope('drops all with probability 1 and none with probability 0', () => {
      assert.deepEqual(F.dropout(ones([3]), { p: 1 }).tolist(), [0, 0, 0])
      assert.deepEqual(F.dropout(ones([3]), { p: 0 }).tolist(), [1, 1, 1])
    })

    inScope('scales what is left, so that the mean of 100,000 ones stays within 0.02 of 1', () => {
      const x = ones([100_000])
      const y = F.dropout(x, { p: 0.2, inplace: true })

      assert.equal(y, x)
      assert.deepEqual([...new Set(y.toArray())].sort(), [0, 1.25])
      assert.ok(Math.abs(y.mean().item() as number) - 1 < 0.02)
    })
  })

  describe('batchNorm()', () => {
    inScope('takes halves with float32 statistics', () => {
      const y = F.batchNorm(ones([1, 2, 2, 2], { dtype: 'bfloat16' }), zeros([2]), ones([2]), { eps: 0 })

      assert.equal(y.dtype, 'bfloat16')
      assert.deepEqual(y.toFloat32Array(), new Float32Array(8).fill(1))
    })
  })

  describe('avgPool2d()', () => {
    inScope('averages int64, rounded towards 0 as PyTorch does', () => {
      const y = F.avgPool2d(
        tensor(
          [
            [
              [-16, -15],
              [-12, -11],
            ],
          ],
          { dtype: 'int64' },
        ),
        2,
      )

      assert.deepEqual([y.dtype, y.tolist()], ['int64', [[[-13n]]]])
    })
  })

  describe('pad()', () => {
    const row = (): Tensor => tensor([[[1, 2, 3]]])
    inScope('fills with a value and takes away where negative', () => {
      assert.deepEqual(F.pad(row(), [1, -1], { value: 9 }).tolist(), [[[9, 1, 2]]])
    })

    inScope('fills with NaN', () => {
      assert.deepEqual(F.pad(row(), [1, 0], { value: NaN }).tolist(), [[[NaN, 1, 2, 3]]])
    })

    const modes = { reflect: [3, 2, 1, 2, 3, 2], replicate: [1, 1, 1, 2, 3, 3], circular: [2, 3, 1, 2, 3, 1] } as const
    for (const [mode, expected] of Object.entries(modes)) {
      inScope(`fills in mode ${mode}`, () => {
        assert.deepEqual(F.pad(row(), [2, 1], { mode: mode as keyof typeof modes }).tolist(), [[[...expected]]])
      })
    }
  })

  describe('softmax() and logSoftmax()', () => {
    inScope('convert first where a dtype is given', () => {
      const x = zeros([2, 4], { dtype: 'int32' })

      assert.deepEqual(F.softmax(x, -1, { dtype: 'float64' }).toArray(), new Float64Array(8).fill(0.25))
      assert.equal(F.logSoftmax(x, 0, { dtype: 'float32' }).dtype, 'float32')
    })
  })
})
