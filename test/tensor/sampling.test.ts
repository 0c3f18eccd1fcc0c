import assert from 'node:assert/strict'

import { Generator, manualSeed, multinomial, randperm, scope, tensor, zeros } from 'napi-torch'

import { evaluatedInPython, itWithPython } from '../support/python.js'

const SETUP = `import torch
torch.manual_seed(4)
g = torch.Generator().manual_seed(9)
w = torch.tensor([[0.1, 0.2, 3.0], [1.0, 0.0, 0.0]])`

const CASES = {
  'torch.randperm(50).tolist()': () => [...randperm(50).toArray()],
  'torch.randperm(0).tolist()': () => [...randperm(0).toArray()],
  'torch.randperm(20, generator=g).tolist()': () => [
    ...randperm(20, { generator: new Generator({ seed: 9 }) }).toArray(),
  ],
  'torch.multinomial(w, 8, replacement=True).flatten().tolist()': () => [
    ...multinomial(weights(), 8, { replacement: true }).toArray(),
  ],
  'torch.multinomial(w[0].double(), 3, generator=g).tolist()': () => [
    ...multinomial(tensor([0.1, 0.2, 3], { dtype: 'float64' }), 3, { generator: new Generator({ seed: 9 }) }).toArray(),
  ],
}

const weights = (): ReturnType<typeof tensor> =>
  tensor([
    [0.1, 0.2, 3],
    [1, 0, 0],
  ])

describe('randperm() and multinomial()', () => {
  const valueOf = evaluatedInPython(SETUP, Object.keys(CASES))

  for (const [inPython, here] of Object.entries(CASES)) {
    itWithPython(`give ${inPython}`, () =>
      scope(() => {
        manualSeed(4)

        assert.deepEqual(here().map(Number), valueOf(inPython))
      }),
    )
  }

  it('refuse to draw more than there are without replacement', () =>
    scope(() => {
      assert.throws(() => multinomial(zeros(3), 4), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected at most 3, the number of weights, for numSamples, received 4',
      })
    }))

  it('refuse integers for weights', () =>
    scope(() => {
      assert.throws(() => multinomial(zeros([3], { dtype: 'int64' }), 1), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a tensor of floats (C) or (N, C) for input, received int64 (3,)',
      })
    }))
})
