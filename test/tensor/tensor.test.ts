import assert from 'node:assert/strict'

import { arange, DTYPES, full, ones, scope, tensor, zeros, type Tensor } from 'napi-torch'

import { itWithPython, python } from '../support/python.js'

const INVALID = 'TORCH_INVALID_ARGUMENT'

/** 0 to 5 in the shape (2, 3). */
const matrix = (): Tensor<'float32'> => arange(6).view([2, 3])

describe('Tensor', () => {
  const cases: readonly [title: string, make: () => Tensor, shape: readonly number[], list: unknown][] = [
    ['sum() adds all', () => matrix().sum(), [], 15],
    ['sum() adds along a dimension', () => matrix().sum({ dim: 0 }), [3], [3, 5, 7]],
    ['sum() adds along several', () => matrix().sum({ dim: [0, -1], keepdim: true }), [1, 1], [[15]]],
    ['sum() adds all where no dimension is listed', () => matrix().sum({ dim: [] }), [], 15],
    ['sum() of nothing is 0', () => zeros([0]).sum(), [], 0],
    ['sum() of empty rows is 0 each', () => zeros([2, 0]).sum({ dim: 1 }), [2], [0, 0]],
    ['sum() of a scalar is itself', () => tensor(4).sum({ dim: 0 }), [], 4],
    ['sum() of integers is int64', () => full([300], 100, { dtype: 'int8' }).sum(), [], 30000n],
    ['sum() of bool counts', () => tensor([true, false, true]).sum(), [], 2n],
    ['sum() converts first', () => full([300], 100, { dtype: 'uint8' }).sum({ dtype: 'uint8' }), [], (300 * 100) % 256],
    ['mean() averages all', () => matrix().mean(), [], 2.5],
    ['mean() averages along a dimension', () => matrix().mean({ dim: -1, keepdim: true }), [2, 1], [[1], [4]]],
    ['mean() of integers needs a dtype', () => tensor([1n, 2n]).mean({ dtype: 'float64' }), [], 1.5],
    ['mean() of nothing is NaN', () => zeros([0]).mean(), [], NaN],
    ['max() gives the largest', () => matrix().max(), [], 5],
    ['max() gives the largest along a dimension', () => matrix().max({ dim: 1 }), [2], [2, 5]],
    ['max() lets NaN win', () => tensor([1, NaN]).max(), [], NaN],
    ['min() gives the smallest', () => matrix().min({ dim: 0, keepdim: true }), [1, 3], [[0, 1, 2]]],
    ['min() of int64 stays exact', () => tensor([2n ** 53n + 1n, 2n ** 60n]).min(), [], 2n ** 53n + 1n],
    ['max() of bool is bool', () => tensor([true, false]).max(), [], true],
    ['argmax() counts over all', () => matrix().argmax(), [], 5n],
    ['argmax() counts along a dimension', () => matrix().argmax({ dim: 0, keepdim: true }), [1, 3], [[1n, 1n, 1n]]],
    ['argmax() of a scalar is 0', () => tensor(7).argmax(), [], 0n],
    ['argmax() gives NaN the first place', () => tensor([1, NaN, 3]).argmax(), [], 1n],
    [
      'softmax() sums to 1',
      () => zeros([2, 4]).softmax(1),
      [2, 4],
      [
        [0.25, 0.25, 0.25, 0.25],
        [0.25, 0.25, 0.25, 0.25],
      ],
    ],
    ['softmax() of a scalar is 1', () => tensor(3).softmax(0), [], 1],
    ['softmax() of empty rows is empty', () => zeros([2, 0]).softmax(1), [2, 0], [[], []]],
    [
      'softmax() converts first',
      () => tensor([0, 0], { dtype: 'float16' }).softmax(0, { dtype: 'float64' }),
      [2],
      [0.5, 0.5],
    ],
    ['logSoftmax() of a single class is 0', () => ones([2, 1]).logSoftmax(-1), [2, 1], [[0], [0]]],
  ]
  for (const [title, make, shape, list] of cases) {
    it(title, () =>
      scope(() => {
        const made = make()

        assert.deepEqual([made.shape, made.tolist()], [shape, list])
      }),
    )
  }

  itWithPython('reductions have the dtype of PyTorch for every dtype, or are refused as there', () => {
    const names = ['sum', 'mean', 'amax', 'amin', 'argmax'] as const
    const script = `
import json, torch
def outcome(operation):
    try: return str(operation().dtype)[6:]
    except RuntimeError: return 'refused'
print(json.dumps({f'{name} {dtype}': outcome(lambda: getattr(torch.ones(3).to(getattr(torch, dtype)), name)())
    for name in ${JSON.stringify(names)} for dtype in ${JSON.stringify(DTYPES)}}))`
    const expected = JSON.parse(python(script)) as Record<string, unknown>

    const ours = { sum: 'sum', mean: 'mean', amax: 'max', amin: 'min', argmax: 'argmax' } as const
    const actual = names.flatMap((name) =>
      DTYPES.map((dtype) => {
        const outcome = scope(() => {
          try {
            const made: Record<(typeof ours)[keyof typeof ours], () => Tensor> = ones([3], { dtype })
            return made[ours[name]]().dtype
          } catch {
            return 'refused'
          }
        })
        return [`${name} ${dtype}`, outcome]
      }),
    )
    assert.deepEqual(Object.fromEntries(actual), expected)
  })

  describe('topk()', () => {
    it('gives the largest and their places, in order', () =>
      scope(() => {
        const { values, indices } = tensor([[1, 3, 2]]).topk(2)

        assert.deepEqual([values.tolist(), indices.tolist()], [[[3, 2]], [[1n, 2n]]])
      }))

    it('gives the smallest along another dimension', () =>
      scope(() => {
        const { values, indices } = matrix().topk(1, { dim: 0, largest: false })

        assert.deepEqual([values.tolist(), indices.tolist()], [[[0, 1, 2]], [[0n, 0n, 0n]]])
      }))

    it('gives nothing of nothing, and a scalar of a scalar', () =>
      scope(() => {
        assert.deepEqual(matrix().topk(0).values.shape, [2, 0])
        assert.equal(tensor(3).topk(1).values.item(), 3)
      }))
  })

  describe('bad arguments', () => {
    const refused: readonly [method: string, args: readonly unknown[], message: string][] = [
      [
        'sum',
        [{ dims: 0 }],
        'Expected options among dim, keepdim, dtype for sum(), received "dims" (did you mean dim?)',
      ],
      ['sum', [0, true], 'Expected an options object for sum(), received true; write: sum(0, { keepdim: true })'],
      ['max', [0, true], 'Expected an options object for max(), received true; write: max(0, { keepdim: true })'],
      ['sum', [{ dim: NaN }], 'Expected an integer or an array of integers for dim, received NaN'],
      ['sum', [{ dim: [0.5] }], 'Expected an integer or an array of integers for dim, received [0.5]'],
      ['sum', [{ dim: 'x' }], 'Expected an integer or an array of integers for dim, received "x"'],
      ['sum', [{ dim: null }], 'Expected an integer or an array of integers for dim, received null'],
      ['mean', [{ keepdim: 1 }], 'Expected a boolean for keepdim, received 1'],
      ['max', [{ dim: [0] }], 'Expected an integer for dim, received [0]'],
      [
        'min',
        [{ keepDim: true }],
        'Expected options among dim, keepdim for min(), received "keepDim" (did you mean keepdim?)',
      ],
      ['argmax', [{ keepdim: 'no' }], 'Expected a boolean for keepdim, received "no"'],
      ['topk', [], 'Expected a non-negative integer for k, received undefined'],
      ['topk', [NaN], 'Expected a non-negative integer for k, received NaN'],
      ['topk', [4], 'Expected at most 3, the size of dimension -1, for k, received 4'],
      ['topk', [1, { dim: 2 }], 'Expected a dimension from -2 to 1 for dim, received 2'],
      ['topk', [1, { largest: 0 }], 'Expected a boolean for largest, received 0'],
      [
        'topk',
        [1, { sort: true }],
        'Expected options among dim, largest, sorted for topk(), received "sort" (did you mean sorted?)',
      ],
      ['softmax', [], 'Expected an integer for dim, received undefined'],
      ['softmax', [NaN], 'Expected an integer for dim, received NaN'],
      [
        'softmax',
        [0, { type: 'float64' }],
        'Expected options among dtype for softmax(), received "type" (did you mean dtype?)',
      ],
      ['logSoftmax', [0, null], 'Expected an options object for logSoftmax(), received null'],
    ]
    for (const [method, args, message] of refused) {
      it(`${method}(${args.map((value) => JSON.stringify(value)).join(', ')}) is refused`, () =>
        scope(() => {
          const made = matrix()

          assert.throws(() => call(made, method, args), { code: INVALID, message })
        }))
    }

    it('an unknown dtype is refused', () =>
      scope(() => {
        const made = matrix()

        for (const method of ['sum', 'mean']) {
          assert.throws(() => call(made, method, [{ dtype: 'float' }]), {
            code: INVALID,
            message: /for dtype, received "float"$/,
          })
        }
        assert.throws(() => call(made, 'softmax', [0, { dtype: 'x' }]), {
          code: INVALID,
          message: /for dtype, received "x"$/,
        })
      }))

    const libtorch: readonly [title: string, operation: () => unknown, message: string][] = [
      [
        'a dimension that is not there',
        () => matrix().sum({ dim: 2 }),
        'Dimension out of range (expected to be in range of [-2, 1], but got 2)',
      ],
      ['a dimension twice', () => matrix().sum({ dim: [0, -2] }), 'dim 0 appears multiple times in the list of dims'],
      [
        'the mean of integers',
        () => tensor([1n]).mean(),
        'mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long',
      ],
      [
        'the largest of nothing',
        () => zeros([0]).max(),
        "amax(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.",
      ],
      [
        'the place of the largest of nothing',
        () => zeros([0]).argmax(),
        'argmax(): Expected reduction dim to be specified for input.numel() == 0.',
      ],
      [
        'softmax of integers',
        () => tensor([1n]).softmax(0),
        '"softmax_lastdim_kernel_impl" not implemented for \'Long\'',
      ],
    ]
    for (const [title, operation, message] of libtorch) {
      it(`${title} is refused by libtorch, in one line`, () =>
        scope(() => {
          assert.throws(operation, { code: 'TORCH_OPERATOR', message })
        }))
    }
  })
})

function call(made: Tensor, method: string, args: readonly unknown[]): unknown {
  return Reflect.apply(Reflect.get(made, method) as (...args: unknown[]) => unknown, made, args)
}
