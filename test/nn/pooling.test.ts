import assert from 'node:assert/strict'

import { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, ones, scope, tensor, zeros, type Module } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** Calls of constructors with arguments that they refuse. */
const REFUSED: readonly (readonly [title: string, make: () => Module, message: string])[] = [
  [
    'MaxPool2d with indices',
    () => new MaxPool2d(2, { returnIndices: true } as never),
    'Expected options among stride, padding, dilation, ceilMode for MaxPool2d, received "returnIndices"',
  ],
  [
    'MaxPool2d with a negative padding',
    () => new MaxPool2d(2, { padding: [0, -1] }),
    'Expected a non-negative integer, or two of them, for padding, received [0, -1]',
  ],
  [
    'AvgPool2d with stride 0',
    () => new AvgPool2d(2, { stride: 0 }),
    'Expected a positive integer, or two of them, for stride, received 0',
  ],
  [
    'AdaptiveAvgPool2d without a size',
    () => new AdaptiveAvgPool2d(undefined as never),
    'Expected a non-negative integer, null, or two of them, for outputSize, received undefined',
  ],
]

describe('a constructor', () => {
  for (const [title, make, message] of REFUSED) {
    inScope(`refuses ${title}`, () => {
      assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }
})

describe('MaxPool2d', () => {
  inScope('takes steps of its window by default, and gives the largest', () => {
    const x = tensor([
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
    ])

    assert.deepEqual(new MaxPool2d(2).forward(x).tolist(), [[[6, 8]]])
    assert.deepEqual(new MaxPool2d(2, { stride: [2, 1] }).forward(x).tolist(), [[[6, 7, 8]]])
  })

  inScope('rounds the size up with ceilMode', () => {
    assert.deepEqual(new MaxPool2d(2).forward(zeros([1, 5, 5])).shape, [1, 2, 2])
    assert.deepEqual(new MaxPool2d(2, { ceilMode: true }).forward(zeros([1, 5, 5])).shape, [1, 3, 3])
  })
})

describe('AvgPool2d', () => {
  inScope('counts the padding unless told not to', () => {
    const x = ones([1, 2, 2])

    assert.deepEqual(new AvgPool2d(2, { padding: 1 }).forward(x).toArray(), new Float32Array(4).fill(0.25))
    assert.deepEqual(
      new AvgPool2d(2, { padding: 1, countIncludePad: false }).forward(x).toArray(),
      new Float32Array(4).fill(1),
    )
    assert.deepEqual(new AvgPool2d(2, { divisorOverride: 8 }).forward(x).tolist(), [[[0.5]]])
  })
})

describe('AdaptiveAvgPool2d', () => {
  inScope('averages to its size, and keeps a size that is null', () => {
    const x = ones([2, 3, 7, 5])

    assert.deepEqual(new AdaptiveAvgPool2d(1).forward(x).toArray(), new Float32Array(6).fill(1))
    assert.deepEqual(new AdaptiveAvgPool2d([null, 2]).forward(x).shape, [2, 3, 7, 2])
    assert.deepEqual(new AdaptiveAvgPool2d(null).forward(x).shape, [2, 3, 7, 5])
  })
})
