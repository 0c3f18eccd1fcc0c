import assert from 'node:assert/strict'

import { GaussianBlur } from 'napi-torch'

import { noiseImage } from '../support/vision.js'

describe('GaussianBlur', () => {
  it('refuses an even kernel size', () => {
    assert.throws(() => new GaussianBlur(4), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected one or two odd numbers for kernelSize, received 4',
    })
  })

  it('refuses an image that is not larger than half of the kernel', async () => {
    await assert.rejects(new GaussianBlur(9).apply(noiseImage(4, 30)), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected an image larger than (4, 4) for image, received [4, 30]',
    })
  })
})
