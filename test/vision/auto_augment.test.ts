import assert from 'node:assert/strict'

import { AutoAugment, RandAugment, TrivialAugmentWide } from 'napi-torch'

describe('automatic augmentations', () => {
  it('refuse a magnitude that is no bin', () => {
    assert.throws(() => new RandAugment({ magnitude: 31 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected an integer from 0 to below 31 for magnitude, received 31',
    })
  })

  it('refuse a single bin, by which torchvision divides by zero', () => {
    assert.throws(() => new TrivialAugmentWide({ numMagnitudeBins: 1 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected an integer of at least 2 for numMagnitudeBins, received 1',
    })
  })

  it('refuse a policy that is not known', () => {
    assert.throws(() => new AutoAugment({ policy: 'mnist' as 'svhn' }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: "Expected one of 'imagenet', 'cifar10', 'svhn' for policy, received \"mnist\"",
    })
  })
})
