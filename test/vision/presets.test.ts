import assert from 'node:assert/strict'

import { CenterCrop, Compose, decodeImage, presets, Resize } from 'napi-torch'

import { digest, expectedOfPython, fixture, noiseImage } from '../support/vision.js'

describe('presets', () => {
  for (const [name, { cropped, ...facts }] of Object.entries(expectedOfPython().images)) {
    it(`resizes and crops ${name} to torchvision's bytes`, async () => {
      const chain = new Compose([new Resize(256), new CenterCrop(224)])

      assert.equal(digest((await chain.apply(await decodeImage(fixture(name)))).data), cropped)
    })

    for (const preset of ['imagenet', 'cifar', 'fashionMnist'] as const) {
      it(`${preset}() gives torchvision's float32 bits for ${name}`, async () => {
        const made = await presets[preset]().apply(await decodeImage(fixture(name)))

        assert.equal(digest(made.toArray()), facts[preset])
        made.dispose()
      })
    }
  }

  describe('imagenet()', () => {
    it('takes another size and filter', async () => {
      const preset = presets.imagenet({ resizeSize: 40, cropSize: 32, interpolation: 'bicubic' })

      const made = await preset.apply(noiseImage(50, 60))

      assert.deepEqual(made.shape, [3, 32, 32])
      assert.match(String(preset), /Resize\(size=40, interpolation=bicubic/)
      made.dispose()
    })
  })

  describe('fashionMnist()', () => {
    it('normalizes a gray image of 28 × 28 as it is, on three channels', async () => {
      const image = noiseImage(28, 28, 1)
      const made = await presets.fashionMnist().apply(image)

      const plane = Array.from(image.data, (value) => {
        const centered = Math.fround(Math.fround(value / 255) - Math.fround(0.286))
        return Math.fround(centered / Math.fround(0.353))
      })
      assert.deepEqual(Array.from(made.toArray()), [...plane, ...plane, ...plane])
      made.dispose()
    })
  })
})
