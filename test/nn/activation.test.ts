import assert from 'node:assert/strict'

import { ReLU, scope, Softmax, tensor, zeros, type Module } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** Calls of constructors with arguments that they refuse. */
const REFUSED: readonly (readonly [title: string, make: () => Module, message: string])[] = [
  [
    'ReLU with an unknown option',
    () => new ReLU({ inPlace: true } as never),
    'Expected options among inplace for ReLU, received "inPlace" (did you mean inplace?)',
  ],
  [
    'Softmax without a dimension',
    () => new Softmax(undefined as never),
    'Expected an integer for dim, received undefined',
  ],
]

describe('a constructor', () => {
  for (const [title, make, message] of REFUSED) {
    inScope(`refuses ${title}`, () => {
      assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }
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
