import assert from 'node:assert/strict'

import { BatchNorm1d, BatchNorm2d, noGrad, ones, randn, scope, tensor, zeros, type BatchNormOptions } from 'napi-torch'

describe('BatchNorm2d', () => {
  const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

  const refused: readonly (readonly [string, number, BatchNormOptions, string])[] = [
    ['no channels', 0, {}, 'Expected a positive integer for numFeatures, received 0'],
    ['an eps that is not a number', 1, { eps: NaN }, 'Expected a number for eps, received NaN'],
    [
      'a momentum that is a word',
      1,
      { momentum: 'none' as unknown as null },
      'Expected a number for momentum, received "none"',
    ],
    [
      'an unknown option',
      1,
      { track: true } as BatchNormOptions,
      'Expected options among eps, momentum, affine, trackRunningStats, device, dtype, bias for BatchNorm2d, received "track" (did you mean trackRunningStats?)',
    ],
  ]
  for (const [title, numFeatures, options, message] of refused) {
    inScope(`refuses ${title}`, () => {
      assert.throws(() => new BatchNorm2d(numFeatures, options), { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }

  const keys: readonly (readonly [string, BatchNormOptions, string[]])[] = [
    ['by default', {}, ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']],
    ['without bias', { bias: false }, ['weight', 'running_mean', 'running_var', 'num_batches_tracked']],
    ['without affine', { affine: false }, ['running_mean', 'running_var', 'num_batches_tracked']],
    ['without running statistics', { trackRunningStats: false }, ['weight', 'bias']],
  ]
  for (const [title, options, expected] of keys) {
    inScope(`holds ${expected.join(', ')} ${title}`, () => {
      assert.deepEqual([...new BatchNorm2d(2, options).stateDict().keys()], expected)
    })
  }

  inScope('counts batches in int64, in whatever dtype the rest is', () => {
    const layer = new BatchNorm2d(2, { dtype: 'float64' })

    assert.equal(layer.buffer('num_batches_tracked').dtype, 'int64')
    assert.deepEqual(
      [layer.weight?.dtype, layer.buffer('running_mean').dtype, layer.buffer('running_var').dtype],
      ['float64', 'float64', 'float64'],
    )
  })

  describe('forward()', () => {
    inScope('normalizes to mean 0 and variance 1 in training mode', () => {
      const y = new BatchNorm2d(1).forward(randn([8, 1, 16, 16]).mul(3).add(5))

      assert.ok(Math.abs(y.mean().item() as number) < 1e-5)
      assert.ok(Math.abs((y.mul(y).mean().item() as number) - 1) < 1e-4)
    })

    inScope('moves the running statistics by the momentum, with the unbiased variance', () => {
      const layer = new BatchNorm2d(1, { momentum: 0.5 })
      layer.forward(tensor([[[[1, 3]]]]))

      assert.deepEqual(layer.buffer('running_mean').tolist(), [1])
      assert.deepEqual(layer.buffer('running_var').tolist(), [1.5])
      assert.equal(layer.buffer('num_batches_tracked').item(), 1n)
    })

    inScope('averages all batches alike without a momentum', () => {
      const layer = new BatchNorm2d(1, { momentum: null })
      for (const value of [1, 2, 6]) layer.forward(tensor([[[[value, value + 2]]]]))

      assert.deepEqual(layer.buffer('running_mean').tolist(), [4])
    })

    inScope('changes nothing in evaluation mode', () => {
      const layer = new BatchNorm2d(1, { eps: 0 }).eval()
      const y = layer.forward(ones([1, 1, 2, 2]))

      assert.deepEqual(y.toArray(), new Float32Array(4).fill(1))
      assert.equal(layer.buffer('num_batches_tracked').item(), 0n)
    })

    inScope('normalizes by the batch in evaluation mode if it keeps no running statistics', () => {
      const layer = new BatchNorm2d(1, { trackRunningStats: false, eps: 1e-12 }).eval()

      assert.deepEqual(layer.forward(tensor([[[[1, 3]]]])).tolist(), [[[[-1, 1]]]])
    })

    inScope('refuses an input that is not (N, C, H, W)', () => {
      assert.throws(() => new BatchNorm2d(3).forward(zeros([2, 3])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a tensor (N, C, H, W) for input, received float32 (2, 3)',
      })
    })

    inScope('counts no batch that it refuses', () => {
      const layer = new BatchNorm2d(3)

      assert.throws(() => layer.forward(zeros([2, 4, 1, 1])), {
        message: 'Expected a tensor (N, 3, ...) for input, received float32 (2, 4, 1, 1)',
      })
      assert.equal(layer.buffer('num_batches_tracked').item(), 0n)
    })
  })

  describe('resetRunningStats() and resetParameters()', () => {
    inScope('begin anew', () => {
      const layer = new BatchNorm2d(1)
      layer.forward(tensor([[[[1, 3]]]]))
      noGrad(() => layer.weight?.fill_(4))

      layer.resetRunningStats()
      assert.deepEqual(layer.weight?.tolist(), [4])
      assert.deepEqual(layer.buffer('running_mean').tolist(), [0])
      assert.deepEqual(layer.buffer('running_var').tolist(), [1])
      assert.equal(layer.buffer('num_batches_tracked').item(), 0n)

      layer.resetParameters()
      assert.deepEqual(layer.weight?.tolist(), [1])
    })
  })
})

describe('BatchNorm1d', () => {
  const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

  inScope('normalizes vectors (N, C)', () => {
    const layer = new BatchNorm1d(2, { eps: 1e-12 })

    assert.deepEqual(
      layer
        .forward(
          tensor([
            [1, 10],
            [3, 30],
          ]),
        )
        .tolist(),
      [
        [-1, -1],
        [1, 1],
      ],
    )
    assert.equal(layer.buffer('num_batches_tracked').item(), 1n)
  })

  inScope('normalizes sequences (N, C, L)', () => {
    assert.deepEqual(new BatchNorm1d(1, { eps: 1e-12 }).forward(tensor([[[1, 3]], [[3, 1]]])).tolist(), [
      [[-1, 1]],
      [[1, -1]],
    ])
  })

  for (const shape of [[3], [2, 3, 4, 4]]) {
    inScope(`refuses an input (${shape.join(', ')})`, () => {
      assert.throws(() => new BatchNorm1d(3).forward(zeros(shape)), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: /^Expected a tensor \(N, C\) or \(N, C, L\) for input, received float32 /,
      })
    })
  }

  inScope('names itself where it refuses an option', () => {
    assert.throws(() => new BatchNorm1d(3, { track: true } as BatchNormOptions), {
      message: /for BatchNorm1d, received "track" \(did you mean trackRunningStats\?\)$/,
    })
  })
})
