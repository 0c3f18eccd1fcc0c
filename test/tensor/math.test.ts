import assert from 'node:assert/strict'

import { einsum, memory, scope, tensor, zeros } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

/** Calls that are refused before libtorch is asked. */
const REFUSED: readonly (readonly [title: string, call: () => unknown, message: string])[] = [
  [
    'the variance of integers',
    () => zeros([2]).long().var(),
    'Expected a tensor of floats for var, received int64 (2,)',
  ],
  [
    'an option that there is not',
    () => zeros([2]).std({ unbiased: false } as never),
    'Expected options among dim, correction, keepdim for std(), received "unbiased"',
  ],
  [
    'digits that are no integer',
    () => zeros([2]).round({ decimals: 0.5 }),
    'Expected an integer for decimals, received 0.5',
  ],
  ['a norm of text', () => zeros([2]).norm('nuc' as never), 'Expected a number for p, received "nuc"'],
  [
    'a sum along no dimension',
    () => zeros([2]).cumsum(undefined as never),
    'Expected an integer for dim, received undefined',
  ],
  ['an equation without tensors', () => einsum('i->'), 'Expected at least one tensor for einsum(), received []'],
  ['bmm() of a number', () => zeros([1, 1, 1]).bmm(2 as never), 'Expected a tensor for other, received 2'],
]

describe('TensorMath', () => {
  for (const [title, call, message] of REFUSED) {
    inScope(`refuses ${title}`, () => {
      assert.throws(call, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }

  it('leaves one tensor of argsort() alive', () => {
    const x = tensor([2, 1])
    const before = memory().tensors

    const indices = x.argsort()

    assert.equal(memory().tensors, before + 1)
    indices.dispose()
    x.dispose()
  })
})
