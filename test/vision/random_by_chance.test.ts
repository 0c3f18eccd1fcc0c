import assert from 'node:assert/strict'

import { RandomApply, RandomHorizontalFlip, RandomPosterize, type Image, type Transform } from 'napi-torch'

import { noiseImage } from '../support/vision.js'

describe('transforms by chance', () => {
  it('leave an image as it is with a chance of 0', async () => {
    const image = noiseImage(4, 5)

    assert.equal(await new RandomHorizontalFlip({ p: 0 }).apply(image), image)
  })

  it('refuse a chance above 1', () => {
    assert.throws(() => new RandomHorizontalFlip({ p: 1.5 }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a number from 0 to 1 for p, received 1.5',
    })
  })

  it('refuse more bits than a byte has', () => {
    assert.throws(() => new RandomPosterize(9), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected an integer from 0 to 8 for bits, received 9',
    })
  })

  it('refuse to apply a transform by chance that tells no size', () => {
    const silent: Transform<Image, Image> = { apply: async (image) => Promise.resolve(image) }

    assert.throws(() => new RandomApply([silent]), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: /^Expected transforms with draw\(\) or outputSize\(\) for transforms, received /,
    })
  })
})
