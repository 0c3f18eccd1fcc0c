import assert from 'node:assert/strict'

import { ConcatDataset, Subset } from 'napi-torch/data'

import { Counting } from '../support/counting.js'

describe('Subset', () => {
  it('gives the samples, labels and classes of its indices', async () => {
    const subset = new Subset(new Counting(10), [7, 2])

    const samples = [await subset.get(0), await subset.get(1)]

    assert.deepEqual(
      samples.map(({ image, label }) => [image.data[0], label]),
      [
        [7, 1],
        [2, 0],
      ],
    )
    assert.deepEqual([subset.length, subset.classes, await subset.label(0)], [2, ['0', '1'], 1])
  })

  it('refuses indices outside of the dataset', () => {
    assert.throws(() => new Subset(new Counting(3), [0, 3]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected indices from 0 to below 3 for indices, received 3',
    })
  })
})

describe('ConcatDataset', () => {
  it('gives the samples of its datasets one behind the other', async () => {
    const dataset = new ConcatDataset([new Counting(2), new Subset(new Counting(10), [9, 8])])

    const values: unknown[] = []
    for await (const { images, labels } of dataset.batches({ batchSize: 3 })) {
      values.push(
        images.map(({ data }) => data[0]),
        labels,
      )
    }

    assert.deepEqual(values, [[0, 1, 9], [0, 1, 1], [8], [0]])
    assert.equal(await dataset.label(2), 1)
  })

  it('refuses datasets of other classes', () => {
    assert.throws(() => new ConcatDataset([new Counting(2), new Counting(3, (index) => index)]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected datasets of the classes 0, 1 for datasets, received ["0", "1", "2"]',
    })
  })
})
