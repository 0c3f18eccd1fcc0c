import assert from 'node:assert/strict'

import { scope, tensor } from 'napi-torch'

import { differenceOf, NotOffered } from '../../../scripts/parity/compare.js'
import { callOperator } from '../../../scripts/parity/operators.js'

describe('callOperator()', () => {
  it('takes arguments by position and by name, as PyTorch does', () =>
    scope(() => {
      const x = tensor([
        [1, 2],
        [3, 5],
      ])

      const results = [
        callOperator('sum', x, [1], { keepdim: true }),
        callOperator('clamp', x, [], { max: 2 }),
        callOperator('permute', x, [1, 0], {}),
      ]

      assert.deepEqual(
        results.map(([result]) => result?.tolist()),
        [
          [[3], [8]],
          [
            [1, 2],
            [2, 2],
          ],
          [
            [1, 3],
            [2, 5],
          ],
        ],
      )
    }))

  for (const [what, name, args, kwargs] of [
    ['an operator that is not offered', 'cumprod', [0], {}],
    ['an argument that is not offered', 'sum', [], { out: null }],
    ['more arguments than an operator has', 'neg', [1], {}],
  ] as const) {
    it(`says that ${what} is not offered`, () =>
      scope(() => {
        assert.throws(() => callOperator(name, tensor([1]), args, kwargs), NotOffered)
      }))
  }
})

describe('differenceOf()', () => {
  it('finds another dtype, shape and element, and none in what is rounded otherwise', () =>
    scope(() => {
      const wanted = [tensor([1, NaN])]
      const others = [tensor([1, NaN]), tensor([1.000001, NaN]), tensor([1.1, NaN]), tensor([1, 2]), tensor([[1, NaN]])]

      const found = others.map((other) => differenceOf([other], wanted) === null)

      assert.deepEqual(found, [true, true, false, false, false])
      assert.equal(
        differenceOf([tensor([1, 2], { dtype: 'int64' })], [tensor([1, 2])]),
        'int64 (2), wanted float32 (2)',
      )
    }))
})
