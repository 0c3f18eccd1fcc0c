import assert from 'node:assert/strict'

import { Flatten, scope, zeros, type Module } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** Calls of constructors with arguments that they refuse. */
const REFUSED: readonly (readonly [title: string, make: () => Module, message: string])[] = [
  ['Flatten from a fraction', () => new Flatten({ startDim: 0.5 }), 'Expected an integer for startDim, received 0.5'],
]

describe('a constructor', () => {
  for (const [title, make, message] of REFUSED) {
    inScope(`refuses ${title}`, () => {
      assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }
})

describe('Flatten', () => {
  inScope('keeps the batch by default', () => {
    assert.deepEqual(new Flatten().forward(zeros([2, 3, 4, 5])).shape, [2, 60])
    assert.deepEqual(new Flatten({ startDim: 2, endDim: 3 }).forward(zeros([2, 3, 4, 5])).shape, [2, 3, 20])
  })
})
