import assert from 'node:assert/strict'
import { constants } from 'node:buffer'
import { inspect } from 'node:util'
import { runInThisContext } from 'node:vm'

import {
  arange,
  DTYPES,
  empty,
  full,
  ones,
  rand,
  scope,
  tensor,
  zeros,
  Tensor,
  type DType,
  type TensorData,
} from 'napi-torch'

import { itWithPython, python } from '../support/python.js'
import { skip } from '../support/skip.js'

const INVALID = 'TORCH_INVALID_ARGUMENT'

const ARRAYS: Readonly<Record<DType, string>> = {
  float32: 'Float32Array',
  float64: 'Float64Array',
  float16: 'Uint16Array',
  bfloat16: 'Uint16Array',
  int8: 'Int8Array',
  int16: 'Int16Array',
  int32: 'Int32Array',
  int64: 'BigInt64Array',
  uint8: 'Uint8Array',
  bool: 'Uint8Array',
}

describe('Tensor', () => {
  describe('facts', () => {
    it('are those of PyTorch for a view', () =>
      scope(() => {
        const view = zeros([2, 3, 4], { dtype: 'int16' }).select(0, 1).transpose(0, 1)

        const { shape, strides, ndim, numel, dtype, device, itemSize, nbytes, storageOffset } = view
        assert.deepEqual(
          { shape, strides, ndim, numel, dtype, device, itemSize, nbytes, storageOffset },
          {
            shape: [4, 3],
            strides: [1, 4],
            ndim: 2,
            numel: 12,
            dtype: 'int16',
            device: 'cpu',
            itemSize: 2,
            nbytes: 24,
            storageOffset: 12,
          },
        )
      }))

    it('are those of a scalar without dimensions', () =>
      scope(() => {
        const { shape, strides, ndim, numel, nbytes } = tensor(1)

        assert.deepEqual(
          { shape, strides, ndim, numel, nbytes },
          { shape: [], strides: [], ndim: 0, numel: 1, nbytes: 4 },
        )
      }))

    it('are those of an empty tensor', () =>
      scope(() => {
        const { numel, nbytes } = zeros([2, 0])

        assert.deepEqual({ numel, nbytes }, { numel: 0, nbytes: 0 })
      }))

    it('hold a shape that cannot be changed', () =>
      scope(() => {
        const { shape } = zeros([2])

        assert.throws(() => Reflect.apply(Array.prototype.push, shape, [1]), TypeError)
      }))
  })

  describe('size()', () => {
    it('counts from either end', () =>
      scope(() => {
        const made = zeros([2, 3])

        assert.deepEqual([made.size(0), made.size(-1), made.size(-2)], [2, 3, 2])
      }))

    for (const dim of [2, -3, 0.5, NaN]) {
      it(`refuses ${dim} of two dimensions`, () =>
        scope(() => {
          const made = zeros([2, 3])

          assert.throws(() => made.size(dim), {
            code: INVALID,
            message: `Expected a dimension from -2 to 1 for dim, received ${dim}`,
          })
        }))
    }

    it('refuses every dimension of a scalar', () =>
      scope(() => {
        const scalar = tensor(1)

        assert.throws(() => scalar.size(0), {
          code: INVALID,
          message: 'Expected a tensor with dimensions for size(), received float32 ()',
        })
      }))
  })

  describe('isContiguous()', () => {
    it('tells row-major order from channels last', () =>
      scope(() => {
        const rows = zeros([2, 3, 4, 5])
        const channelsLast = rows.contiguous({ memoryFormat: 'channels_last' })

        assert.deepEqual([rows.isContiguous(), channelsLast.isContiguous()], [true, false])
        assert.deepEqual(
          [rows, channelsLast].map((made) => made.isContiguous({ memoryFormat: 'channels_last' })),
          [false, true],
        )
      }))

    it('is false for channels last without four dimensions', () =>
      scope(() => {
        assert.equal(zeros([2]).isContiguous({ memoryFormat: 'channels_last' }), false)
      }))

    it('refuses an unknown format and an unknown option', () =>
      scope(() => {
        const made = zeros([2])

        assert.throws(() => made.isContiguous({ memoryFormat: 'channelsLast' as 'channels_last' }), {
          code: INVALID,
          message: "Expected one of 'contiguous_format', 'channels_last' for memoryFormat, received \"channelsLast\"",
        })
        assert.throws(() => made.isContiguous({ format: 'channels_last' } as object), {
          code: INVALID,
          message:
            'Expected options among memoryFormat for isContiguous(), received "format" (did you mean memoryFormat?)',
        })
      }))
  })

  describe('toArray()', () => {
    for (const dtype of DTYPES) {
      it(`gives ${ARRAYS[dtype]} for ${dtype}`, () =>
        scope(() => {
          const array = full([2], 1, { dtype }).toArray()

          assert.deepEqual([array.constructor.name, array.length], [ARRAYS[dtype], 2])
        }))
    }

    it('gives the bits of 16-bit floats', () =>
      scope(() => {
        const values = [1, -2, 0.1, Infinity]
        const bits = {
          float16: [0x3c00, 0xc000, 0x2e66, 0x7c00],
          bfloat16: [0x3f80, 0xc000, 0x3dcd, 0x7f80],
        }

        assert.deepEqual(tensor(values, { dtype: 'float16' }).toArray(), Uint16Array.from(bits.float16))
        assert.deepEqual(tensor(values, { dtype: 'bfloat16' }).toArray(), Uint16Array.from(bits.bfloat16))
      }))

    it('copies in row-major order whatever the layout', () =>
      scope(() => {
        const rows = arange(24).view([1, 2, 3, 4])
        const inOrder = Array.from({ length: 24 }, (_, index) => index)

        assert.deepEqual(Array.from(rows.contiguous({ memoryFormat: 'channels_last' }).toArray()), inOrder)
        assert.deepEqual(Array.from(arange(6).view([2, 3]).transpose(0, 1).toArray()), [0, 3, 1, 4, 2, 5])
        assert.deepEqual(Array.from(arange(2).view([2, 1]).expand([2, 2]).toArray()), [0, 0, 1, 1])
        assert.deepEqual(Array.from(arange(4).slice(0, 1, 4, 2).toArray()), [1, 3])
      }))

    it('copies', () =>
      scope(() => {
        const made = zeros([2])
        made.toArray().fill(7)

        assert.deepEqual(made.tolist(), [0, 0])
      }))

    it('keeps the sign of zero', () =>
      scope(() => {
        assert.ok(Object.is(tensor([-0]).toArray()[0], -0))
      }))

    it('gives an empty array for an empty tensor', () =>
      scope(() => {
        assert.deepEqual(zeros([2, 0]).toArray(), new Float32Array(0))
      }))

    it('refuses more elements than a typed array has, before it copies', () =>
      scope(() => {
        // A view of one element takes no memory.
        const large = zeros([1, 1]).expand([2 ** 24, Math.ceil(constants.MAX_LENGTH / 2 ** 23)])

        for (const name of ['toArray', 'toFloat32Array'] as const) {
          assert.throws(() => large[name](), {
            code: INVALID,
            message: `Expected a tensor of at most ${constants.MAX_LENGTH} elements, as typed arrays, for ${name}(), received float32 (${large.shape.join(', ')})`,
          })
        }
      }))

    it('says so where there is no memory for the copy', function () {
      if (constants.MAX_LENGTH < 2 ** 40) skip(this, 'this Node.js makes no buffers that large')
      scope(() => {
        assert.throws(
          () =>
            zeros([1])
              .expand([2 ** 47])
              .toArray(),
          { code: 'TORCH_OUT_OF_MEMORY' },
        )
      })
    })
  })

  describe('toFloat32Array()', () => {
    for (const dtype of DTYPES) {
      it(`converts ${dtype}`, () =>
        scope(() => {
          assert.deepEqual(tensor([0, 1], { dtype }).toFloat32Array(), Float32Array.of(0, 1))
        }))
    }

    it('converts 16-bit floats exactly', () =>
      scope(() => {
        assert.deepEqual(tensor([65504, -0], { dtype: 'float16' }).toFloat32Array(), Float32Array.of(65504, -0))
        assert.deepEqual(
          tensor(Uint16Array.of(0x7f7f), { dtype: 'bfloat16' }).toFloat32Array(),
          Float32Array.of(3.3895313892515355e38),
        )
      }))
  })

  describe('tolist()', () => {
    const cases: readonly [title: string, make: () => Tensor, list: unknown][] = [
      ['a bare value', () => tensor(1.5), 1.5],
      ['a bare bigint', () => tensor(3n), 3n],
      ['booleans', () => tensor([[true], [false]]), [[true], [false]]],
      ['16-bit floats as numbers', () => tensor([0.5], { dtype: 'bfloat16' }), [0.5]],
      ['nothing', () => zeros([0]), []],
      ['empty rows', () => zeros([2, 0]), [[], []]],
      ['no rows of three', () => zeros([0, 3]), []],
      ['empty rows of rows', () => zeros([2, 0, 3]), [[], []]],
      ['rows of empty rows', () => zeros([1, 2, 0]), [[[], []]]],
      [
        'three dimensions',
        () => arange(8).view([2, 2, 2]),
        [
          [
            [0, 1],
            [2, 3],
          ],
          [
            [4, 5],
            [6, 7],
          ],
        ],
      ],
    ]
    for (const [title, make, list] of cases) {
      it(`gives ${title}`, () =>
        scope(() => {
          assert.deepEqual(make().tolist(), list)
        }))
    }

    it('can be read back', () =>
      scope(() => {
        const made = rand([2, 3, 4])

        assert.ok(tensor(made.tolist()).equal(made))
      }))
  })

  describe('item()', () => {
    for (const dtype of DTYPES) {
      it(`gives the ${dtype === 'int64' ? 'bigint' : dtype === 'bool' ? 'boolean' : 'number'} of ${dtype}`, () =>
        scope(() => {
          const item = full([1, 1], 1, { dtype }).item()

          assert.equal(item, dtype === 'int64' ? 1n : dtype === 'bool' ? true : 1)
        }))
    }

    it('gives int64 beyond 2^53 exactly', () =>
      scope(() => {
        assert.equal(tensor(2n ** 63n - 1n).item(), 2n ** 63n - 1n)
      }))

    it('gives -0, NaN and infinity', () =>
      scope(() => {
        for (const value of [-0, NaN, Infinity]) assert.ok(Object.is(tensor(value).item(), value), String(value))
      }))

    for (const shape of [[0], [2], [1, 2]]) {
      it(`refuses the shape (${shape.join(', ')})`, () =>
        scope(() => {
          const made = zeros(shape)

          assert.throws(() => made.item(), {
            code: INVALID,
            message: /^Expected a tensor of one element for item\(\), received float32 \(/,
          })
        }))
    }
  })

  describe('toString()', () => {
    it('prints as PyTorch does', () =>
      scope(() => {
        assert.equal(String(tensor([[1, 2.5]])), 'tensor([[1.0000, 2.5000]])')
        assert.equal(inspect(ones([2], { dtype: 'float16' })), 'tensor([1., 1.], dtype=torch.float16)')
      }))

    const printed: readonly [title: string, python: string, make: () => Tensor][] = [
      ['every third of a long range', 'torch.arange(3000.)[::3]', () => arange(3000).slice(0, 0, undefined, 3)],
      ['a long range in part', 'torch.arange(2000)', () => arange(2000, { dtype: 'int64' })],
      [
        'a transposed matrix in part',
        'torch.arange(2000.).view(40, 50).t()',
        () => arange(2000).view([40, 50]).transpose(0, 1),
      ],
      [
        'a channels-last image',
        'torch.arange(24.).view(1, 2, 3, 4).to(memory_format=torch.channels_last)',
        () => arange(24).view([1, 2, 3, 4]).contiguous({ memoryFormat: 'channels_last' }),
      ],
      [
        'an expanded bool',
        'torch.tensor([[True], [False]]).expand(2, 3)',
        () => tensor([[true], [false]]).expand([2, 3]),
      ],
      [
        'bfloat16',
        'torch.tensor([1.5, -0.0, 3e38, float("nan")], dtype=torch.bfloat16)',
        () => tensor([1.5, -0, 3e38, NaN], { dtype: 'bfloat16' }),
      ],
      [
        'five dimensions',
        'torch.arange(32).view(2, 2, 2, 2, 2).to(torch.uint8)',
        () => arange(32, { dtype: 'uint8' }).view([2, 2, 2, 2, 2]),
      ],
      ['a scalar', 'torch.tensor(2**40)', () => tensor(2n ** 40n)],
      ['an empty tensor', 'torch.empty(2, 0, 3, dtype=torch.int8)', () => empty([2, 0, 3], { dtype: 'int8' })],
    ]
    itWithPython('prints as Python does on this machine', () =>
      scope(() => {
        const sources = printed.map(([, source]) => `str(${source})`).join(', ')

        const answers = JSON.parse(python(`import json, torch; print(json.dumps([${sources}]))`)) as string[]

        const ours = printed.map(([title, , make]) => [title, String(make())])
        assert.deepEqual(
          ours,
          printed.map(([title], index) => [title, answers[index]]),
        )
      }),
    )
  })

  describe('a method of another object', () => {
    const impostors: readonly [title: string, value: unknown, description: string][] = [
      ['a plain object', {}, 'an object'],
      ['a bare heir of tensors', Object.create(Tensor.prototype) as unknown, 'an object that inherits from a tensor'],
      ['null', null, 'null'],
      ['a number', 3, '3'],
    ]
    for (const [title, value, description] of impostors) {
      it(`refuses ${title} as other tensor`, () =>
        scope(() => {
          const made = zeros([2])

          assert.throws(() => made.equal(value as Tensor), {
            code: INVALID,
            message: `Expected a tensor for other, received ${description}`,
          })
        }))
    }

    it('refuses a proxy of a tensor, which has no memory of its own', () =>
      scope(() => {
        const made = zeros([2])

        assert.throws(() => made.equal(new Proxy(made, {})), {
          code: INVALID,
          message: 'Expected a tensor for other, received an object that inherits from a tensor',
        })
      }))
  })

  describe('[Symbol.toPrimitive]()', () => {
    it('gives the only element where a number is asked for', () =>
      scope(() => {
        assert.deepEqual([+tensor(3), +tensor([[2.5]]), +tensor(5n), +tensor(true)], [3, 2.5, 5, 1])
        assert.equal(Math.max(...[tensor(1), tensor(4)].map(Number)), 4)
      }))

    it('gives the text in template literals', () =>
      scope(() => {
        assert.equal(String(tensor([1, 2])), 'tensor([1., 2.])')
      }))

    const refused: readonly [code: string, message: string][] = [
      [
        'a + b',
        'Expected a method, as JavaScript has no operators for tensors, for + or ==, received float32 (2,); write: a.add(b) or a.eq(b)',
      ],
      [
        "a + 'text'",
        'Expected a method, as JavaScript has no operators for tensors, for + or ==, received float32 (2,); write: a.add(b) or a.eq(b)',
      ],
      [
        'a == 3',
        'Expected a method, as JavaScript has no operators for tensors, for + or ==, received float32 (2,); write: a.add(b) or a.eq(b)',
      ],
      ['a * b', 'Expected a tensor of one element for a conversion to a number, received float32 (2,)'],
      ['a < b', 'Expected a tensor of one element for a conversion to a number, received float32 (2,)'],
      [
        '+large',
        'Expected an integer that a number holds exactly for a conversion to a number, received 9007199254740993n; write: tensor.item()',
      ],
    ]
    for (const [code, message] of refused) {
      it(`refuses ${code}`, () =>
        scope(() => {
          // The compiler refuses most of them.
          const run = runInThisContext(`(a, b, large) => ${code}`) as (...tensors: Tensor[]) => unknown

          assert.throws(() => run(ones([2]), ones([2]), tensor(2n ** 53n + 1n)), { code: INVALID, message })
        }))
    }
  })

  describe('data that libtorch writes', () => {
    itWithPython('has the bits of PyTorch for every dtype', () =>
      scope(() => {
        const values: TensorData = [0, 1, 2.75, 100]
        const expected = JSON.parse(
          python(
            `import torch, json; print(json.dumps({d: bytes(torch.tensor([0, 1, 2.75, 100]).to(getattr(torch, d)).view(torch.uint8).tolist()).hex() for d in ${JSON.stringify(DTYPES)}}))`,
          ),
        ) as Record<string, string>

        const actual = DTYPES.map((dtype) => {
          const { buffer } = tensor(values).to(dtype).toArray()
          return [dtype, Buffer.from(buffer).toString('hex')]
        })

        assert.deepEqual(Object.fromEntries(actual), expected)
      }),
    )
  })
})
