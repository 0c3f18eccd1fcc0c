import assert from 'node:assert/strict'

import { ImagePreset, manualSeed, presets, ToTensor, type Image } from 'napi-torch'

import { augmentationOf } from '../../lib/train/augmentation.js'

const BOTH = { crop: true, flip: true }

/** An image whose elements all differ from their neighbors. */
function imageOf(height: number, width: number): Image {
  const data = Uint8Array.from({ length: 3 * height * width }, (_, at) => (at * 37) % 251)
  return { data, height, width, channels: 3 }
}

describe('augmentationOf()', () => {
  it('cuts a part of a photo out, mirrors it, and normalizes it as the preset does', () => {
    const text = String(augmentationOf(presets.imagenet(), BOTH))

    assert.match(text, /RandomResizedCrop\(size=\(224, 224\), scale=\(0\.35, 1\.0\)/)
    assert.match(text, /RandomHorizontalFlip\(p=0\.5\)/)
    assert.doesNotMatch(text, / Resize\(|CenterCrop|Grayscale|Invert/)
    const [normalized] = /Normalize\(.*\)/.exec(text) ?? []
    assert.ok(normalized !== undefined && String(presets.imagenet()).includes(normalized), text)
  })

  it('puts a frame around a small image, and cuts one of its size out', () => {
    const text = String(augmentationOf(presets.fashionMnist(), BOTH))

    assert.match(text, /RandomCrop\(size=\(28, 28\), padding=\(4, 4\)\)/)
    assert.match(text, /Grayscale\(num_output_channels=3\)/)
  })

  it('inverts first where the preset does', async () => {
    const preset = new ImagePreset({ ...presets.fashionMnist().settings, invert: true })
    const plain = augmentationOf(presets.fashionMnist(), { crop: false, flip: true })
    const inverted = augmentationOf(preset, { crop: false, flip: true })
    const image = imageOf(28, 28)
    const negative = { ...image, data: image.data.map((value) => 255 - value) }

    using one = await inverted.apply(image)
    const seen = new Set<string>()
    for (let turn = 0; turn < 8; turn++) {
      using mirrored = await plain.apply(negative)
      seen.add(String(mirrored.toArray()))
    }
    assert.ok(seen.size === 2 && seen.has(String(one.toArray())))
  })

  for (const [name, preset] of [
    ['imagenet', presets.imagenet()],
    ['cifar', presets.cifar()],
    ['fashion-mnist, of one channel', presets.fashionMnist().withChannels(1)],
  ] as const) {
    for (const options of [BOTH, { crop: true, flip: false }, { crop: false, flip: true }]) {
      it(`gives the shape of the preset ${name}, and other values each time: ${JSON.stringify(options)}`, async () => {
        const augmentation = augmentationOf(preset, options)
        manualSeed(1)
        const seen = new Set<string>()
        for (let turn = 0; turn < 6; turn++) {
          using tensor = await augmentation.apply(imageOf(61, 50))
          assert.deepEqual(tensor.shape, preset.shape)
          seen.add(String(tensor.toArray().slice(0, 500)))
        }
        assert.ok(seen.size > 1)
      })
    }
  }

  it('gives a preset back where nothing is done by chance, and any other transform', () => {
    const [preset, other] = [presets.imagenet(), new ToTensor()]

    assert.equal(augmentationOf(preset, { crop: false, flip: false }), preset)
    assert.equal(augmentationOf(other, BOTH), other)
  })
})
