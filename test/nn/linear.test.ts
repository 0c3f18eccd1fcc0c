import assert from 'node:assert/strict'

import { Identity, Linear, noGrad, scope, tensor, zeros, type Module } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** Calls of constructors with arguments that they refuse. */
const REFUSED: readonly (readonly [title: string, make: () => Module, message: string])[] = [
  ['Linear without inputs', () => new Linear(0, 1), 'Expected a positive integer for inFeatures, received 0'],
  ['Linear with NaN outputs', () => new Linear(1, NaN), 'Expected a positive integer for outFeatures, received NaN'],
  [
    'Linear with true for its options, as in Python',
    () => new Linear(1, 1, true as never),
    'Expected an options object for Linear, received true; write: new Linear(1, 1, { bias: true })',
  ],
]

describe('a constructor', () => {
  for (const [title, make, message] of REFUSED) {
    inScope(`refuses ${title}`, () => {
      assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }
})

describe('Linear', () => {
  inScope('multiplies by the transposed weight and adds the bias', () => {
    const layer = new Linear(2, 2)
    const weight = tensor([
      [1, 2],
      [3, 4],
    ])
    noGrad(() => layer.weight.copy_(weight))
    noGrad(() => layer.bias?.fill_(0.5))

    assert.deepEqual(layer.forward(tensor([1, 10])).tolist(), [21.5, 43.5])
  })
})

describe('Identity', () => {
  inScope('gives its very input back', () => {
    const x = zeros([2])

    assert.equal(new Identity().forward(x), x)
  })
})
