import assert from 'node:assert/strict'

import { presets } from 'napi-torch'

import { familyFacts } from '../support/families.js'

describe('presets.torchvision()', () => {
  for (const [name, { preset }] of Object.entries(familyFacts())) {
    it(`prepares photos for ${name} as its default weights do`, () => {
      const { settings } = presets.torchvision(name as presets.PublishedModel)

      assert.deepEqual(settings, {
        name,
        size: [preset.crop, preset.crop],
        resize: preset.resize,
        interpolation: preset.interpolation,
        mean: preset.mean,
        std: preset.std,
      })
    })
  }

  it('takes the whole of the shorter side for a Vision Transformer that was trained further with other images', () => {
    const { settings } = presets.torchvision('vit_b_16', { imageSize: 384 })

    assert.deepEqual([settings.size, settings.resize, settings.interpolation], [[384, 384], 384, 'bicubic'])
  })

  it('refuses a name that torchvision has no model of', () => {
    assert.throws(() => presets.torchvision('resnet20' as 'resnet18'), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: /^Expected one of 'alexnet', .* for name, received "resnet20"/,
    })
  })

  it('refuses an unknown option', () => {
    assert.throws(() => presets.torchvision('vit_b_16', { size: 384 } as object), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected options among imageSize for torchvision(), received "size" (did you mean imageSize?)',
    })
  })

  it('refuses a size of no pixel', () => {
    assert.throws(() => presets.torchvision('vit_b_16', { imageSize: 0 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a positive integer for imageSize, received 0',
    })
  })
})
