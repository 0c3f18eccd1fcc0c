import assert from 'node:assert/strict'

import { scope, where, zeros } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** Calls that are refused before libtorch is asked. */
const REFUSED: readonly (readonly [title: string, call: () => unknown, message: string])[] = [
  [
    'T of three dimensions',
    () => zeros([1, 2, 3]).T,
    'Expected a tensor of at most two dimensions for T, received float32 (1, 2, 3); write: x.permute(...)',
  ],
  ['mT of a vector', () => zeros([3]).mT, 'Expected a tensor of at least two dimensions for mT, received float32 (3,)'],
  [
    'a mask of numbers',
    () => zeros([2]).maskedFill(zeros([2]), 1),
    'Expected a tensor of booleans for mask, received float32 (2,)',
  ],
  [
    'a filling of text',
    () => zeros([2]).maskedFill(zeros([2]).bool(), 'x' as never),
    'Expected a tensor, a number or a boolean for value, received "x"',
  ],
  [
    'a condition of numbers',
    () => where(zeros([2]), 1, 2),
    'Expected a tensor of booleans for condition, received float32 (2,)',
  ],
  [
    'an index of floats',
    () => zeros([2]).gather(0, zeros([2])),
    'Expected a tensor of int64 for index, received float32 (2,)',
  ],
  [
    'a reduction of scatter that there is not',
    () => zeros([2]).scatter(0, zeros([2]).long(), 1, { reduce: 'sum' as never }),
    "Expected 'add' or 'multiply' for reduce, received \"sum\"",
  ],
  [
    'fewer repeats than dimensions',
    () => zeros([2, 2]).repeat(2),
    'Expected at least 2 sizes, one for each dimension, for sizes, received [2]',
  ],
  [
    'shifts of fractions',
    () => zeros([2]).roll(0.5),
    'Expected an integer or an array of integers for shifts, received 0.5',
  ],
]

describe('TensorIndexing', () => {
  for (const [title, call, message] of REFUSED) {
    inScope(`refuses ${title}`, () => {
      assert.throws(call, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }

  inScope('gives views that show what is written into the tensor', () => {
    const x = zeros([2, 3])
    const [first] = x.unbind()
    const turned = x.T

    x.fill_(1)

    assert.deepEqual(
      [first?.tolist(), turned.shape],
      [
        [1, 1, 1],
        [3, 2],
      ],
    )
    assert.equal(turned.select(0, 2).tolist()?.toString(), '1,1')
  })
})
