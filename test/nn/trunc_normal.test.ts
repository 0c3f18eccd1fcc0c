import assert from 'node:assert/strict'

import { init, manualSeed, scope, zeros } from 'napi-torch'

import { itWithPython, python } from '../support/python.js'

const SCRIPT = `
import json, sys, torch
mean, std, a, b = json.loads(sys.argv[1])
torch.manual_seed(3)
print(json.dumps(torch.nn.init.trunc_normal_(torch.empty(40, 5), mean, std, a, b).flatten().tolist()))
`

describe('truncNormal_()', () => {
  for (const [title, numbers] of [
    ['repeats few draws', [0, 0.02, -2, 2]],
    ['repeats many draws', [0.5, 1, 0, 1.5]],
    ['accepts and rejects in a tail', [0, 1, 2, 3]],
  ] as const) {
    itWithPython(`draws what PyTorch draws from one seed where it ${title}`, () =>
      scope(() => {
        const expected = JSON.parse(python(SCRIPT, [JSON.stringify(numbers)])) as number[]
        const tensor = zeros([40, 5])

        manualSeed(3)
        init.truncNormal_(tensor, ...numbers)

        for (const [index, value] of (tensor.flatten().tolist() as number[]).entries()) {
          assert.ok(Math.abs(value - (expected[index] ?? NaN)) < 1e-6, `element ${index} is ${value}`)
        }
      }),
    )
  }

  it('refuses bounds of which the upper is not above the lower', () =>
    scope(() => {
      assert.throws(() => init.truncNormal_(zeros([2]), 0, 1, 2, 2), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a number above a (2) for b, received 2',
      })
    }))
})
