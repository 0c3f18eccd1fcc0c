import assert from 'node:assert/strict'

import { MultiheadAttention, scope, zeros } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

describe('MultiheadAttention', () => {
  inScope('gives an output and weights, averaged or for each head, with N first or second, or without it', () => {
    const layer = new MultiheadAttention(8, 2).eval()
    const [query, key] = [zeros([3, 2, 8]), zeros([5, 2, 8])]

    const shapes = layer.forward(query, key, key).map(({ shape }) => shape)
    const { output, weights } = layer.attend(query, key, key, { averageAttnWeights: false })
    const alone = layer.forward(zeros([3, 8]), zeros([5, 8]), zeros([5, 8])).map(({ shape }) => shape)

    assert.deepEqual(shapes, [
      [3, 2, 8],
      [2, 3, 5],
    ])
    assert.deepEqual(
      [output.shape, weights?.shape],
      [
        [3, 2, 8],
        [2, 2, 3, 5],
      ],
    )
    assert.deepEqual(alone, [
      [3, 8],
      [3, 5],
    ])
    assert.equal(layer.attend(query, key, key, { needWeights: false }).weights, null)
  })

  inScope('gives no weight to keys that a mask leaves out', () => {
    const layer = new MultiheadAttention(8, 2, { batchFirst: true }).eval()
    const x = zeros([1, 2, 8])
    const mask = zeros([1, 2]).bool()
    mask.select(1, 1).fill_(true)

    const [, byPadding] = layer.forward(x, x, x, mask)
    const [, byMask] = layer.forward(x, x, x, null, mask.expand(2, 2))

    assert.deepEqual(byPadding.tolist(), [
      [
        [1, 0],
        [1, 0],
      ],
    ])
    assert.deepEqual(byMask.tolist(), byPadding.tolist())
  })

  inScope('refuses heads that do not divide the width, and inputs of another width', () => {
    assert.throws(() => new MultiheadAttention(8, 3), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a multiple of numHeads (3) for embedDim, received 8',
    })
    const layer = new MultiheadAttention(8, 2)
    assert.throws(() => layer.forward(zeros([3, 1, 8]), zeros([3, 1, 4]), zeros([3, 1, 8])), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: /Expected a tensor \(L, N, 8\) or \(L, 8\) for key, received float32 \(3, 1, 4\)/,
    })
  })
})
