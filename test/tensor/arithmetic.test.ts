import assert from 'node:assert/strict'

import { arange, DTYPES, full, ones, scope, tensor, TorchError, zeros, type Operand, type Tensor } from 'napi-torch'

import { itWithPython, python } from '../support/python.js'

const INVALID = 'TORCH_INVALID_ARGUMENT'

/** What an operation gives, or that it is refused, in the form that Python prints below. */
function outcome(operation: () => Tensor): unknown {
  try {
    const made = operation()
    return [made.dtype, Array.from(made.toFloat32Array(), (value) => (Number.isFinite(value) ? value : String(value)))]
  } catch (error) {
    assert.ok(error instanceof TorchError && error.code === 'TORCH_OPERATOR', String(error))
    return 'refused'
  }
}

const PREAMBLE = `
import json, math, torch
torch.manual_seed(0)
def outcome(operation):
    try: made = operation()
    except RuntimeError: return 'refused'
    values = [v if math.isfinite(v) else {math.inf: 'Infinity', -math.inf: '-Infinity'}.get(v, 'NaN') for v in made.flatten().float().tolist()]
    return [str(made.dtype)[6:], values]
`

describe('promotion', () => {
  const operations: readonly [name: string, python: string, ours: (a: Tensor, b: Operand) => Tensor][] = [
    ['add', 'a + b', (a, b) => a.add(b)],
    ['sub', 'a - b', (a, b) => a.sub(b)],
    ['mul', 'a * b', (a, b) => a.mul(b)],
    ['div', 'a / b', (a, b) => a.div(b)],
    ['div, trunc', "torch.div(a, b, rounding_mode='trunc')", (a, b) => a.div(b, { roundingMode: 'trunc' })],
    ['div, floor', "torch.div(a, b, rounding_mode='floor')", (a, b) => a.div(b, { roundingMode: 'floor' })],
    ['pow', 'a ** b', (a, b) => a.pow(b)],
    ['eq', 'a == b', (a, b) => a.eq(b)],
    ['lt', 'a < b', (a, b) => a.lt(b)],
    ['add, alpha', 'torch.add(a, b, alpha=2)', (a, b) => a.add(b, { alpha: 2 })],
    ['add_', 'a.clone().add_(b)', (a, b) => a.clone().add_(b)],
    ['div_, trunc', "a.clone().div_(b, rounding_mode='trunc')", (a, b) => a.clone().div_(b, { roundingMode: 'trunc' })],
  ]
  const scalars = [2, -3, 2.5]
  // One script for all, as Python takes seconds to begin.
  let answers: Record<string, Record<string, unknown>> | undefined
  const answersOfPython = (): Record<string, Record<string, unknown>> => {
    const script = `${PREAMBLE}
dtypes = ${JSON.stringify(DTYPES)}
def answers(operation):
    result = {}
    for first in dtypes:
        a = torch.tensor([1, 2, 7]).to(getattr(torch, first))
        for second in dtypes:
            b = torch.tensor([1, 3, 2]).to(getattr(torch, second))
            result[f'{first} {second}'] = outcome(lambda: operation(a, b))
        for b in ${JSON.stringify(scalars)}:
            result[f'{first} {b}'] = outcome(lambda: operation(a, b))
    return result
print(json.dumps({${operations.map(([name, source]) => `${JSON.stringify(name)}: answers(lambda a, b: ${source})`).join(', ')}}))`
    return (answers ??= JSON.parse(python(script)) as Record<string, Record<string, unknown>>)
  }
  for (const [name, , ours] of operations) {
    itWithPython(`of ${name} is that of PyTorch for all pairs of dtypes`, () => {
      const expected = answersOfPython()[name]

      const actual = DTYPES.flatMap((first) =>
        [...DTYPES, ...scalars].map((second) =>
          scope(() => {
            const a = tensor([1, 2, 7]).to(first)
            const b = typeof second === 'number' ? second : tensor([1, 3, 2]).to(second)
            return [`${first} ${second}`, outcome(() => ours(a, b))]
          }),
        ),
      )
      assert.deepEqual(Object.fromEntries(actual), expected)
    })
  }

  itWithPython('of unary operations is that of PyTorch for every dtype', () => {
    const names = ['neg', 'abs', 'sqrt', 'exp', 'log', 'sigmoid', 'tanh', 'relu', 'isnan', 'isfinite'] as const
    const script = `${PREAMBLE}
print(json.dumps({f'{name} {dtype}': outcome(lambda: getattr(torch.tensor([0, 1, 4]).to(getattr(torch, dtype)), name)())
    for name in ${JSON.stringify(names)} for dtype in ${JSON.stringify(DTYPES)}}))`
    const expected = JSON.parse(python(script)) as Record<string, unknown>

    const actual = names.flatMap((name) =>
      DTYPES.map((dtype) => [`${name} ${dtype}`, scope(() => outcome(() => tensor([0, 1, 4], { dtype })[name]()))]),
    )
    assert.deepEqual(Object.fromEntries(actual), expected)
  })
})

describe('Tensor', () => {
  describe('operands', () => {
    it('broadcast', () =>
      scope(() => {
        assert.deepEqual(
          tensor([[1], [2]])
            .add(tensor([10, 20]))
            .tolist(),
          [
            [11, 21],
            [12, 22],
          ],
        )
        assert.deepEqual(zeros([2, 0]).add(1).shape, [2, 0])
      }))

    it('may be bigints, beyond 2^53 too', () =>
      scope(() => {
        const large = tensor([2n ** 53n])

        assert.deepEqual(large.add(1n).tolist(), [2n ** 53n + 1n])
        assert.deepEqual(large.eq(2n ** 53n + 1n).tolist(), [false])
      }))

    it('may be NaN and infinite', () =>
      scope(() => {
        const made = ones([1])

        assert.deepEqual([made.add(NaN).item(), made.mul(-Infinity).item()], [NaN, -Infinity])
        assert.deepEqual(made.eq(NaN).tolist(), [false])
      }))

    it('keep the sign of zero', () =>
      scope(() => {
        assert.ok(Object.is(tensor([-0]).mul(1).item(), -0))
        assert.ok(Object.is(tensor([1]).mul(-0).item(), -0))
        assert.ok(Object.is(tensor([1]).div(-Infinity).item(), -0))
      }))

    for (const [value, description] of [
      ['2', '"2"'],
      [true, 'true'],
      [null, 'null'],
      [undefined, 'undefined'],
      [[1], '[1]'],
    ] as const) {
      it(`may not be ${description}`, () =>
        scope(() => {
          const made = ones([1])

          for (const name of [
            'add',
            'sub',
            'mul',
            'div',
            'eq',
            'ne',
            'lt',
            'le',
            'gt',
            'ge',
            'add_',
            'mul_',
          ] as const) {
            assert.throws(
              () => made[name](value as unknown as number),
              { code: INVALID, message: `Expected a tensor or a number for other, received ${description}` },
              name,
            )
          }
          assert.throws(() => made.pow(value as unknown as number), {
            code: INVALID,
            message: `Expected a tensor or a number for exponent, received ${description}`,
          })
        }))
    }

    it('beyond int64 are refused', () =>
      scope(() => {
        const made = ones([1], { dtype: 'int64' })

        assert.throws(() => made.add(2n ** 63n), {
          code: INVALID,
          message: 'Expected a bigint that fits int64 for other of add',
        })
      }))

    it('that do not broadcast are refused', () =>
      scope(() => {
        const [two, three] = [ones([2]), ones([3])]

        assert.throws(() => two.add(three), {
          code: 'TORCH_OPERATOR',
          message: 'The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0',
        })
      }))
  })

  describe('div()', () => {
    for (const dtype of ['int8', 'int16', 'int32', 'int64'] as const) {
      it(`divides the lowest ${dtype} by -1 without ending the process`, () =>
        scope(() => {
          const lowest = full([64], -(2n ** (8n * BigInt(zeros([1], { dtype }).itemSize) - 1n)), { dtype })

          for (const roundingMode of ['trunc', 'floor'] as const) {
            const quotients = [
              lowest.div(-1, { roundingMode }),
              lowest.div(full([64], -1, { dtype }), { roundingMode }),
              lowest.clone().div_(-1, { roundingMode }),
            ]
            for (const quotient of quotients) assert.ok(quotient.equal(lowest), roundingMode)
          }
        }))
    }

    it('rounds integers towards zero or down', () =>
      scope(() => {
        const made = tensor([-7n, -6n, 0n, 6n, 7n])

        assert.deepEqual(made.div(3, { roundingMode: 'trunc' }).tolist(), [-2n, -2n, 0n, 2n, 2n])
        assert.deepEqual(made.div(-3, { roundingMode: 'trunc' }).tolist(), [2n, 2n, 0n, -2n, -2n])
        assert.deepEqual(made.div(3, { roundingMode: 'floor' }).tolist(), [-3n, -2n, 0n, 2n, 2n])
      }))

    it('refuses to divide integers by zero with rounding, and gives infinities without', () =>
      scope(() => {
        const made = tensor([1n, 0n])

        assert.deepEqual(made.div(0).tolist(), [Infinity, NaN])
        for (const roundingMode of ['trunc', 'floor'] as const) {
          assert.throws(() => made.div(0, { roundingMode }), { code: 'TORCH_OPERATOR', message: 'ZeroDivisionError' })
        }
      }))
  })

  describe('in-place operations', () => {
    it('give the tensor itself', () =>
      scope(() => {
        const made = ones([2])

        assert.equal(
          made
            .add_(1)
            .sub_(1)
            .mul_(2)
            .div_(2)
            .relu_()
            .fill_(3)
            .zero_()
            .copy_(ones([1])),
          made,
        )
        assert.deepEqual(made.tolist(), [1, 1])
      }))

    it('refuse to change the dtype', () =>
      scope(() => {
        const made = ones([1], { dtype: 'int32' })

        assert.throws(() => made.add_(0.5), {
          code: 'TORCH_OPERATOR',
          message: "result type Float can't be cast to the desired output type Int",
        })
      }))

    it('refuse to write to elements that share memory', () =>
      scope(() => {
        const made = ones([1]).expand([3])

        assert.throws(() => made.add_(1), {
          code: 'TORCH_OPERATOR',
          message:
            'unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.',
        })
      }))
  })

  describe('copy_()', () => {
    it('converts and broadcasts', () =>
      scope(() => {
        const made = zeros([2, 2], { dtype: 'int32' })

        assert.deepEqual(made.copy_(tensor([1.9, -1.9])).tolist(), [
          [1, -1],
          [1, -1],
        ])
      }))

    it('copies between overlapping views of one row', () =>
      scope(() => {
        const made = tensor([1, 2, 3])

        assert.deepEqual(made.copy_(made).tolist(), [1, 2, 3])
      }))
  })

  describe('fill_()', () => {
    it('takes numbers, bigints and booleans', () =>
      scope(() => {
        assert.deepEqual(
          zeros([1], { dtype: 'int64' })
            .fill_(2n ** 60n)
            .tolist(),
          [2n ** 60n],
        )
        assert.deepEqual(zeros([1], { dtype: 'bool' }).fill_(true).tolist(), [true])
        assert.ok(Object.is(zeros([]).fill_(-0).item(), -0))
      }))

    it('refuses what does not fit the dtype', () =>
      scope(() => {
        const made = zeros([1], { dtype: 'uint8' })

        assert.throws(() => made.fill_(300), {
          code: INVALID,
          message: 'value cannot be converted to type uint8_t without overflow',
        })
        assert.throws(() => made.fill_('1' as unknown as number), {
          code: INVALID,
          message: 'Expected a number, bigint or boolean for value, received "1"',
        })
      }))
  })

  describe('matmul()', () => {
    it('multiplies vectors, matrices and batches', () =>
      scope(() => {
        const [vector, matrix] = [
          tensor([1, 2]),
          tensor([
            [1, 2],
            [3, 4],
          ]),
        ]

        assert.equal(vector.matmul(vector).item(), 5)
        assert.deepEqual(matrix.matmul(vector).tolist(), [5, 11])
        assert.deepEqual(matrix.matmul(matrix).tolist(), [
          [7, 10],
          [15, 22],
        ])
        assert.deepEqual(matrix.expand([3, 2, 2]).matmul(matrix).shape, [3, 2, 2])
        assert.deepEqual(
          zeros([2, 0])
            .matmul(zeros([0, 3]))
            .tolist(),
          [
            [0, 0, 0],
            [0, 0, 0],
          ],
        )
      }))

    it('refuses sizes and dtypes that do not fit', () =>
      scope(() => {
        const matrix = ones([2, 3])
        const double = ones([3, 2], { dtype: 'float64' })

        assert.throws(() => matrix.matmul(matrix), {
          code: 'TORCH_OPERATOR',
          message: 'mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)',
        })
        assert.throws(() => matrix.matmul(double), {
          code: 'TORCH_OPERATOR',
          message: 'expected m1 and m2 to have the same dtype, but got: float != double',
        })
      }))
  })

  describe('clamp()', () => {
    it('takes one bound or both', () =>
      scope(() => {
        const made = tensor([-2, 0, 2])

        assert.deepEqual(made.clamp({ min: -1 }).tolist(), [-1, 0, 2])
        assert.deepEqual(made.clamp({ max: 1 }).tolist(), [-2, 0, 1])
        assert.deepEqual(made.clamp({ min: -1, max: Infinity }).tolist(), [-1, 0, 2])
      }))
  })

  describe('equal()', () => {
    it('compares shape and elements', () =>
      scope(() => {
        const made = tensor([1, 2])

        assert.equal(made.equal(tensor([1, 2])), true)
        assert.equal(made.equal(tensor([[1, 2]])), false)
        assert.equal(made.equal(tensor([1, 3])), false)
        assert.equal(zeros([0]).equal(zeros([0])), true)
        assert.equal(zeros([0, 1]).equal(zeros([0])), false)
      }))

    it('counts zeros of both signs as equal, and NaN as equal to nothing', () =>
      scope(() => {
        assert.equal(tensor([0]).equal(tensor([-0])), true)
        assert.equal(tensor([NaN]).equal(tensor([NaN])), false)
      }))
  })

  describe('allclose()', () => {
    it('compares within the tolerance', () =>
      scope(() => {
        const [one, near] = [tensor([1], { dtype: 'float64' }), tensor([1 + 1e-6], { dtype: 'float64' })]

        assert.equal(one.allclose(near), true)
        assert.equal(one.allclose(near, { rtol: 1e-9 }), false)
        assert.equal(one.allclose(near, { rtol: 0, atol: 1e-5 }), true)
      }))

    it('counts NaN as equal where asked', () =>
      scope(() => {
        const made = tensor([NaN])

        assert.deepEqual([made.allclose(made), made.allclose(made, { equalNan: true })], [false, true])
      }))
  })

  it('take NaN for a factor and a bound, as PyTorch does', () =>
    scope(() => {
      const x = tensor([1, 2])

      const made = [x.add(1, { alpha: NaN }), x.sub(x, { alpha: NaN }), x.clamp({ min: NaN }), x.clamp({ max: NaN })]

      assert.deepEqual(
        made.map((each) => each.tolist()),
        Array(4).fill([NaN, NaN]),
      )
    }))

  for (const dtype of ['float16', 'bfloat16'] as const) {
    it(`mul_() of ${dtype} rounds the product alone, and not the number`, () =>
      scope(() => {
        const x = arange(1, 100, { dtype })

        const [wanted, received] = [x.mul(0.1), x.clone().mul_(0.1)]

        assert.ok(received.equal(wanted))
      }))
  }

  describe('bad arguments', () => {
    const cases: readonly [method: string, args: readonly unknown[], message: string][] = [
      ['add', [1, { aplha: 2 }], 'Expected options among alpha for add(), received "aplha" (did you mean alpha?)'],
      ['add', [1, { alpha: null }], 'Expected a number for alpha, received null'],
      ['add', [1, 2], 'Expected an options object for add(), received 2; write: add(1, { alpha: 2 })'],
      ['sub_', [1, { alpha: '2' }], 'Expected a number for alpha, received "2"'],
      [
        'div',
        [1, { rounding: 'floor' }],
        'Expected options among roundingMode for div(), received "rounding" (did you mean roundingMode?)',
      ],
      ['div', [1, { roundingMode: 'ceil' }], "Expected 'trunc' or 'floor' for roundingMode, received \"ceil\""],
      ['clamp', [{}], 'Expected min or max for clamp(), received an object'],
      ['clamp', [{ min: '0' }], 'Expected a number for min, received "0"'],
      ['clamp', [{ low: 1 }], 'Expected options among min, max for clamp(), received "low"'],
      ['clamp', [], 'Expected min or max for clamp(), received an object'],
      ['clamp', [0, 1, 2], 'Expected an options object for clamp(), received 2'],
      ['matmul', [2], 'Expected a tensor for other, received 2'],
      ['copy_', [1], 'Expected a tensor for source, received 1'],
      ['equal', [1], 'Expected a tensor for other, received 1'],
      ['allclose', [undefined], 'Expected a tensor for other, received undefined'],
      ['uniform_', [NaN], 'Expected a number for low, received NaN'],
      ['uniform_', [0, '1'], 'Expected a number for high, received "1"'],
      ['uniform_', [0, 1, { seed: 1 }], 'Expected options among generator for uniform_(), received "seed"'],
      ['uniform_', [0, 1, { generator: 1 }], 'Expected a Generator for generator, received 1'],
      ['normal_', [0, NaN], 'Expected a number for std, received NaN'],
      ['normal_', [0, 1, { generator: {} }], 'Expected a Generator for generator, received an object'],
    ]
    for (const [method, args, message] of cases) {
      it(`${method}(${args.map((value) => JSON.stringify(value)).join(', ')}) is refused`, () =>
        scope(() => {
          const made = ones([2])

          assert.throws(() => call(made, method, args), { code: INVALID, message })
        }))
    }

    for (const [options, message] of [
      [{ rtol: NaN }, 'Expected a number for rtol, received NaN'],
      [{ atol: '0' }, 'Expected a number for atol, received "0"'],
      [{ equalNan: 1 }, 'Expected a boolean for equalNan, received 1'],
      [
        { equalNaN: true },
        'Expected options among rtol, atol, equalNan for allclose(), received "equalNaN" (did you mean equalNan?)',
      ],
    ] as const) {
      it(`allclose(other, ${JSON.stringify(options)}) is refused`, () =>
        scope(() => {
          const made = ones([2])

          assert.throws(() => call(made, 'allclose', [made, options]), { code: INVALID, message })
        }))
    }

    it('negative tolerances are refused by libtorch', () =>
      scope(() => {
        const made = ones([1])

        assert.throws(() => made.allclose(made, { rtol: -1 }), {
          code: 'TORCH_OPERATOR',
          message: 'rtol must be greater than or equal to zero, but got -1',
        })
      }))

    it('the error of libtorch holds its C++ trace aside, and the stack of the caller', () =>
      scope(() => {
        const made = tensor([true])

        assert.throws(
          function callOfTheUser() {
            made.neg()
          },
          (error: TorchError) => {
            assert.equal(error.code, 'TORCH_OPERATOR')
            assert.equal(error.message.includes('\n'), false)
            assert.match(error.stack ?? '', /callOfTheUser/)
            assert.match(error.nativeTrace ?? '', /Negation.*\n.*frame/s)
            assert.equal(Object.keys(error).includes('nativeTrace'), false)
            return true
          },
        )
      }))
  })
})

function call(made: Tensor, method: string, args: readonly unknown[]): unknown {
  return Reflect.apply(Reflect.get(made, method) as (...args: unknown[]) => unknown, made, args)
}
