import assert from 'node:assert/strict'

import { arange, cuda, DTYPES, full, scope, tensor, zeros, type Tensor } from 'napi-torch'

const INVALID = 'TORCH_INVALID_ARGUMENT'

/** 0 to 23 in the shape (2, 3, 4). */
const block = (): Tensor => arange(24).view([2, 3, 4])
const image = (): Tensor => arange(24).view([1, 2, 3, 4])

describe('views', () => {
  const cases: readonly [
    title: string,
    of: () => Tensor,
    make: (base: Tensor) => Tensor,
    shape: readonly number[],
    first: number,
  ][] = [
    ['view()', block, (base) => base.view([4, 6]), [4, 6], 0],
    ['view() with a size that follows', block, (base) => base.view([4, -1]), [4, 6], 0],
    ['view() to no dimensions', () => tensor([5]), (base) => base.view([]), [], 5],
    ['reshape()', block, (base) => base.reshape([24]), [24], 0],
    ['flatten()', block, (base) => base.flatten(), [24], 0],
    ['flatten() of some dimensions', block, (base) => base.flatten(1), [2, 12], 0],
    ['flatten() of no dimensions', () => tensor(5), (base) => base.flatten(), [1], 5],
    ['permute()', block, (base) => base.permute([2, 0, 1]), [4, 2, 3], 0],
    ['permute() of no dimensions', () => tensor(5), (base) => base.permute([]), [], 5],
    ['transpose()', block, (base) => base.transpose(0, -1), [4, 3, 2], 0],
    ['squeeze() of all', image, (base) => base.squeeze(), [2, 3, 4], 0],
    ['squeeze() of one', image, (base) => base.squeeze(0), [2, 3, 4], 0],
    ['squeeze() of one that has another size', image, (base) => base.squeeze(1), [1, 2, 3, 4], 0],
    ['squeeze() of several', image, (base) => base.unsqueeze(-1).squeeze([0, -1]), [2, 3, 4], 0],
    ['squeeze() of several by name', image, (base) => base.squeeze({ dim: [0, 1] }), [2, 3, 4], 0],
    ['squeeze() of none', image, (base) => base.squeeze([]), [1, 2, 3, 4], 0],
    ['squeeze() of no dimensions', () => tensor(5), (base) => base.squeeze(), [], 5],
    ['unsqueeze()', block, (base) => base.unsqueeze(-1), [2, 3, 4, 1], 0],
    ['expand()', image, (base) => base.expand([5, -1, -1, 4]), [5, 2, 3, 4], 0],
    ['select()', block, (base) => base.select(1, -1), [2, 4], 8],
    ['slice()', block, (base) => base.slice(2, 1, 4, 2), [2, 3, 2], 1],
    ['slice() from the end', block, (base) => base.slice(1, -2), [2, 2, 4], 4],
    ['slice() to a negative end', block, (base) => base.slice(1, 1, -1), [2, 1, 4], 4],
    ['narrow()', block, (base) => base.narrow(0, 1, 1), [1, 3, 4], 12],
    ['narrow() from the end', block, (base) => base.narrow(2, -1, 1), [2, 3, 1], 3],
    ['split()', block, (base) => base.split(2, { dim: 1 })[1] ?? base, [2, 1, 4], 8],
    ['detach()', block, (base) => base.detach(), [2, 3, 4], 0],
    ['contiguous() where it is', block, (base) => base.contiguous(), [2, 3, 4], 0],
    ['to() where nothing changes', block, (base) => base.to('float32'), [2, 3, 4], 0],
    ['cpu() of a tensor there', block, (base) => base.cpu(), [2, 3, 4], 0],
  ]
  for (const [title, of, make, shape, first] of cases) {
    it(`${title} shares the memory`, () =>
      scope(() => {
        const base = of()
        const made = make(base)

        assert.deepEqual(made.shape, shape)
        assert.equal(made.toArray()[0], first)
        made.fill_(-1)
        assert.equal(base.toArray()[made.storageOffset], -1)
      }))

    it(`${title} lives on when the tensor is disposed, and the reverse`, () =>
      scope(() => {
        const [one, other] = [of(), of()]
        const [made, gone] = [make(one), make(other)]
        one.dispose()
        gone.dispose()

        assert.equal(made.toArray()[0], first)
        assert.equal(other.toArray()[0], of().toArray()[0])
      }))
  }
})

describe('copies', () => {
  const cases: readonly [title: string, make: (base: Tensor) => Tensor][] = [
    ['clone()', (base) => base.clone()],
    ['to() with copy', (base) => base.to({ copy: true })],
    ['to() another dtype', (base) => base.to('float64')],
    ['flip()', (base) => base.flip([0])],
    ['indexSelect()', (base) => base.indexSelect(0, tensor([0n, 1n]))],
    ['reshape() of what is not in order', (base) => base.transpose(0, 1).reshape([24])],
    ['contiguous() of what is not in order', (base) => base.transpose(0, 1).contiguous()],
  ]
  for (const [title, make] of cases) {
    it(`${title} has memory of its own`, () =>
      scope(() => {
        const base = block()
        make(base).fill_(-1)

        assert.deepEqual(base.tolist(), block().tolist())
      }))
  }
})

describe('Tensor', () => {
  describe('to()', () => {
    for (const from of DTYPES) {
      it(`converts ${from} to every dtype`, () =>
        scope(() => {
          const base = full([2], 1, { dtype: from })

          for (const to of DTYPES) {
            const made = base.to(to)
            assert.deepEqual([made.dtype, made.toFloat32Array()], [to, Float32Array.of(1, 1)], to)
          }
        }))
    }

    it('rounds towards zero to integers and to the nearest bfloat16', () =>
      scope(() => {
        assert.deepEqual(tensor([1.9, -1.9]).to('int32').tolist(), [1, -1])
        assert.deepEqual(tensor([1.005]).bfloat16().tolist(), [1.0078125])
      }))

    it('takes dtype, device and layout at once', () =>
      scope(() => {
        const made = image().to({ dtype: 'float16', device: 'cpu', memoryFormat: 'channels_last' })

        assert.deepEqual([made.dtype, made.strides], ['float16', [24, 1, 8, 2]])
      }))

    it('keeps the layout unless another is asked for', () =>
      scope(() => {
        const channelsLast = image().contiguous({ memoryFormat: 'channels_last' })

        assert.deepEqual(channelsLast.double().strides, [24, 1, 8, 2])
        assert.deepEqual(channelsLast.to({ memoryFormat: 'contiguous_format' }).strides, [24, 12, 4, 1])
      }))

    it('has short forms for the floats', () =>
      scope(() => {
        const made = zeros([1])

        assert.deepEqual(
          [made.half(), made.bfloat16(), made.double(), made.double().float()].map(({ dtype }) => dtype),
          ['float16', 'bfloat16', 'float64', 'float32'],
        )
      }))

    if (!cuda.isAvailable()) {
      for (const [call, device] of [
        [(made: Tensor) => made.cuda(), 'cuda'],
        [(made: Tensor) => made.cuda(1), 'cuda:1'],
        [(made: Tensor) => made.to('cuda:0'), 'cuda:0'],
      ] as const) {
        it(`says in one sentence that there is no ${device}`, () =>
          scope(() => {
            const made = zeros([1])

            assert.throws(() => call(made), {
              code: 'TORCH_CUDA_UNAVAILABLE',
              message: `Device '${device}' was asked for, but ${cuda.unavailableReason()}`,
            })
          }))
      }
    }
  })

  describe('contiguous()', () => {
    it('makes a tensor channels-last (NHWC)', () =>
      scope(() => {
        const channelsLast = image().contiguous({ memoryFormat: 'channels_last' })

        assert.deepEqual(
          [channelsLast.shape, channelsLast.strides],
          [
            [1, 2, 3, 4],
            [24, 1, 8, 2],
          ],
        )
        assert.ok(channelsLast.equal(image()))
      }))
  })

  describe('flip()', () => {
    it('reverses dimensions', () =>
      scope(() => {
        assert.deepEqual(arange(4).view([2, 2]).flip([0, -1]).tolist(), [
          [3, 2],
          [1, 0],
        ])
      }))
  })

  describe('indexSelect()', () => {
    it('copies the entries in the order of the index, repeated ones too', () =>
      scope(() => {
        const index = tensor([2, 0, 2], { dtype: 'int32' })

        assert.deepEqual(arange(3).indexSelect(0, index).tolist(), [2, 0, 2])
        assert.deepEqual(block().indexSelect(2, tensor([], { dtype: 'int64' })).shape, [2, 3, 0])
      }))

    it('refuses an index that is out of range or no integer', () =>
      scope(() => {
        const base = arange(3)
        const [far, fraction] = [tensor([3n]), tensor([0.5])]

        assert.throws(() => base.indexSelect(0, far), { code: 'TORCH_OPERATOR', message: 'index out of range in self' })
        assert.throws(() => base.indexSelect(0, fraction), {
          code: 'TORCH_OPERATOR',
          message: 'index_select(): Expected dtype int32 or int64 for index',
        })
      }))
  })

  describe('slice()', () => {
    for (const [start, end, step, list] of [
      [1, undefined, 1, [1, 2, 3]],
      [-2, undefined, 1, [2, 3]],
      [0, -1, 1, [0, 1, 2]],
      [0, 99, 1, [0, 1, 2, 3]],
      [-99, 2, 1, [0, 1]],
      [3, 1, 1, []],
      [0, undefined, 3, [0, 3]],
    ] as const) {
      it(`gives what Python's [${start}:${end ?? ''}:${step}] gives`, () =>
        scope(() => {
          assert.deepEqual(arange(4).slice(0, start, end, step).tolist(), list)
        }))
    }
  })

  describe('split()', () => {
    it('gives what is left as the last part', () =>
      scope(() => {
        assert.deepEqual(
          arange(5)
            .split(2)
            .map((part) => part.tolist()),
          [[0, 1], [2, 3], [4]],
        )
      }))
  })

  describe('bad arguments', () => {
    const cases: readonly [method: string, args: readonly unknown[], message: string][] = [
      ['to', [null], 'Expected an options object for to(), received null'],
      ['to', ['float'], 'Expected a dtype or a device for to(), received "float"'],
      [
        'to',
        [{ type: 'int8' }],
        'Expected options among dtype, device, copy, memoryFormat for to(), received "type" (did you mean dtype?)',
      ],
      ['to', [{ device: 'gpu' }], "Expected 'cpu', 'cuda' or 'cuda:N' for device, received \"gpu\""],
      ['to', [{ copy: 1 }], 'Expected a boolean for copy, received 1'],
      [
        'to',
        [{ memoryFormat: 'channels_last' }],
        "Expected a tensor (N, C, H, W) for memoryFormat 'channels_last', received float32 (2, 3, 4)",
      ],
      ['cuda', [NaN], 'Expected an integer for index, received NaN'],
      [
        'contiguous',
        [{ memoryformat: 'channels_last' }],
        'Expected options among memoryFormat for contiguous(), received "memoryformat" (did you mean memoryFormat?)',
      ],
      [
        'contiguous',
        [{ memoryFormat: 'nhwc' }],
        "Expected one of 'contiguous_format', 'channels_last' for memoryFormat, received \"nhwc\"",
      ],
      [
        'contiguous',
        [{ memoryFormat: 'channels_last' }],
        "Expected a tensor (N, C, H, W) for memoryFormat 'channels_last', received float32 (2, 3, 4)",
      ],
      ['view', [], 'Expected an array of sizes, -1 for one that follows for shape, received undefined'],
      ['view', [2, '3'], 'Expected an array of sizes, -1 for one that follows for shape, received [2, "3"]'],
      ['view', [[-2]], 'Expected an array of sizes, -1 for one that follows for shape, received [-2]'],
      ['view', [[NaN]], 'Expected an array of sizes, -1 for one that follows for shape, received [NaN]'],
      ['reshape', [[0.5]], 'Expected an array of sizes, -1 for one that follows for shape, received [0.5]'],
      ['expand', ['2'], 'Expected an array of sizes, -1 for one that follows for shape, received "2"'],
      ['flatten', [0.5], 'Expected an integer for startDim, received 0.5'],
      ['flatten', [0, NaN], 'Expected an integer for endDim, received NaN'],
      ['permute', [0, 0.5], 'Expected an array of integers for dims, received [0, 0.5]'],
      ['transpose', [0], 'Expected an integer for dim1, received undefined'],
      ['squeeze', ['0'], 'Expected an integer or an array of integers for dim, received "0"'],
      ['unsqueeze', [], 'Expected an integer for dim, received undefined'],
      ['select', [0, NaN], 'Expected an integer for index, received NaN'],
      ['slice', [0, 0, null], 'Expected an integer for end, received null'],
      ['slice', [0, 0, 1, 0], 'Expected a positive integer for step, received 0'],
      ['slice', [0, 0, 1, -1], 'Expected a positive integer for step, received -1'],
      ['narrow', [0, 3, 1], 'Expected an index from -2 to 2 for start, received 3'],
      ['narrow', [0, 1, 2], 'Expected a length from 0 to 1 for length, received 2'],
      ['narrow', [0, 1, -1], 'Expected a length from 0 to 1 for length, received -1'],
      ['narrow', [3, 0, 1], 'Expected a dimension from -3 to 2 for dim, received 3'],
      ['indexSelect', [0, [1]], 'Expected a tensor for index, received [1]'],
      ['split', [0], 'Expected a positive integer for size, received 0'],
      ['split', [1, { axis: 1 }], 'Expected options among dim for split(), received "axis" (did you mean dim?)'],
    ]
    for (const [method, args, message] of cases) {
      it(`${method}(${args.map((value) => JSON.stringify(value)).join(', ')}) is refused`, () =>
        scope(() => {
          const base = block()

          assert.throws(() => call(base, method, args), { code: INVALID, message })
        }))
    }

    const libtorch: readonly [method: string, args: readonly unknown[], message: string][] = [
      ['view', [[5, 5]], "shape '[5, 5]' is invalid for input of size 24"],
      ['view', [[-1, -1]], 'only one dimension can be inferred'],
      ['reshape', [[0, -1]], "shape '[0, -1]' is invalid for input of size 24"],
      [
        'expand',
        [[5, 3, 4]],
        'The expanded size of the tensor (5) must match the existing size (2) at non-singleton dimension 0.  Target sizes: [5, 3, 4].  Tensor sizes: [2, 3, 4]',
      ],
      [
        'permute',
        [[0, 1]],
        'permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired ordering of dimensions i.e. input.dim() = 3 is not equal to len(dims) = 2',
      ],
      ['permute', [[0, 0, 1]], 'permute(): duplicate dims are not allowed.'],
      ['transpose', [0, 3], 'Dimension out of range (expected to be in range of [-3, 2], but got 3)'],
      ['select', [0, 2], 'select(): index 2 out of range for tensor of size [2, 3, 4] at dimension 0'],
      ['squeeze', [[0, 0]], 'dim 0 appears multiple times in the list of dims'],
      ['unsqueeze', [5], 'Dimension out of range (expected to be in range of [-4, 3], but got 5)'],
      ['flip', [[0, 0]], 'dim 0 appears multiple times in the list of dims'],
    ]
    for (const [method, args, message] of libtorch) {
      it(`${method}(${args.map((value) => JSON.stringify(value)).join(', ')}) is refused by libtorch, in one line`, () =>
        scope(() => {
          const base = block()

          assert.throws(() => call(base, method, args), { code: 'TORCH_OPERATOR', message })
        }))
    }

    it('a view of what is not in order is refused', () =>
      scope(() => {
        const base = block().transpose(0, 1)

        assert.throws(() => base.view([24]), {
          code: 'TORCH_OPERATOR',
          message:
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead.",
        })
      }))

    it('a view of more elements than 64 bits count is refused', () =>
      scope(() => {
        const base = zeros([1, 1])

        assert.throws(() => base.expand([2 ** 53 - 1, 2 ** 53 - 1]), {
          code: INVALID,
          message: 'numel: integer multiplication overflow',
        })
      }))
  })
})

describe('every dtype', () => {
  for (const dtype of DTYPES) {
    it(`of ${dtype} survives views and copies`, () =>
      scope(() => {
        const base = full([1, 2, 2, 1], 1, { dtype })

        const made = base
          .contiguous({ memoryFormat: 'channels_last' })
          .permute([3, 1, 2, 0])
          .flip([1])
          .clone()
          .squeeze()

        assert.deepEqual([made.dtype, made.toFloat32Array()], [dtype, Float32Array.of(1, 1, 1, 1)])
      }))
  }
})

function call(base: Tensor, method: string, args: readonly unknown[]): unknown {
  return Reflect.apply(Reflect.get(base, method) as (...args: unknown[]) => unknown, base, args)
}
