import assert from 'node:assert/strict'

import {
  ColorJitter,
  Compose,
  manualSeed,
  memory,
  rand,
  RandomCrop,
  scope,
  ToTensor,
  Generator,
  type Image,
  type Tensor,
  type Transform,
} from 'napi-torch'
import { DataLoader, WeightedRandomSampler } from 'napi-torch/data'

import { Counting } from '../support/counting.js'
import { evaluatedInPython, itWithPython } from '../support/python.js'

const transform = new ToTensor()

/** Adds a number of the default generator to the pixel: what draws while it works. */
class AddNoise implements Transform<Image, Tensor> {
  readonly isRandom = true

  async apply(image: Image): Promise<Tensor> {
    await new Promise((resolve) => setTimeout(resolve, (image.data[0] ?? 0) % 3))
    return scope(() => rand([1, 1, 1]).add(image.data[0] ?? 0))
  }
}

const PYTHON = `import torch
from torch.utils.data import *
class Noisy(Dataset):
    def __len__(self): return 23
    def __getitem__(self, i): return torch.rand(1, 1, 1) + i, i % 2
def load(drop_last):
    torch.manual_seed(11)
    loader = DataLoader(Noisy(), batch_size=5, shuffle=True, drop_last=drop_last)
    return [len(loader)] + [
        [images.flatten().tolist(), labels.tolist(), torch.rand(1).item()]
        for epoch in range(2) for images, labels in loader]`

describe('DataLoader', () => {
  const valueOf = evaluatedInPython(PYTHON, ['load(False)', 'load(True)'])

  for (const dropLast of [false, true]) {
    itWithPython(
      `draws order, transforms and what its consumer draws between as PyTorch does, dropLast: ${dropLast}`,
      async () => {
        manualSeed(11)
        const loader = new DataLoader(new Counting(23), {
          transform: new AddNoise(),
          batchSize: 5,
          shuffle: true,
          dropLast,
        })

        const seen: unknown[] = []
        for (let epoch = 0; epoch < 2; epoch++) {
          for await (const { images, labels } of loader) {
            const drawn = scope(() => rand([1]).item())
            seen.push([Array.from(images.toFloat32Array()), Array.from(labels.toArray(), Number), drawn])
            images.dispose()
            labels.dispose()
          }
        }

        assert.deepEqual([loader.length, ...seen], valueOf(dropLast ? 'load(True)' : 'load(False)'))
      },
    )
  }

  it('lets a random transform draw in order behind one that tells no size', async () => {
    const slow: Transform<Image, Image> = {
      apply: async (image) => {
        await new Promise((resolve) => setTimeout(resolve, (image.data[0] ?? 0) % 2 === 0 ? 4 : 0))
        return { ...image, data: new Uint8Array(16).fill(image.data[0] ?? 0), height: 4, width: 4 }
      },
    }
    const step = new Compose([slow, new RandomCrop(3), new ColorJitter({ brightness: 0.9 }), transform])
    const load = async (concurrency: number): Promise<number[]> => {
      manualSeed(8)
      const values: number[] = []
      const loader = new DataLoader(new Counting(9), { transform: step, batchSize: 4, concurrency })
      for await (const { images, labels } of loader) {
        values.push(...images.toFloat32Array())
        images.dispose()
        labels.dispose()
      }
      return values
    }

    assert.deepEqual(await load(4), await load(1))
  })

  it('gives images (N, C, H, W), labels in int64 and indices', async () => {
    const batches: unknown[] = []

    for await (const { images, labels, indices } of new DataLoader(new Counting(3), { transform, batchSize: 2 })) {
      batches.push([images.shape, labels.dtype, Array.from(labels.toArray(), Number), indices])
      images.dispose()
      labels.dispose()
    }

    assert.deepEqual(batches, [
      [[2, 1, 1, 1], 'int64', [0, 1], [0, 1]],
      [[1, 1, 1, 1], 'int64', [0], [2]],
    ])
  })

  it('gives one sample a batch unless told otherwise, as PyTorch does', () => {
    assert.equal(new DataLoader(new Counting(7), { transform }).length, 7)
  })

  it('takes a sampler, a batch sampler and a function that joins samples', async () => {
    const sampler = new WeightedRandomSampler([0, 1, 0], 2, { generator: new Generator({ seed: 1 }) })
    const dataset = { length: 3, get: (index: number) => `sample ${index}` }
    const seen: unknown[] = []

    for await (const batch of new DataLoader(dataset, { sampler, batchSize: 2 })) seen.push(batch)
    for await (const batch of new DataLoader(dataset, { batchSampler: [[2, 1], [0]] })) seen.push(batch)
    const collateFn = (samples: readonly string[], indices: readonly number[]): string =>
      `${samples.join()} at ${indices.join()}`
    for await (const text of new DataLoader(dataset, { batchSize: 2, dropLast: true, collateFn })) seen.push(text)

    assert.deepEqual(seen, [
      ['sample 1', 'sample 1'],
      ['sample 2', 'sample 1'],
      ['sample 0'],
      'sample 0,sample 1 at 0,1',
    ])
  })

  it('leaves a sample out that cannot be read, and tells its index', async () => {
    const dataset = {
      length: 4,
      get: (index: number) => {
        if (index === 1) throw new RangeError('one')
        return index
      },
    }
    const failed: unknown[] = []
    const seen: unknown[] = []
    const onError = (error: unknown, index: number): void => void failed.push([String(error), index])

    for await (const batch of new DataLoader(dataset, { batchSize: 2, onError })) seen.push(batch)

    assert.deepEqual([failed, seen], [[['RangeError: one', 1]], [[0], [2, 3]]])
  })

  it('leaves no tensor behind when its consumer stops early', async () => {
    const before = memory().tensors

    for (const step of [transform, new AddNoise()]) {
      for await (const { images, labels } of new DataLoader(new Counting(20), { transform: step, batchSize: 3 })) {
        images.dispose()
        labels.dispose()
        break
      }
    }

    assert.equal(memory().tensors, before)
  })

  it('ends with the reason of its signal', async () => {
    const controller = new AbortController()
    const loader = new DataLoader(new Counting(50), { transform, signal: controller.signal })

    await assert.rejects(async () => {
      for await (const { images, labels } of loader) {
        images.dispose()
        labels.dispose()
        controller.abort(new Error('enough'))
      }
    }, /enough/)
  })

  it('refuses labeled images without a transform', () => {
    assert.throws(() => new DataLoader(new Counting(3)), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a transform that makes tensors of the images for transform, received undefined',
    })
  })

  it('refuses shuffle beside a sampler, and a batch size beside a batch sampler', () => {
    const dataset = { length: 1, get: (index: number) => index }

    assert.throws(() => new DataLoader(dataset, { shuffle: true, sampler: [0] }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected false beside a sampler for shuffle, received true',
    })
    assert.throws(() => new DataLoader(dataset, { batchSampler: [[0]], batchSize: 2 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected nothing beside batchSampler for batchSize, received 2',
    })
  })
})
