import assert from 'node:assert/strict'

import { ColorJitter } from 'napi-torch'

describe('ColorJitter', () => {
  it('refuses a hue of more than half of the circle', () => {
    assert.throws(() => new ColorJitter({ hue: 0.6 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected two numbers from -0.5 to 0.5, the smaller first, for hue, received [-0.6, 0.6]',
    })
  })

  it('refuses a negative number', () => {
    assert.throws(() => new ColorJitter({ contrast: -1 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a non-negative number for contrast, received -1',
    })
  })
})
