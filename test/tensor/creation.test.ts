import assert from 'node:assert/strict'

import {
  arange,
  cat,
  cuda,
  DTYPES,
  empty,
  full,
  ones,
  onesLike,
  rand,
  randint,
  randn,
  scope,
  stack,
  tensor,
  zeros,
  zerosLike,
  type DType,
  type Tensor,
} from 'napi-torch'

const INVALID = 'TORCH_INVALID_ARGUMENT'

const MAKERS: Readonly<Record<string, (shape: readonly number[], options?: object) => Tensor>> = {
  empty,
  zeros,
  ones,
  full: (shape, options) => full(shape, 1, options),
  rand,
  randn,
  randint: (shape, options) => randint(0, 2, shape, options),
}

for (const [name, make] of Object.entries(MAKERS)) {
  describe(`${name}()`, () => {
    for (const shape of [[], [0], [3], [2, 0, 3], [2, 3], [1, 2, 3, 4, 5]]) {
      it(`makes the shape (${shape.join(', ')})`, () =>
        scope(() => {
          const made = make(shape)

          assert.deepEqual([made.shape, made.device], [shape, 'cpu'])
          assert.equal(made.toArray().length, made.numel)
        }))
    }

    const dtypes = ['rand', 'randn'].includes(name) ? DTYPES.filter((dtype) => dtype.includes('float')) : DTYPES
    for (const dtype of dtypes) {
      it(`makes ${dtype}`, () =>
        scope(() => {
          assert.equal(make([2], { dtype }).dtype, dtype)
        }))
    }

    it('takes undefined for the default', () =>
      scope(() => {
        const made = make([2], { dtype: undefined, device: undefined })

        assert.equal(made.dtype, name === 'randint' ? 'int64' : 'float32')
      }))

    for (const shape of [[-1], [1.5], [NaN], [Infinity], ['2'], '2', null, undefined]) {
      it(`refuses ${JSON.stringify(shape)} as shape`, () => {
        assert.throws(() => make(shape as number[]), {
          code: INVALID,
          message: /^Expected an array of non-negative integers for shape, received /,
        })
      })
    }

    it('refuses an unknown option and names itself', () => {
      assert.throws(() => make([2], { dtpye: 'int8' }), {
        code: INVALID,
        message: name.startsWith('rand')
          ? `Expected options among dtype, device, requiresGrad, generator for ${name}(), received "dtpye" (did you mean dtype?)`
          : `Expected options among dtype, device, requiresGrad for ${name}(), received "dtpye" (did you mean dtype?)`,
      })
    })

    it('refuses an unknown dtype', () => {
      assert.throws(() => make([2], { dtype: 'float' }), {
        code: INVALID,
        message: `Expected one of ${DTYPES.map((dtype) => `'${dtype}'`).join(', ')} for dtype, received "float"`,
      })
    })

    it('refuses more bytes than 64 bits count', () => {
      assert.throws(() => make([2 ** 40, 2 ** 40]), {
        code: INVALID,
        message: 'Storage size calculation overflowed with sizes=[1099511627776, 1099511627776]',
      })
    })

    it('refuses more dimensions than operations take', () => {
      assert.throws(() => make(Array.from({ length: 129 }, () => 1)), {
        code: INVALID,
        message: `Expected at most 128 integers for shape of ${name === 'ones' ? 'full' : name}`,
      })
    })

    it('says so where there is no memory for it, with the C++ trace aside', () => {
      const size = 2 ** 47
      assert.throws(
        () => make([size], { dtype: 'float32' }),
        (error: Error & { code: string; nativeTrace: string }) => {
          assert.equal(error.code, 'TORCH_OUT_OF_MEMORY')
          assert.match(
            error.message,
            /^DefaultCPUAllocator: can't allocate memory: you tried to allocate \d+ bytes\. .*$/,
          )
          assert.match(error.nativeTrace, /DefaultCPUAllocator/)
          return true
        },
      )
    })

    if (!cuda.isAvailable()) {
      it('says in one sentence that there is no CUDA', () => {
        assert.throws(() => make([2], { device: 'cuda' }), {
          code: 'TORCH_CUDA_UNAVAILABLE',
          message: `Device 'cuda' was asked for, but ${cuda.unavailableReason()}`,
        })
      })
    }
  })
}

describe('zeros() and ones()', () => {
  it('fill', () =>
    scope(() => {
      assert.deepEqual(zeros([2, 2]).tolist(), [
        [0, 0],
        [0, 0],
      ])
      assert.deepEqual(ones([2], { dtype: 'int64' }).tolist(), [1n, 1n])
    }))
})

describe('zerosLike() and onesLike()', () => {
  it('take shape and dtype of another tensor', () =>
    scope(() => {
      const other = full([2, 1], 5, { dtype: 'bfloat16' })

      for (const [made, value] of [
        [zerosLike(other), 0],
        [onesLike(other), 1],
      ] as const) {
        assert.deepEqual([made.dtype, made.tolist()], ['bfloat16', [[value], [value]]])
      }
    }))
})

describe('full()', () => {
  const values: readonly [value: number | bigint | boolean, dtype: DType, list: unknown][] = [
    [1.5, 'float32', [1.5]],
    [-0, 'float64', [-0]],
    [NaN, 'float16', [NaN]],
    [-Infinity, 'bfloat16', [-Infinity]],
    [1.9, 'int32', [1]],
    [2n ** 53n + 1n, 'int64', [2n ** 53n + 1n]],
    [-(2n ** 63n), 'int64', [-(2n ** 63n)]],
    [2, 'bool', [true]],
    [false, 'bool', [false]],
    [true, 'float32', [1]],
  ]
  for (const [value, dtype, list] of values) {
    it(`fills ${dtype} with ${Object.is(value, -0) ? '-0' : value}`, () =>
      scope(() => {
        assert.deepEqual(full([1], value, { dtype }).tolist(), list)
      }))
  }

  const refused: readonly [value: unknown, dtype: DType, message: string][] = [
    [300, 'uint8', 'value cannot be converted to type uint8_t without overflow'],
    [NaN, 'int64', 'value cannot be converted to type int64_t without overflow'],
    [1e39, 'float32', 'value cannot be converted to type float without overflow'],
    [2n ** 63n, 'int64', 'Expected a bigint that fits int64 for value of full'],
    ['1', 'float32', 'Expected a number, bigint or boolean for value, received "1"'],
    [undefined, 'float32', 'Expected a number, bigint or boolean for value, received undefined'],
  ]
  for (const [value, dtype, message] of refused) {
    it(`refuses ${String(value)} (${typeof value}) for ${dtype}`, () => {
      assert.throws(() => full([1], value as number, { dtype }), { code: INVALID, message })
    })
  }
})

describe('arange()', () => {
  const cases: readonly [title: string, make: () => Tensor, list: unknown][] = [
    ['counts to an end', () => arange(3), [0, 1, 2]],
    ['counts from a start', () => arange(1, 4), [1, 2, 3]],
    ['takes a step', () => arange(1, 2, { step: 0.25 }), [1, 1.25, 1.5, 1.75]],
    ['takes a step with an end alone', () => arange(3, { step: 2 }), [0, 2]],
    ['counts down', () => arange(2, -1, { step: -1 }), [2, 1, 0]],
    ['counts down to a negative end', () => arange(-2, { step: -1 }), [0, -1]],
    ['counts int64', () => arange(2, { dtype: 'int64' }), [0n, 1n]],
    ['gives nothing from an end to itself', () => arange(3, 3), []],
  ]
  for (const [title, make, list] of cases) {
    it(title, () =>
      scope(() => {
        assert.deepEqual(make().tolist(), list)
      }),
    )
  }

  const refused: readonly [title: string, args: readonly unknown[], message: string][] = [
    ['NaN', [NaN], 'Expected a finite number for end, received NaN'],
    ['an infinite end', [0, Infinity], 'Expected a finite number for end, received Infinity'],
    ['a string', ['3'], 'Expected a finite number for end, received "3"'],
    ['a step of 0', [0, 3, { step: 0 }], 'Expected a step from 0 towards 3 for step, received 0'],
    ['a step that leads away', [0, 3, { step: -1 }], 'Expected a step from 0 towards 3 for step, received -1'],
    ['a negative end with the default step', [-3], 'Expected a step from 0 towards -3 for step, received 1'],
    [
      'an unknown option',
      [3, { steps: 1 }],
      'Expected options among step, dtype, device, requiresGrad for arange(), received "steps" (did you mean step?)',
    ],
  ]
  for (const [title, args, message] of refused) {
    it(`refuses ${title}`, () => {
      assert.throws(() => Reflect.apply(arange, undefined, args), { code: INVALID, message })
    })
  }

  it('says so where there is no memory for it', () => {
    assert.throws(() => arange(1e18), { code: 'TORCH_OUT_OF_MEMORY' })
  })
})

describe('randint()', () => {
  const refused: readonly [title: string, low: number, high: number, message: string][] = [
    ['an empty range', 3, 3, 'Expected an integer above low (3) for high, received 3'],
    ['a fraction', 0.5, 3, 'Expected an integer for low, received 0.5'],
    ['NaN', 0, NaN, 'Expected an integer for high, received NaN'],
  ]
  for (const [title, low, high, message] of refused) {
    it(`refuses ${title}`, () => {
      assert.throws(() => randint(low, high, [1]), { code: INVALID, message })
    })
  }

  it('refuses a range beyond the dtype', () => {
    assert.throws(() => randint(0, 300, [1], { dtype: 'uint8' }), {
      code: 'TORCH_OPERATOR',
      message: 'to - 1 is out of bounds for unsigned char',
    })
  })
})

describe('rand()', () => {
  it('refuses integers', () => {
    assert.throws(() => rand([1], { dtype: 'int64' }), {
      code: 'TORCH_OPERATOR',
      message: '"check_uniform_bounds" not implemented for \'Long\'',
    })
  })
})

describe('cat()', () => {
  it('joins along the first dimension, or another', () =>
    scope(() => {
      const parts = [tensor([[1, 2]]), tensor([[3, 4]])]

      assert.deepEqual(cat(parts).tolist(), [
        [1, 2],
        [3, 4],
      ])
      assert.deepEqual(cat(parts, { dim: -1 }).tolist(), [[1, 2, 3, 4]])
    }))

  it('promotes dtypes', () =>
    scope(() => {
      assert.equal(cat([tensor([1n]), tensor([1], { dtype: 'float16' })]).dtype, 'float16')
    }))

  it('gives memory of its own for one tensor', () =>
    scope(() => {
      const part = tensor([1])
      cat([part]).fill_(2)

      assert.deepEqual(part.tolist(), [1])
    }))
})

describe('stack()', () => {
  it('joins along a new dimension', () =>
    scope(() => {
      const parts = [tensor([1, 2]), tensor([3, 4])]

      assert.deepEqual(stack(parts).shape, [2, 2])
      assert.deepEqual(stack(parts, { dim: 1 }).tolist(), [
        [1, 3],
        [2, 4],
      ])
      assert.deepEqual(stack([tensor(1), tensor(2)]).tolist(), [1, 2])
    }))

  it('refuses shapes that differ', () =>
    scope(() => {
      assert.throws(() => stack([zeros([2]), zeros([3])]), {
        code: 'TORCH_OPERATOR',
        message: 'stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1',
      })
    }))
})

for (const [name, join] of [
  ['cat', cat],
  ['stack', stack],
] as const) {
  describe(`${name}()`, () => {
    const refused: readonly [title: string, args: readonly unknown[], message: string][] = [
      ['no tensors', [[]], 'Expected an array of at least one tensor for tensors, received []'],
      ['what is no array', [3], 'Expected an array of at least one tensor for tensors, received 3'],
      ['what is no tensor', [[1]], 'Expected a tensor for tensors[0], received 1'],
      [
        'an unknown option',
        [[1], { axis: 0 }],
        `Expected options among dim for ${name}(), received "axis" (did you mean dim?)`,
      ],
    ]
    for (const [title, args, message] of refused) {
      it(`refuses ${title}`, () => {
        assert.throws(() => Reflect.apply(join, undefined, args), { code: INVALID, message })
      })
    }

    it('refuses a fraction as dimension', () =>
      scope(() => {
        const part = ones([1])

        assert.throws(() => join([part], { dim: 0.5 }), {
          code: INVALID,
          message: 'Expected an integer for dim, received 0.5',
        })
      }))
  })
}
