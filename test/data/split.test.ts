import assert from 'node:assert/strict'

import { Generator, manualSeed } from 'napi-torch'
import { randomSplit, stratifiedSplit } from 'napi-torch/data'

import { Counting } from '../support/counting.js'
import { evaluatedInPython, itWithPython } from '../support/python.js'

const CASES = [
  [10, [7, 3]],
  [10, [1]],
  [30, [0.3, 0.3, 0.4]],
  [7, [0.5, 0.5]],
  [11, [0.25, 0.25, 0.25, 0.25]],
  [3, [0.1, 0.9]],
  [10, [0.1, 0.2, 0.7]],
] as const

describe('randomSplit()', () => {
  const inPython = (length: number, lengths: readonly number[]): string => `split(${length}, [${lengths.join(', ')}])`
  const valueOf = evaluatedInPython(
    `import torch
from torch.utils.data import random_split
def split(length, lengths):
    torch.manual_seed(5)
    parts = random_split(range(length), lengths)
    parts += random_split(range(length), lengths, torch.Generator().manual_seed(42))
    return [list(part.indices) for part in parts]`,
    CASES.map(([length, lengths]) => inPython(length, lengths)),
  )

  for (const [length, lengths] of CASES) {
    itWithPython(`gives the parts of PyTorch for ${length} samples and [${lengths.join(', ')}]`, () => {
      const dataset = new Counting(length)
      manualSeed(5)

      const parts = [
        ...randomSplit(dataset, lengths),
        ...randomSplit(dataset, lengths, { generator: new Generator({ seed: 42 }) }),
      ]

      assert.deepEqual(
        parts.map(({ indices }) => indices),
        valueOf(inPython(length, lengths)),
      )
    })
  }

  it('refuses lengths that do not sum to that of the dataset', () => {
    assert.throws(() => randomSplit(new Counting(10), [7, 4]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected lengths that sum to 10, or fractions that sum to 1, for lengths, received [7, 4]',
    })
  })
})

describe('stratifiedSplit()', () => {
  it('gives each part its share of every class, off by less than a sample, and each sample to one part', async () => {
    const classes = [53, 20, 7, 3, 1]
    const labels = classes.flatMap((count, label) => Array<number>(count).fill(label))
    const dataset = new Counting(labels.length, (index) => labels[index] ?? 0)
    const fractions = [0.7, 0.2, 0.1]

    const parts = await stratifiedSplit(dataset, fractions, { generator: new Generator({ seed: 1 }) })

    const all = parts.flatMap(({ indices }) => indices).sort((a, b) => a - b)
    assert.deepEqual(all, [...labels.keys()])
    for (const [part, { indices }] of parts.entries()) {
      for (const [label, count] of classes.entries()) {
        const got = indices.filter((index) => labels[index] === label).length
        assert.ok(Math.abs(got - count * (fractions[part] ?? 0)) < 1, `${got} of class ${label} in part ${part}`)
      }
    }
    assert.equal(dataset.reads, 0)
  })

  it('follows its generator', async () => {
    const dataset = new Counting(100)
    const split = async (seed: number): Promise<readonly number[] | undefined> =>
      (await stratifiedSplit(dataset, [0.5, 0.5], { generator: new Generator({ seed }) }))[0]?.indices

    assert.deepEqual(await split(1), await split(1))
    assert.notDeepEqual(await split(1), await split(2))
  })

  it('refuses fractions that do not sum to 1', async () => {
    await assert.rejects(stratifiedSplit(new Counting(4), [0.5, 0.4]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected fractions from 0 to 1 that sum to 1 for fractions, received [0.5, 0.4]',
    })
  })
})
