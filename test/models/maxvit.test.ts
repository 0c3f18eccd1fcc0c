import assert from 'node:assert/strict'

import { init, maxvit_t, scope, zeros } from 'napi-torch'

import { describeFamily } from '../support/families.js'

describe('MaxVit', () => {
  describeFamily({ maxvit_t })

  it('refuses images of another size', () =>
    scope(() => {
      const model = init.skipInit(() => maxvit_t({ numClasses: 2 })).eval()

      assert.throws(() => model.forward(zeros([1, 3, 256, 224])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a tensor (1, 3, 224, 224) for input, received float32 (1, 3, 256, 224)',
      })
    }))

  it('refuses a size that its windows do not divide', () => {
    assert.throws(() => maxvit_t({ inputSize: 256 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a size whose feature maps are multiples of 7, as 224 is, for inputSize, received 256',
    })
  })
})
