import assert from 'node:assert/strict'

import { RandomCrop, RandomResizedCrop } from 'napi-torch'

import { noiseImage } from '../support/vision.js'

describe('RandomCrop', () => {
  it('refuses an image that is smaller, in the words of torchvision', async () => {
    await assert.rejects(new RandomCrop([10, 20]).apply(noiseImage(9, 30)), {
      code: 'TORCH_IMAGE',
      message: 'Required crop size (10, 20) is larger than input image size (9, 30)',
    })
  })

  it('refuses an option that is not known, and says which is meant', () => {
    assert.throws(() => new RandomCrop(4, { pad_if_needed: true } as object), {
      code: 'TORCH_INVALID_ARGUMENT',
      message:
        'Expected options among padding, padIfNeeded, fill, paddingMode for RandomCrop, received "pad_if_needed" (did you mean padIfNeeded?)',
    })
  })
})

describe('RandomResizedCrop', () => {
  it('refuses a range whose end is before its start', () => {
    assert.throws(() => new RandomResizedCrop(4, { scale: [0.5, 0.1] }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected two numbers of at least 0, the smaller first, for scale, received [0.5, 0.1]',
    })
  })
})
