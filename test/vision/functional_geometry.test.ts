import assert from 'node:assert/strict'

import { MAX_PIXELS, type Image } from 'napi-torch'
import { functional } from 'napi-torch/vision'

import { noiseImage } from '../support/vision.js'

const { affine, crop, hflip, rotate, vflip } = functional
const image: Image = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), height: 2, width: 3, channels: 1 }

describe('crop()', () => {
  it('is black outside of the image', async () => {
    assert.deepEqual([...(await crop(image, -1, 1, 2, 3)).data], [0, 0, 0, 2, 3, 0])
  })

  it('refuses more than MAX_PIXELS', async () => {
    await assert.rejects(crop(image, 0, 0, 2 ** 14, 2 ** 14), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: `Expected at most ${MAX_PIXELS} pixels for height × width, received [16384, 16384]`,
    })
  })
})

describe('hflip() and vflip()', () => {
  it('swap columns and rows', async () => {
    assert.deepEqual([...(await hflip(image)).data], [3, 2, 1, 6, 5, 4])
    assert.deepEqual([...(await vflip(image)).data], [4, 5, 6, 1, 2, 3])
  })
})

describe('rotate()', () => {
  it('turns counterclockwise', async () => {
    const { data, height, width } = await rotate(image, 90, { expand: true })

    assert.deepEqual([[...data], height, width], [[3, 6, 2, 5, 1, 4], 3, 2])
  })

  it('refuses a result of more than MAX_PIXELS', async () => {
    const long: Image = { data: new Uint8Array(20_000), height: 1, width: 20_000, channels: 1 }

    await assert.rejects(rotate(long, 45, { expand: true }), {
      code: 'TORCH_IMAGE',
      message: `Cannot turn 20000 × 1 pixels: they are more than MAX_PIXELS, ${MAX_PIXELS}`,
    })
  })
})

describe('affine()', () => {
  it('yields to the event loop while it turns a large image', async () => {
    const large = noiseImage(1500, 2000, 3)
    let rounds = 0
    const timer = setInterval(() => rounds++, 1)

    await affine(large, 10, [0, 0], 1, 0, { interpolation: 'bilinear' })
    clearInterval(timer)

    assert.ok(rounds >= 5, `${rounds} rounds`)
  })

  it('refuses a scale of 0', async () => {
    await assert.rejects(affine(image, 0, [0, 0], 0, 0), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a positive number for scale, received 0',
    })
  })
})
