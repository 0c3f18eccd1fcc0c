import assert from 'node:assert/strict'

import { Dropout, ones, scope, type Module } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** Calls of constructors with arguments that they refuse. */
const REFUSED: readonly (readonly [title: string, make: () => Module, message: string])[] = [
  ['Dropout of all and more', () => new Dropout({ p: 1.1 }), 'Expected a number from 0 to 1 for p, received 1.1'],
]

describe('a constructor', () => {
  for (const [title, make, message] of REFUSED) {
    inScope(`refuses ${title}`, () => {
      assert.throws(make, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }
})

describe('Dropout', () => {
  inScope('gives its very input back in evaluation mode', () => {
    const x = ones([8])

    assert.equal(new Dropout().eval().forward(x), x)
  })
})
