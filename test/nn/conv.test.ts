import assert from 'node:assert/strict'

import { Conv2d, manualSeed, noGrad, ones, randn, scope, zeros, type Conv2dOptions, type Size2d } from 'napi-torch'

import { assertClose, assertTensorEqual } from '../support/numeric.js'

describe('Conv2d', () => {
  const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

  const refused: readonly (readonly [string, [number, number, Size2d, Conv2dOptions?], string])[] = [
    ['no channels', [0, 1, 1], 'Expected a positive integer for inChannels, received 0'],
    ['half a channel', [1, 1.5, 1], 'Expected a positive integer for outChannels, received 1.5'],
    ['a kernel without size', [1, 1, 0], 'Expected a positive integer, or two of them, for kernelSize, received 0'],
    [
      'inputs that do not part into groups',
      [3, 4, 1, { groups: 2 }],
      'Expected a multiple of groups (2) for inChannels, received 3',
    ],
    [
      'outputs that do not part into groups',
      [4, 3, 1, { groups: 2 }],
      'Expected a multiple of groups (2) for outChannels, received 3',
    ],
    [
      'to keep the size with a stride',
      [1, 1, 3, { padding: 'same', stride: 2 }],
      "padding='same' is not supported for strided convolutions",
    ],
    [
      'an unknown mode of padding',
      [1, 1, 1, { paddingMode: 'mirror' as 'reflect' }],
      "Expected one of 'zeros', 'reflect', 'replicate', 'circular' for paddingMode, received \"mirror\"",
    ],
    [
      'an unknown option',
      [1, 1, 1, { kernel: 3 } as Conv2dOptions],
      'Expected options among stride, padding, dilation, groups, bias, paddingMode, device, dtype for Conv2d, received "kernel"',
    ],
    [
      'a bias that is no boolean',
      [1, 1, 1, { bias: 1 as unknown as boolean }],
      'Expected a boolean for bias, received 1',
    ],
    [
      'a dtype of integers',
      [1, 1, 1, { dtype: 'int64' }],
      'Only Tensors of floating point and complex dtype can require gradients',
    ],
  ]
  for (const [title, args, message] of refused) {
    inScope(`refuses ${title}`, () => {
      assert.throws(() => new Conv2d(...args), { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }

  inScope('makes its parameters of the given dtype, in the shapes of PyTorch', () => {
    const layer = new Conv2d(4, 6, [3, 2], { groups: 2, dtype: 'float64' })

    assert.deepEqual([layer.weight.shape, layer.weight.dtype], [[6, 2, 3, 2], 'float64'])
    assert.deepEqual([layer.bias?.shape, layer.bias?.dtype], [[6], 'float64'])
  })

  inScope('begins within 1 / √fan', () => {
    const { weight, bias } = new Conv2d(4, 64, 3)
    const bound = 1 / Math.sqrt(36)

    assert.ok((weight.abs().max().item() as number) <= bound)
    assert.ok(((bias?.abs().max().item() as number | undefined) ?? 1) <= bound)
  })

  describe('forward()', () => {
    inScope('sums the window', () => {
      const layer = new Conv2d(1, 1, 2, { bias: false })
      noGrad(() => layer.weight.fill_(1))

      assert.deepEqual(layer.forward(ones([1, 3, 3])).tolist(), [
        [
          [4, 4],
          [4, 4],
        ],
      ])
    })

    inScope('gives the same on a channels-last image and with a channels-last kernel', () => {
      const layer = new Conv2d(3, 8, 3)
      const x = randn([2, 3, 8, 8])
      const expected = layer.forward(x)

      layer.to({ memoryFormat: 'channels_last' })

      assertClose(layer.forward(x.contiguous({ memoryFormat: 'channels_last' })), expected, { atol: 1e-5 })
    })

    inScope('refuses a matrix', () => {
      assert.throws(() => new Conv2d(1, 1, 1).forward(zeros([2, 3])), {
        message: 'Expected a tensor (N, C, H, W) or (C, H, W) for input, received float32 (2, 3)',
      })
    })
  })

  describe('resetParameters()', () => {
    inScope('draws the same numbers whatever the layout', () => {
      const layer = new Conv2d(3, 8, 3)
      manualSeed(5)
      layer.resetParameters()
      const expected = layer.weight.clone()

      layer.to({ memoryFormat: 'channels_last' })
      manualSeed(5)
      layer.resetParameters()

      assertTensorEqual(layer.weight, expected)
    })
  })
})
