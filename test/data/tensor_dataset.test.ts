import assert from 'node:assert/strict'

import { arange, scope, tensor, zeros } from 'napi-torch'
import { DataLoader, TensorDataset } from 'napi-torch/data'

describe('TensorDataset', () => {
  it('gives rows that a loader stacks', async () => {
    await scope(async () => {
      const dataset = new TensorDataset(arange(6).reshape([3, 2]), tensor([5n, 6n, 7n]))

      const batches: unknown[] = []
      for await (const [rows, targets] of new DataLoader(dataset, { batchSize: 2 })) {
        batches.push([rows?.shape, [...(rows?.toArray() ?? [])], targets?.dtype, [...(targets?.toArray() ?? [])]])
      }

      assert.deepEqual(batches, [
        [[2, 2], [0, 1, 2, 3], 'int64', [5n, 6n]],
        [[1, 2], [4, 5], 'int64', [7n]],
      ])
    })
  })

  it('refuses tensors of different lengths', () =>
    scope(() => {
      assert.throws(() => new TensorDataset(zeros(3, 2), zeros(2)), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected tensors of one length, as (3, 2), for tensors, received float32 (2,)',
      })
    }))
})
