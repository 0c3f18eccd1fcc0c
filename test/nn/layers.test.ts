import assert from 'node:assert/strict'

import {
  AdaptiveAvgPool2d,
  AvgPool2d,
  Dropout,
  Flatten,
  Identity,
  Linear,
  MaxPool2d,
  ones,
  ReLU,
  scope,
  Softmax,
  tensor,
  zeros,
  type Module,
} from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** The constructors of the small layers with arguments that they refuse. */
const REFUSED: readonly (readonly [title: string, make: () => Module, message: string])[] = [
  ['Linear without inputs', () => new Linear(0, 1), 'Expected a positive integer for inFeatures, received 0'],
  ['Linear with NaN outputs', () => new Linear(1, NaN), 'Expected a positive integer for outFeatures, received NaN'],
  [
    'Linear with true for its options, as in Python',
    () => new Linear(1, 1, true as never),
    'Expected an options object for Linear, received true',
  ],
  [
    'ReLU with an unknown option',
    () => new ReLU({ inPlace: true } as never),
    'Expected options among inplace for ReLU, received "inPlace"',
  ],
  [
    'Softmax without a dimension',
    () => new Softmax(undefined as never),
    'Expected an integer for dim, received undefined',
  ],
  ['Flatten from a fraction', () => new Flatten({ startDim: 0.5 }), 'Expected an integer for startDim, received 0.5'],
  ['Dropout of all and more', () => new Dropout({ p: 1.1 }), 'Expected a number from 0 to 1 for p, received 1.1'],
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

describe('the constructors of layers', () => {
  for (const [title, make, message] of REFUSED) {
    inScope(`refuse ${title}`, () => {
      assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }
})

describe('Linear', () => {
  inScope('multiplies by the transposed weight and adds the bias', () => {
    const layer = new Linear(2, 2)
    layer.weight.copy_(
      tensor([
        [1, 2],
        [3, 4],
      ]),
    )
    layer.bias?.fill_(0.5)

    assert.deepEqual(layer.forward(tensor([1, 10])).tolist(), [21.5, 43.5])
  })
})

describe('Identity', () => {
  inScope('gives its very input back', () => {
    const x = zeros([2])

    assert.equal(new Identity().forward(x), x)
  })
})

describe('ReLU', () => {
  inScope('changes its input only if inplace', () => {
    const x = tensor([-1, 1])

    assert.notEqual(new ReLU().forward(x), x)
    assert.deepEqual(x.tolist(), [-1, 1])
    assert.equal(new ReLU({ inplace: true }).forward(x), x)
    assert.deepEqual(x.tolist(), [0, 1])
  })
})

describe('Softmax', () => {
  inScope('sums to 1 along its dimension', () => {
    assert.deepEqual(new Softmax(0).forward(zeros([4, 2])).tolist(), Array(4).fill([0.25, 0.25]))
  })
})

describe('Dropout', () => {
  inScope('gives its very input back in evaluation mode', () => {
    const x = ones([8])

    assert.equal(new Dropout().eval().forward(x), x)
  })
})

describe('Flatten', () => {
  inScope('keeps the batch by default', () => {
    assert.deepEqual(new Flatten().forward(zeros([2, 3, 4, 5])).shape, [2, 60])
    assert.deepEqual(new Flatten({ startDim: 2, endDim: 3 }).forward(zeros([2, 3, 4, 5])).shape, [2, 3, 20])
  })
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
