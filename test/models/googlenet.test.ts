import assert from 'node:assert/strict'

import { googlenet, init, manualSeed, rand, scope, tensor, type Tensor } from 'napi-torch'

import { assertAuxHeads, describeFamily, fillByFormula } from '../support/families.js'
import { assertClose, assertTensorEqual } from '../support/numeric.js'

describe('GoogLeNet', () => {
  describeFamily({ googlenet })

  describe('outputs()', () => {
    it('has heads in the middle that give what those of torchvision give within 1e-5', () =>
      scope(() => {
        const model = init.skipInit(() => googlenet({ numClasses: 50 })).eval()
        fillByFormula(model)

        assertAuxHeads('googlenet', model, { aux1: [2, 512, 14, 14], aux2: [2, 528, 14, 14] })
      }))

    it('gives the logits of all heads', () =>
      scope(() => {
        manualSeed(0)
        const model = googlenet({ numClasses: 3 }).eval()
        const image = rand([2, 3, 64, 64])

        const { logits, auxLogits2, auxLogits1 } = model.outputs(image)

        assertTensorEqual(logits, model.forward(image))
        assert.deepEqual([auxLogits2?.shape, auxLogits1?.shape], [[2, 3], [2, 3]]) // prettier-ignore
      }))

    it('gives null for heads that the model does not have', () =>
      scope(() => {
        const model = googlenet({ numClasses: 3, auxLogits: false }).eval()

        const { auxLogits2, auxLogits1 } = model.outputs(rand([1, 3, 64, 64]))

        assert.deepEqual([auxLogits2, auxLogits1], [null, null])
        assert.ok(!model.stateDict().has('aux1.fc1.weight'))
      }))
  })

  it('brings images to means and deviations of 0.5 with transformInput', () =>
    scope(() => {
      manualSeed(0)
      const model = googlenet({ numClasses: 3, auxLogits: false }).eval()
      const transforming = googlenet({ numClasses: 3, auxLogits: false, transformInput: true }).eval()
      transforming.loadStateDict(model.stateDict())
      const pixels = rand([2, 3, 64, 64])
      const [mean, std] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]].map((values) => perChannel(values)) // prettier-ignore

      const actual = transforming.forward(pixels.sub(mean ?? 0).div(std ?? 1))

      assertClose(actual, model.forward(pixels.sub(0.5).div(0.5)), { atol: 1e-6 })
    }))

  it('refuses transformInput for images of one channel', () => {
    assert.throws(() => googlenet({ inputChannels: 1, transformInput: true }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected 3 with transformInput for inputChannels, received 1',
    })
  })

  it('refuses an option that it does not have', () => {
    assert.throws(() => googlenet({ auxLogit: true } as object), {
      code: 'TORCH_INVALID_ARGUMENT',
      message:
        'Expected options among inputChannels, numClasses, auxLogits, transformInput, dropout, dropoutAux for GoogLeNet, received "auxLogit" (did you mean auxLogits?)',
    })
  })
})

function perChannel(values: readonly number[]): Tensor {
  return tensor(values).reshape(1, 3, 1, 1)
}
