import assert from 'node:assert/strict'

import { BUILDERS, createModel, densenet161, MobileNetV3, scope, zeros } from 'napi-torch'

import { familyFacts } from '../support/families.js'

describe('createModel() of a name', () => {
  it('builds the model of that name with its options', () =>
    scope(() => {
      const model = createModel('mobilenet_v3_small', { numClasses: 7, skipInit: true }).eval()

      assert.ok(model instanceof MobileNetV3)
      assert.deepEqual(model.forward(zeros([2, 3, 64, 64])).shape, [2, 7])
    }))

  for (const name of Object.keys(BUILDERS) as (keyof typeof BUILDERS)[]) {
    it(`builds ${name} with the parameters of torchvision`, () =>
      scope(() => {
        assert.equal(createModel(name, { skipInit: true }).parameterCount(), familyFacts()[name]?.parameters)
      }))
  }

  it('refuses a name that no model has, and names those that resemble it', () => {
    assert.throws(() => createModel('mobilenetV3' as 'vgg11'), {
      code: 'TORCH_INVALID_ARGUMENT',
      message:
        'Expected the name of a model (such as mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small) for name, received "mobilenetV3"',
    })
  })

  it('refuses an option that the model does not have', () => {
    assert.throws(() => createModel('vgg11', { widthMult: 2 } as object), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected options among inputChannels, numClasses, dropout, batchNorm for VGG, received "widthMult"',
    })
  })

  for (const given of [null, 3, 'vgg', []]) {
    it(`refuses ${JSON.stringify(given)} for options that are spread`, () => {
      for (const name of ['vgg11', 'densenet161', 'efficientnet_b0', 'efficientnet_v2_s', 'convnext_tiny'] as const) {
        const build = BUILDERS[name] as (options: unknown) => unknown
        assert.throws(() => build(given), {
          code: 'TORCH_INVALID_ARGUMENT',
          message: /^Expected an options object for /,
        })
      }
    })
  }

  it('refuses an option that the name decides', () => {
    assert.throws(() => densenet161({ growthRate: 12 } as object), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'densenet161() decides growthRate: to choose it, make the class by itself',
    })
  })
})
