import assert from 'node:assert/strict'

import { Signature, type NoOptions } from '../../lib/util/signature.js'

const code = 'TORCH_INVALID_ARGUMENT'

interface Options {
  readonly dim?: number | readonly number[] | undefined
  readonly stride?: number | undefined
  readonly padding?: number | undefined
  readonly dtype?: string | undefined
}

const POOL = new Signature<Options>('pool', ['input', 'size'], {
  dim: 'position',
  stride: 'name',
  padding: 'name',
  dtype: 'keyword',
})

class Settings {
  readonly stride: number = 2
}

describe('Signature', () => {
  describe('read()', () => {
    const taken: readonly [title: string, given: readonly unknown[], options: object][] = [
      ['nothing', [], {}],
      ['undefined', [undefined, undefined], {}],
      ['options alone', [{ dim: 1, stride: 2 }], { dim: 1, stride: 2 }],
      ['what is taken by position', [1], { dim: 1 }],
      ['a list by position', [[0, 1]], { dim: [0, 1] }],
      ['a position and options', [1, { stride: 2 }], { dim: 1, stride: 2 }],
      ['an undefined position and options', [undefined, { stride: 2 }], { stride: 2 }],
      ['options without a prototype', [Object.assign(Object.create(null), { stride: 2 })], { stride: 2 }],
      ['options that inherit others', [Object.create({ stride: 2 })], {}],
      ['an instance of a class in which an option is set', [new Settings()], { stride: 2 }],
    ]
    for (const [title, given, options] of taken) {
      it(`takes ${title}`, () => {
        assert.deepEqual({ ...POOL.read([1, 2], given) }, options)
      })
    }

    const refused: readonly [
      title: string,
      required: readonly unknown[],
      given: readonly unknown[],
      message: string,
    ][] = [
      [
        'values by position, in the order of PyTorch',
        [3, 7],
        [1, 2, 3],
        'Expected an options object for pool(), received 2; write: pool(3, 7, 1, { stride: 2, padding: 3 })',
      ],
      [
        'values before options',
        [3, 7],
        [1, 2, { padding: 3 }],
        'Expected an options object for pool(), received 2; write: pool(3, 7, 1, { stride: 2, padding: 3 })',
      ],
      [
        'a dtype wherever it stands',
        [3, 7],
        [1, 'float64'],
        'Expected an options object for pool(), received "float64"; write: pool(3, 7, 1, { dtype: \'float64\' })',
      ],
      [
        'a value without a place',
        [3, 7],
        [1, 2, 3, 4],
        'Expected an options object for pool(), received 2; write: pool(3, 7, 1, { stride: 2, padding: 3, dtype })',
      ],
      [
        'a date, which would be taken for no options',
        [new Map(), 7],
        [1, new Date(0)],
        'Expected an options object for pool(), received an instance of Date; write: pool(input, 7, 1, { stride })',
      ],
      [
        'a lone null',
        [3, 7],
        [1, null],
        'Expected an options object for pool(), received null; write: pool(3, 7, 1, { stride: null })',
      ],
      ['what follows the options', [3, 7], [{}, 1], 'Expected nothing after the options for pool(), received 1'],
      [
        'an option that is given twice',
        [3, 7],
        [1, { dim: 0 }],
        'Expected options among stride, padding, dtype for pool(), received "dim"',
      ],
      [
        "Python's name of an option",
        [3, 7],
        [{ pad_ding: 0 }],
        'Expected options among dim, stride, padding, dtype for pool(), received "pad_ding" (did you mean padding?)',
      ],
      [
        "NumPy's name of an option",
        [3, 7],
        [{ axis: 0 }],
        'Expected options among dim, stride, padding, dtype for pool(), received "axis" (did you mean dim?)',
      ],
      [
        'required arguments by name',
        [3, { size: 7, stride: 2 }],
        [],
        'Expected size by position for pool(), received an object; write: pool(3, 7, { stride: 2 })',
      ],
    ]
    for (const [title, required, given, message] of refused) {
      it(`refuses ${title}`, () => {
        assert.throws(() => POOL.read(required, given), { code, message })
      })
    }

    it('names no form where nothing takes what was given', () => {
      const signature = new Signature<NoOptions>('new Pool', ['size'], {})

      assert.throws(() => signature.read([2], [3]), {
        code,
        message: 'Expected an options object for Pool, received 3',
      })
    })

    it('names values that are long or no literals', () => {
      const cyclic: unknown[] = []
      cyclic.push(cyclic)

      assert.throws(() => POOL.read(['x'.repeat(5000), cyclic], [0, Symbol('s'), "it's"]), {
        code,
        message:
          "Expected an options object for pool(), received Symbol(s); write: pool(input, size, 0, { stride, padding: 'it\\'s' })",
      })
    })
  })
})
