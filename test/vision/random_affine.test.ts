import assert from 'node:assert/strict'

import { RandomAffine, RandomRotation } from 'napi-torch'

import { noiseImage } from '../support/vision.js'

describe('RandomRotation', () => {
  it('tells the size that its result has', async () => {
    const image = noiseImage(31, 50)
    for (const degrees of [0, 90, 180, 270, 33, -120]) {
      const drawn = new RandomRotation([degrees, degrees], { expand: true }).draw({
        height: 31,
        width: 50,
        channels: 3,
      })

      const { height, width, channels } = await drawn.apply(image)

      assert.deepEqual(drawn.outputSize, { height, width, channels }, `${degrees} degrees`)
    }
  })

  it('refuses a negative number of degrees', () => {
    assert.throws(() => new RandomRotation(-10), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a non-negative number for degrees, received -10',
    })
  })
})

describe('RandomAffine', () => {
  it('refuses to move by more than the size', () => {
    assert.throws(() => new RandomAffine(0, { translate: [0.5, 1.1] }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected two numbers from 0 to 1 for translate, received [0.5, 1.1]',
    })
  })

  it('refuses a scale of 0', () => {
    assert.throws(() => new RandomAffine(0, { scale: [0, 1] }), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: /^Expected two numbers of at least .*, the smaller first, for scale, received \[0, 1\]$/,
    })
  })
})
