import assert from 'node:assert/strict'

import { Generator, manualSeed } from 'napi-torch'
import {
  BatchSampler,
  RandomSampler,
  SequentialSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type Sampler,
} from 'napi-torch/data'

import { evaluatedInPython, itWithPython } from '../support/python.js'

const seeded = (seed: number): Generator => new Generator({ seed })
const weights = [0.1, 0, 0.4, 0.7, 3, 0.6]
const indices = [7, 3, 9, 1, 30]

/** Samplers, here and in Python. Each is read twice, as in two epochs. */
const CASES: readonly (readonly [inPython: string, here: () => Sampler<unknown>])[] = [
  ['SequentialSampler(range(5))', () => new SequentialSampler({ length: 5 })],
  ['RandomSampler(range(10))', () => new RandomSampler({ length: 10 })],
  ['RandomSampler(range(1000), generator=g)', () => new RandomSampler({ length: 1000 }, { generator: seeded(7) })],
  ['RandomSampler(range(1))', () => new RandomSampler({ length: 1 })],
  ['RandomSampler(range(10), num_samples=25)', () => new RandomSampler({ length: 10 }, { numSamples: 25 })],
  [
    'RandomSampler(range(10), num_samples=3, generator=g)',
    () => new RandomSampler({ length: 10 }, { numSamples: 3, generator: seeded(7) }),
  ],
  ['RandomSampler(range(10), replacement=True)', () => new RandomSampler({ length: 10 }, { replacement: true })],
  [
    'RandomSampler(range(10), replacement=True, num_samples=70, generator=g)',
    () => new RandomSampler({ length: 10 }, { replacement: true, numSamples: 70, generator: seeded(7) }),
  ],
  ['SubsetRandomSampler([7, 3, 9, 1, 30])', () => new SubsetRandomSampler(indices)],
  ['SubsetRandomSampler([7, 3, 9, 1, 30], g)', () => new SubsetRandomSampler(indices, { generator: seeded(7) })],
  ['WeightedRandomSampler(weights, 9)', () => new WeightedRandomSampler(weights, 9)],
  [
    'WeightedRandomSampler(weights, 5, False, g)',
    () => new WeightedRandomSampler(weights, 5, { replacement: false, generator: seeded(7) }),
  ],
  [
    'BatchSampler(RandomSampler(range(10)), 4, False)',
    () => new BatchSampler(new RandomSampler({ length: 10 }), { batchSize: 4, dropLast: false }),
  ],
  [
    'BatchSampler(RandomSampler(range(10), generator=g), 5, True)',
    () =>
      new BatchSampler(new RandomSampler({ length: 10 }, { generator: seeded(7) }), { batchSize: 5, dropLast: true }),
  ],
]

describe('samplers', () => {
  const valueOf = evaluatedInPython(
    `import torch
from torch.utils.data import *
weights = ${JSON.stringify(weights)}
torch.manual_seed(3)
g = torch.Generator().manual_seed(7)
def epochs(sampler): return [list(sampler), list(sampler), len(sampler)]`,
    CASES.map(([inPython]) => `epochs(${inPython})`),
  )

  for (const [inPython, here] of CASES) {
    itWithPython(`give the indices of ${inPython} in two epochs`, () => {
      manualSeed(3)
      const sampler = here()

      assert.deepEqual([[...sampler], [...sampler], sampler.length], valueOf(`epochs(${inPython})`))
    })
  }

  it('refuse an empty dataset to draw from', () => {
    assert.throws(() => new RandomSampler([]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a positive integer for numSamples, received 0',
    })
  })

  it('refuse to draw some of none', () => {
    assert.throws(() => new RandomSampler([], { numSamples: 3 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected at least one sample for dataSource, received []',
    })
  })

  it('refuse negative weights', () => {
    assert.throws(() => new WeightedRandomSampler([1, -1], 1), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: /^Expected an array of non-negative numbers for weights, received /,
    })
  })

  it('refuse to draw more than there are without replacement', () => {
    assert.throws(() => new WeightedRandomSampler([1, 1], 3, { replacement: false }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected at most 2, the number of weights, for numSamples, received 3',
    })
  })
})
