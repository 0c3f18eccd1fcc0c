import assert from 'node:assert/strict'
import { runInNewContext } from 'node:vm'

import { DTYPES, scope, tensor, type DType, type NestedData, type TensorData } from 'napi-torch'

import { detach, resizableBuffer } from '../support/buffers.js'

describe('tensor()', () => {
  describe('of values', () => {
    const cases: readonly [title: string, data: TensorData, dtype: DType, list: unknown][] = [
      ['numbers float32', [1, 2.5], 'float32', [1, 2.5]],
      ['a number float32 without dimensions', 3, 'float32', 3],
      ['bigints int64', [1n, -2n], 'int64', [1n, -2n]],
      ['booleans bool', [true, false], 'bool', [true, false]],
      ['numbers among booleans float32', [1.5, true, false], 'float32', [1.5, 1, 0]],
      ['bigints among booleans int64', [3n, true], 'int64', [3n, 1n]],
      ['bigints among numbers float32', [3n, 0.5], 'float32', [3, 0.5]],
      ['an empty array float32', [], 'float32', []],
      ['empty rows float32 of that nesting', [[], []], 'float32', [[], []]],
      ['nested arrays of three dimensions', [[[1], [2]]], 'float32', [[[1], [2]]]],
    ]
    for (const [title, data, dtype, list] of cases) {
      it(`makes ${title}`, () =>
        scope(() => {
          const made = tensor(data)

          assert.deepEqual([made.dtype, made.tolist()], [dtype, list])
        }))
    }

    for (const dtype of DTYPES) {
      it(`makes ${dtype} of numbers where that is asked for`, () =>
        scope(() => {
          const made = tensor([0, 1, 3], { dtype })

          const list = dtype === 'bool' ? [false, true, true] : dtype === 'int64' ? [0n, 1n, 3n] : [0, 1, 3]
          assert.deepEqual([made.dtype, made.tolist()], [dtype, list])
        }))
    }

    const ranges = [
      ['int8', -(2n ** 7n), 2n ** 7n - 1n],
      ['int16', -(2n ** 15n), 2n ** 15n - 1n],
      ['int32', -(2n ** 31n), 2n ** 31n - 1n],
      ['int64', -(2n ** 63n), 2n ** 63n - 1n],
      ['uint8', 0n, 2n ** 8n - 1n],
    ] as const
    for (const [dtype, lowest, highest] of ranges) {
      it(`keeps the lowest and the highest ${dtype}`, () =>
        scope(() => {
          assert.deepEqual(Array.from(tensor([lowest, highest], { dtype }).toArray(), BigInt), [lowest, highest])
        }))

      for (const value of [lowest - 1n, highest + 1n]) {
        it(`refuses ${value} as ${dtype}`, () => {
          assert.throws(() => tensor([value], { dtype }), {
            code: 'TORCH_INVALID_ARGUMENT',
            message: `Expected integers from ${lowest} to ${highest} for ${dtype} for data, received ${value}n`,
          })
        })
      }
    }

    it('refuses a bigint beyond int64', () => {
      assert.throws(() => tensor(2n ** 63n), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: `Expected integers from ${-(2n ** 63n)} to ${2n ** 63n - 1n} for int64 for data, received ${2n ** 63n}n`,
      })
    })

    it('keeps the sign of zero, infinities and NaN', () =>
      scope(() => {
        assert.deepEqual(
          tensor([-0, Infinity, -Infinity, NaN]).toArray(),
          Float32Array.of(-0, Infinity, -Infinity, NaN),
        )
      }))

    it('keeps integers beyond 2^53 that come as bigints', () =>
      scope(() => {
        assert.deepEqual(tensor([2n ** 53n + 1n]).tolist(), [2n ** 53n + 1n])
      }))

    it('counts NaN as true and negative zero as false', () =>
      scope(() => {
        assert.deepEqual(tensor([NaN, -0], { dtype: 'bool' }).tolist(), [true, false])
      }))

    for (const value of [0.5, NaN, Infinity]) {
      it(`refuses ${value} as int32`, () => {
        assert.throws(() => tensor([value], { dtype: 'int32' }), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: `Expected integers for int32 for data, received ${value}`,
        })
      })
    }

    it('rounds to float16 and bfloat16 as IEEE does', () =>
      scope(() => {
        assert.deepEqual(tensor([65504, 1 + 2 ** -11, 1e9], { dtype: 'float16' }).tolist(), [65504, 1, Infinity])
        assert.deepEqual(tensor([1 + 2 ** -8, 1 + 3 * 2 ** -8], { dtype: 'bfloat16' }).tolist(), [1, 1 + 2 ** -6])
      }))
  })

  describe('of uneven or foreign data', () => {
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    const deep = Array.from({ length: 65 }).reduce<unknown>((inner) => [inner], 1)
    const cases: readonly [title: string, data: unknown, message: string][] = [
      ['rows of two lengths', [[1, 2], [3]], 'Expected arrays of 2 elements at depth 2 for data, received [3]'],
      ['a row that is longer', [[1], [2, 3]], 'Expected arrays of 1 elements at depth 2 for data, received [2, 3]'],
      ['a number among rows', [[1], 2], 'Expected arrays of 1 elements at depth 2 for data, received 2'],
      ['a row among numbers', [1, [2]], 'Expected numbers, bigints or booleans for data, received [2]'],
      ['a string', 'abc', 'Expected numbers, bigints or booleans for data, received "abc"'],
      ['null', null, 'Expected numbers, bigints or booleans for data, received null'],
      ['undefined', undefined, 'Expected numbers, bigints or booleans for data, received undefined'],
      ['an object', {}, 'Expected numbers, bigints or booleans for data, received an object'],
      ['a hole', Array(1), 'Expected numbers, bigints or booleans for data, received undefined'],
      [
        'an array of typed arrays',
        [Float32Array.of(1)],
        'Expected numbers, bigints or booleans for data, received Float32Array of 1 element',
      ],
      ['65 dimensions', deep, 'Expected at most 64 dimensions for data, received [[[[[[[[[…]]]]]]]]]'],
      ['an array that holds itself', cyclic, 'Expected at most 64 dimensions for data, received [[[[[[[[[…]]]]]]]]]'],
    ]
    for (const [title, data, message] of cases) {
      it(`refuses ${title}`, () => {
        assert.throws(() => tensor(data as TensorData), { code: 'TORCH_INVALID_ARGUMENT', message })
      })
    }

    it('shows only the beginning of large data in the error', () => {
      const rows: NestedData[] = Array.from({ length: 2000 }, () => Array.from({ length: 2000 }, () => 1))

      assert.throws(() => tensor([...rows, 1]), {
        message: 'Expected arrays of 2000 elements at depth 2 for data, received 1',
      })
      assert.throws(
        () => tensor([[rows], [[rows, rows]]]),
        ({ message }: Error) => message.length < 200,
      )
    })
  })

  describe('of a typed array', () => {
    const arrays = [
      [Float32Array.of(1, 2), 'float32'],
      [Float64Array.of(1, 2), 'float64'],
      [Int8Array.of(1, -2), 'int8'],
      [Int16Array.of(1, -2), 'int16'],
      [Int32Array.of(1, -2), 'int32'],
      [BigInt64Array.of(1n, -2n), 'int64'],
      [Uint8Array.of(1, 2), 'uint8'],
      [Uint8ClampedArray.of(1, 2), 'uint8'],
      [Buffer.from([1, 2]), 'uint8'],
    ] as const
    for (const [array, dtype] of arrays) {
      it(`makes ${dtype} of a ${array.constructor.name}`, () =>
        scope(() => {
          const made = tensor(array)

          assert.deepEqual([made.dtype, made.shape, made.tolist()], [dtype, [2], Array.from<unknown>(array)])
        }))
    }

    it('copies', () =>
      scope(() => {
        const array = Float32Array.of(1, 2)
        const made = tensor(array)
        array[0] = 9

        assert.deepEqual(made.tolist(), [1, 2])
      }))

    it('takes the bits of 16-bit floats', () =>
      scope(() => {
        assert.deepEqual(tensor(Uint16Array.of(0x3c00, 0xc000), { dtype: 'float16' }).tolist(), [1, -2])
        assert.deepEqual(tensor(Uint16Array.of(0x3f80, 0xc000), { dtype: 'bfloat16' }).tolist(), [1, -2])
      }))

    it('converts to another dtype', () =>
      scope(() => {
        assert.deepEqual(tensor(Uint8Array.of(0, 2), { dtype: 'bool' }).toArray(), Uint8Array.of(0, 1))
        assert.deepEqual(tensor(Float64Array.of(1.9), { dtype: 'int64' }).tolist(), [1n])
        assert.deepEqual(
          tensor(Float32Array.of(1, 0.1), { dtype: 'float16' }).toArray(),
          Uint16Array.of(0x3c00, 0x2e66),
        )
      }))

    it('takes a part of a buffer', () =>
      scope(() => {
        assert.deepEqual(tensor(Float32Array.of(1, 2, 3, 4).subarray(1, 3)).tolist(), [2, 3])
      }))

    it('takes another shape', () =>
      scope(() => {
        assert.deepEqual(tensor(Float32Array.of(1, 2, 3, 4), { shape: [2, 2] }).tolist(), [
          [1, 2],
          [3, 4],
        ])
      }))

    it('copies out of shared memory', () =>
      scope(() => {
        const array = new Float32Array(new SharedArrayBuffer(8))
        array.set([1, 2])

        assert.deepEqual(tensor(array).tolist(), [1, 2])
      }))

    it('copies out of resizable memory what is there now', () =>
      scope(() => {
        const buffer = resizableBuffer(16, 64)
        const whole = new Float32Array(buffer)
        const late = new Float32Array(buffer, 8, 2)
        buffer.resize(8)

        assert.deepEqual([tensor(whole).shape, tensor(late).shape], [[2], [0]])
      }))

    it('takes an array whose buffer was transferred for an empty one', () =>
      scope(() => {
        assert.deepEqual(tensor(detach(new Float32Array(4))).shape, [0])
      }))

    it('takes an array of another realm', () =>
      scope(() => {
        const made = tensor(runInNewContext('Int16Array.of(1, 2)') as Int16Array)

        assert.deepEqual([made.dtype, made.tolist()], ['int16', [1, 2]])
      }))

    const refused: readonly [title: string, data: unknown, description: string][] = [
      ['a Uint16Array without a dtype', Uint16Array.of(1), 'Uint16Array of 1 element'],
      ['a Uint32Array', Uint32Array.of(1), 'Uint32Array of 1 element'],
      ['a DataView', new DataView(new ArrayBuffer(4)), 'DataView of 4 bytes'],
    ]
    for (const [title, data, description] of refused) {
      it(`refuses ${title}`, () => {
        assert.throws(() => tensor(data as TensorData), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: `Expected a typed array of a known dtype (Uint16Array needs dtype float16 or bfloat16) for data, received ${description}`,
        })
      })
    }
  })

  describe('options', () => {
    const cases: readonly [title: string, options: object | null, message: string][] = [
      [
        'a typo',
        { dtpye: 'int8' },
        'Expected options among dtype, shape, device, requiresGrad for tensor(), received "dtpye" (did you mean dtype?)',
      ],
      ['null', null, 'Expected an options object for tensor(), received null'],
      [
        'an unknown dtype',
        { dtype: 'float' },
        `Expected one of ${DTYPES.map((name) => `'${name}'`).join(', ')} for dtype, received "float"`,
      ],
      ['an unknown device', { device: 'gpu' }, `Expected 'cpu', 'cuda' or 'cuda:N' for device, received "gpu"`],
      ['a shape of another size', { shape: [3] }, 'Expected a shape of 2 elements for shape, received [3]'],
      [
        'a negative size',
        { shape: [-2, -1] },
        'Expected an array of non-negative integers for shape, received [-2, -1]',
      ],
      [
        'a size that is no number',
        { shape: ['2'] },
        'Expected an array of non-negative integers for shape, received ["2"]',
      ],
      ['NaN as a size', { shape: [NaN] }, 'Expected an array of non-negative integers for shape, received [NaN]'],
      ['a shape that is no array', { shape: 2 }, 'Expected an array of non-negative integers for shape, received 2'],
    ]
    for (const [title, options, message] of cases) {
      it(`refuses ${title}`, () => {
        assert.throws(() => Reflect.apply(tensor, undefined, [[1, 2], options]), {
          code: 'TORCH_INVALID_ARGUMENT',
          message,
        })
      })
    }

    it('takes undefined for the default', () =>
      scope(() => {
        const made = tensor([1n], { dtype: undefined, shape: undefined, device: undefined })

        assert.deepEqual([made.dtype, made.shape, made.device], ['int64', [1], 'cpu'])
      }))
  })
})
