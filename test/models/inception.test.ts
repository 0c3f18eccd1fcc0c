import assert from 'node:assert/strict'

import { inception_v3, init, manualSeed, rand, scope } from 'napi-torch'

import { assertAuxHeads, describeFamily, fillByFormula } from '../support/families.js'
import { assertTensorEqual } from '../support/numeric.js'

describe('Inception3', () => {
  describeFamily({ inception_v3 })

  describe('outputs()', function () {
    this.timeout(60_000)

    it('has a head in the middle that gives what that of torchvision gives within 1e-5', () =>
      scope(() => {
        const model = init.skipInit(() => inception_v3({ numClasses: 50 })).eval()
        fillByFormula(model)

        assertAuxHeads('inception_v3', model, { AuxLogits: [2, 768, 17, 17] })
      }))

    it('gives the logits of both heads', () =>
      scope(() => {
        manualSeed(0)
        const model = inception_v3({ numClasses: 3 }).eval()
        const image = rand([1, 3, 299, 299])

        const { logits, auxLogits } = model.outputs(image)

        assertTensorEqual(logits, model.forward(image))
        assert.deepEqual(auxLogits?.shape, [1, 3])
      }))
  })

  it('refuses a dropout that is no probability', () => {
    assert.throws(() => inception_v3({ dropout: 2 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a number from 0 to 1 for dropout, received 2',
    })
  })
})
