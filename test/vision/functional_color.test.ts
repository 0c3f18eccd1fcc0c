import assert from 'node:assert/strict'

import { functional } from 'napi-torch/vision'

import { itWithPython, python } from '../support/python.js'
import { noiseImage } from '../support/vision.js'

const { adjustHue, adjustBrightness, adjustSharpness, equalize } = functional

describe('adjustHue()', () => {
  itWithPython('shifts the hue of a million random colors as Pillow does', async () => {
    const script = `import hashlib, numpy, sys
from PIL import Image
h = (numpy.arange(3000000, dtype=numpy.uint64) * 0x9E3779B1 + 2) & 0xFFFFFFFF
data = ((((h ^ (h >> 15)) * 0x85EBCA6B) & 0xFFFFFFFF) >> 24).astype(numpy.uint8).reshape(1000, 1000, 3)
h, s, v = Image.fromarray(data).convert('HSV').split()
h = Image.fromarray(numpy.asarray(h) + numpy.uint8(51))
print(list(hashlib.sha256(Image.merge('HSV', (h, s, v)).convert('RGB').tobytes()).digest()))`
    const { createHash } = await import('node:crypto')

    const { data } = await adjustHue(noiseImage(1000, 1000, 3, 2), 0.2)

    assert.deepEqual([...createHash('sha256').update(data).digest()], JSON.parse(python(script)))
  })

  it('leaves a gray image as it is', async () => {
    const gray = noiseImage(3, 3, 1)

    assert.equal(await adjustHue(gray, 0.3), gray)
  })

  it('refuses more than half of the circle', async () => {
    await assert.rejects(adjustHue(noiseImage(2, 2), 0.51), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a number from -0.5 to 0.5 for hueFactor, received 0.51',
    })
  })
})

describe('adjustBrightness()', () => {
  it('refuses a negative factor', async () => {
    await assert.rejects(adjustBrightness(noiseImage(2, 2), -1), {
      code: 'TORCH_INVALID_ARGUMENT',
      message: 'Expected a non-negative number for brightnessFactor, received -1',
    })
  })
})

describe('adjustSharpness() and equalize()', () => {
  it('take images of one pixel and of none', async () => {
    for (const size of [0, 1]) {
      assert.equal((await adjustSharpness(noiseImage(size, size), 2)).data.length, 3 * size)
      assert.equal((await equalize(noiseImage(size, size))).data.length, 3 * size)
    }
  })
})
