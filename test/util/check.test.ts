import assert from 'node:assert/strict'

import { tensor } from 'napi-torch'

import { checkOptionNames, describe as describeValue, describeShape, expected, quote } from '../../lib/util/check.js'

describe('check', () => {
  describe('describe()', () => {
    class Custom {
      readonly field = 1
    }
    const endless: unknown[] = []
    endless.push(endless)
    const CASES: readonly (readonly [what: string, value: unknown, text: string])[] = [
      ['a string', 'a "text"', '"a \\"text\\""'],
      ['a long string', 'x'.repeat(100), `"${'x'.repeat(58)}…`],
      ['a number', -0.5, '-0.5'],
      ['NaN', NaN, 'NaN'],
      ['a bigint', 7n, '7n'],
      ['undefined', undefined, 'undefined'],
      ['null', null, 'null'],
      ['a symbol', Symbol('name'), 'Symbol(name)'],
      ['a function', Math.max, 'function max'],
      [
        'a function without a name',
        (
          () => () =>
            1
        )(),
        'a function',
      ],
      ['an array', [1, 'two', [3n]], '[1, "two", [3n]]'],
      [
        'a long array',
        Array.from({ length: 1000 }, (_, i) => i),
        '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, …',
      ],
      ['an array that contains itself', endless, '[[[[[[[[[…]]]]]]]]]'],
      ['a typed array', new Float32Array(3), 'Float32Array of 3 elements'],
      ['an object', { secret: 'value' }, 'an object'],
      ['an object without a prototype', Object.create(null), 'an object'],
      ['an instance of a class', new Custom(), 'an instance of Custom'],
    ]
    for (const [what, value, text] of CASES) {
      it(`prints ${what} as ${text}`, () => {
        assert.equal(describeValue(value), text)
      })
    }

    it('prints a tensor by its dtype and shape', () => {
      using value = tensor([[1, 2, 3]])

      assert.equal(describeValue(value), 'float32 (1, 3)')
    })
  })

  it('describes long texts and integers without printing the whole', () => {
    assert.equal(describeValue('\ud800'.repeat(1e8)).length, 60)
    assert.equal(describeValue(1n << 8191n), 'an integer of 8192 bits')
  })

  describe('quote()', () => {
    it('keeps 200 characters of a name, and quotes what would break a line', () => {
      assert.deepEqual(
        [quote('layer1.0.conv1.weight'), quote('a\nb'), quote('x'.repeat(201))],
        ['"layer1.0.conv1.weight"', '"a\\nb"', `"${'x'.repeat(199)}…"`],
      )
    })
  })

  describe('describeShape()', () => {
    it('prints a shape as PyTorch does', () => {
      assert.deepEqual([[2, 3], [4], []].map(describeShape), ['(2, 3)', '(4,)', '()'])
    })
  })

  describe('expected()', () => {
    it('says what, where and what came instead', () => {
      const error = expected('a positive integer', 'numFeatures', 0)

      assert.deepEqual(
        [error.code, error.message],
        ['TORCH_INVALID_ARGUMENT', 'Expected a positive integer for numFeatures, received 0'],
      )
    })
  })

  describe('checkOptionNames()', () => {
    for (const [options, known, message] of [
      [
        { sise: 1 },
        ['size', 'dim'],
        'Expected options among size, dim for resize(), received "sise" (did you mean size?)',
      ],
      [{ size: 1 }, [], 'Expected no options for resize(), received "size"'],
      [null, ['size'], 'Expected an options object for resize(), received null'],
      [[1], ['size'], 'Expected an options object for resize(), received [1]'],
      [5, ['size'], 'Expected an options object for resize(), received 5'],
    ] as const) {
      it(`refuses ${describeValue(options)} where ${known.length === 0 ? 'nothing' : known.join(', ')} is known`, () => {
        assert.throws(() => checkOptionNames('resize()', options, known), { code: 'TORCH_INVALID_ARGUMENT', message })
      })
    }

    it('takes options that it knows', () => {
      assert.doesNotThrow(() => checkOptionNames('resize()', { size: 1 }, ['size', 'dim']))
    })
  })
})
