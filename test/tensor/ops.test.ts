import assert from 'node:assert/strict'

import { ops, scope, tensor, zeros, type Tensor } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

const UNSHUFFLE = 'aten::pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor'
const SCHEMA = 'Expected an operator that is offered'

/** Calls that are refused before libtorch is asked. */
const REFUSED: readonly (readonly [title: string, call: () => unknown, message: string])[] = [
  [
    'an operator that libtorch lacks',
    () => ops.aten('aten::soft_max', zeros([1])),
    'Expected name and overload of an operator of libtorch, such as aten::softmax.int, for schema, received "aten::soft_max"',
  ],
  [
    'an argument that is missing',
    () => ops.aten('aten::pixel_unshuffle', zeros([1, 2, 2])),
    `Expected an integer for downscale_factor of ${UNSHUFFLE}, received undefined`,
  ],
  [
    'an argument of another type',
    () => ops.aten('aten::pixel_unshuffle', zeros([1, 2, 2]), 1.5),
    `Expected an integer for downscale_factor of ${UNSHUFFLE}, received 1.5`,
  ],
  [
    'more arguments than the schema has',
    () => ops.aten('aten::pixel_unshuffle', zeros([1, 2, 2]), 2, 3),
    `Expected at most 2 arguments for ${UNSHUFFLE}, received 3`,
  ],
  [
    'a name that the schema has not',
    () => ops.aten('aten::pixel_unshuffle', zeros([1, 2, 2]), { factor: 2 }),
    `Expected names of arguments that are not given by position for ${UNSHUFFLE}, received "factor"`,
  ],
  [
    'a name of an argument that is given by position',
    () => ops.aten('aten::pixel_unshuffle', zeros([1, 2, 2]), { self: 2 }),
    `Expected names of arguments that are not given by position for ${UNSHUFFLE}, received "self"`,
  ],
  ['out=', () => ops.aten('aten::abs.out'), `${SCHEMA}: it writes into out; for schema, received "aten::abs.out"`],
  [
    'an operator that reads a file',
    () => ops.aten('aten::from_file', '/etc/passwd'),
    `${SCHEMA}: it reads a file; for schema, received "aten::from_file"`,
  ],
  [
    'an operator that takes a storage',
    () => ops.aten('aten::set_.source_Storage', zeros([1]), null),
    `${SCHEMA}: it replaces the memory of a tensor; for schema, received "aten::set_.source_Storage"`,
  ],
  [
    'an operator that takes a stream',
    () => ops.aten('aten::record_stream', zeros([1]), null),
    `${SCHEMA}: it takes a Stream; for schema, received "aten::record_stream"`,
  ],
  [
    'an operator that changes a shape in place',
    () => ops.aten('aten::t_', zeros([1, 2])),
    `${SCHEMA}: it changes the shape of a tensor in place; for schema, received "aten::t_"`,
  ],
  [
    'a result of complex numbers',
    () => ops.aten('aten::fft_fft', zeros([4])),
    'The operator gives a tensor ComplexFloat of layout Strided, which has no form here',
  ],
]

describe('ops.aten()', () => {
  inScope('takes arguments by position, by the names of the schema, and one number for a list', () => {
    const x = tensor([[[0, 1, 2, 3]], [[4, 5, 6, 7]], [[8, 9, 10, 11]], [[12, 13, 14, 15]]])

    assert.deepEqual(ops.aten('aten::pixel_shuffle', x, 2).shape, [1, 2, 8])
    assert.deepEqual(ops.aten('aten::avg_pool2d', x, [1, 2], { ceil_mode: true }).shape, [4, 1, 2])
    assert.deepEqual(ops.aten('aten::max_pool2d', x, { kernel_size: 1, stride: [1, 2] }).shape, [4, 1, 2])
    assert.equal(ops.aten('aten::softmax.int', x, { dim: 0, dtype: 'float64' }).dtype, 'float64')
    assert.deepEqual(ops.aten('aten::stack', [x, x], 1).shape, [4, 2, 1, 4])
    assert.deepEqual(ops.aten('aten::index.Tensor', x, [null, null, tensor([1n, 0n])]).shape, [4, 1, 2])
  })

  inScope('gives a tensor, an array of tensors, an array of results, or a value', () => {
    const x = tensor([3, 1, 3])

    const parts = ops.aten<Tensor[]>('aten::unbind.int', x)
    const [values, indices] = ops.aten<[Tensor, Tensor]>('aten::mode', x)

    assert.deepEqual(
      parts.map((part) => part.item()),
      [3, 1, 3],
    )
    assert.deepEqual([values.item(), indices.item()], [3, 2n])
    assert.equal(ops.aten<boolean>('aten::equal', x, x), true)
    assert.equal(ops.aten<bigint>('aten::size.int', x, 0), 3n)
  })

  inScope('gives the first argument back where the operator changes it', () => {
    const x = tensor([-1, 1])

    assert.equal(ops.aten('aten::relu_', x), x)
    assert.deepEqual(x.tolist(), [0, 1])
  })

  for (const [title, call, message] of REFUSED) {
    inScope(`refuses ${title}`, () => {
      assert.throws(call, { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }

  inScope('refuses a disposed tensor, and passes on what libtorch refuses', () => {
    const x = zeros([2])
    x.dispose()

    assert.throws(() => ops.aten('aten::relu', x), { code: 'TORCH_DISPOSED' })
    assert.throws(() => ops.aten('aten::pixel_unshuffle', zeros([1, 3, 3]), 2), { code: 'TORCH_OPERATOR' })
  })
})
