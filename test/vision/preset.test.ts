import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import {
  decodeImage,
  ImagePreset,
  memory,
  presets,
  PRESET_METADATA_KEY,
  readCheckpoint,
  saveSafetensors,
  scope,
  zeros,
  type PresetSettings,
} from 'napi-torch'

import { useTemporaryFolder } from '../support/folder.js'
import { digest, expectedOfPython, fixture, noiseImage, paintedPng } from '../support/vision.js'

const SETTINGS: PresetSettings = {
  name: 'mine',
  size: [20, 24],
  resize: 30,
  interpolation: 'bicubic',
  mean: [0.1, 0.2, 0.3],
  std: [0.5, 0.6, 0.7],
  labels: ['cat', 'dog'],
}

describe('ImagePreset', () => {
  it('prints the transforms that it stands for', () => {
    assert.equal(
      String(new ImagePreset({ ...SETTINGS, grayscale: true })),
      `Compose(
    Resize(size=30, interpolation=bicubic, max_size=None, antialias=True)
    CenterCrop(size=(20, 24))
    Grayscale(num_output_channels=3)
    ToTensor()
    Normalize(mean=[0.1, 0.2, 0.3], std=[0.5, 0.6, 0.7])
)`,
    )
  })

  it('resizes to its size where no shorter side is given', () => {
    const { resize, ...exact } = SETTINGS

    assert.equal(resize, 30)
    assert.match(String(new ImagePreset(exact)), /Resize\(size=\(20, 24\), interpolation=bicubic.*\n +ToTensor/)
  })

  it('tells its name, its labels and the shape of what it makes', () => {
    const { name, labels, shape } = new ImagePreset(SETTINGS)

    assert.deepEqual([name, labels, shape], ['mine', ['cat', 'dog'], [3, 20, 24]])
    assert.equal(presets.imagenet().labels, null)
  })

  for (const [what, change, message] of [
    ['no object', 5, 'Expected an object for ImagePreset, received 5'],
    [
      'an unknown setting',
      { crop: 3 },
      'Expected options among name, size, resize, interpolation, exifOrientation, invert, grayscale, channels, mean, std, activation, labels for ImagePreset, received "crop"',
    ],
    ['no name', { name: undefined }, 'Expected a string for name in ImagePreset, received undefined'],
    ['a size of 0', { size: [0, 4] }, 'Expected a height and a width for size in ImagePreset, received [0, 4]'],
    ['three sizes', { size: [1, 2, 3] }, 'Expected a height and a width for size in ImagePreset, received [1, 2, 3]'],
    ['a fraction', { resize: 2.5 }, 'Expected a positive integer for resize in ImagePreset, received 2.5'],
    [
      'an unknown filter',
      { interpolation: 'area' },
      "Expected one of 'nearest', 'nearest-exact', 'bilinear', 'bicubic', 'box', 'hamming', 'lanczos' for interpolation in ImagePreset, received \"area\"",
    ],
    ['a text for grayscale', { grayscale: 'no' }, 'Expected a boolean for grayscale in ImagePreset, received "no"'],
    [
      'one channel of color',
      { channels: 1 },
      'Expected 3, or 1 with grayscale for channels in ImagePreset, received 1',
    ],
    ['two means', { mean: [0, 1] }, 'Expected 1 or 3 numbers for mean in ImagePreset, received [0, 1]'],
    ['a mean that is no number', { mean: [NaN] }, 'Expected 1 or 3 numbers for mean in ImagePreset, received [NaN]'],
    ['fewer deviations', { std: [1] }, 'Expected 3 numbers, as many as means, for std in ImagePreset, received [1]'],
    [
      'a deviation of 0',
      { std: [1, 0, 1] },
      'std evaluated to zero after conversion to torch.float32, leading to division by zero.',
    ],
    [
      'labels that are numbers',
      { labels: [1] },
      'Expected an array of strings for labels in ImagePreset, received [1]',
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      const settings: unknown = typeof change === 'number' ? change : { ...SETTINGS, ...change }

      assert.throws(() => new ImagePreset(settings as PresetSettings), { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }

  describe('apply()', () => {
    it('refuses gray where it makes colors', async () => {
      await assert.rejects(presets.cifar().apply(noiseImage(4, 4, 1)), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected an image of 3 channels for image, received an object',
      })
    })

    it('refuses a photo that would become too large, and leaves no tensor behind', async () => {
      const before = memory().tensors
      const image = await decodeImage(paintedPng(30_000, 1))

      assert.deepEqual([image.width, image.height], [30_000, 1])
      await assert.rejects(presets.imagenet().apply(image), {
        code: 'TORCH_IMAGE',
        message: /^Cannot resize 30000 × 1 pixels to 7680000 × 256: they are more than MAX_PIXELS/,
      })
      assert.equal(memory().tensors, before)
    })
  })

  describe('applyInto()', () => {
    for (const [name, facts] of Object.entries(expectedOfPython().images)) {
      it(`fills a slot with torchvision's float32 bits for ${name}`, async () => {
        const batch = new Float32Array(3 * 3 * 224 * 224)
        const slot = batch.subarray(3 * 224 * 224, 2 * 3 * 224 * 224)

        await presets.imagenet().applyInto(await decodeImage(fixture(name)), batch, 3 * 224 * 224)

        assert.equal(digest(slot), facts.imagenet)
      })
    }

    it('refuses a slot that is too small', async () => {
      await assert.rejects(presets.cifar().applyInto(noiseImage(4, 4), new Float32Array(3 * 32 * 32), 1), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected an offset from which on (3, 32, 32) fits into 3072 floats for offset, received 1',
      })
    })
  })

  describe('withChannels()', () => {
    it('gives the preset for a model that reads one channel', () =>
      scope(async () => {
        const preset = new ImagePreset({ ...SETTINGS, grayscale: true }).withChannels(1)

        assert.deepEqual(preset.shape, [1, 20, 24])
        assert.deepEqual([preset.settings.mean, preset.settings.std], [[0.1], [0.5]])
        assert.deepEqual((await preset.apply(noiseImage(40, 50))).shape, [1, 20, 24])
      }))

    it('gives the same preset where nothing changes', () => {
      const preset = presets.imagenet()

      assert.equal(preset.withChannels(3), preset)
    })

    it('refuses one channel of color', () => {
      assert.throws(() => presets.imagenet().withChannels(1), { code: 'TORCH_INVALID_ARGUMENT' })
    })
  })
})

describe('presets', () => {
  const folder = useTemporaryFolder()

  for (const preset of [presets.imagenet(), presets.cifar(), presets.fashionMnist(), new ImagePreset(SETTINGS)]) {
    it(`${preset.name} is the same after a way through JSON`, () => {
      const back = presets.fromJson(JSON.parse(JSON.stringify(preset)))

      assert.deepEqual(back.settings, preset.settings)
      assert.equal(String(back), String(preset))
    })
  }

  describe('fromJson()', () => {
    it('names the place of what is wrong', () => {
      assert.throws(() => presets.fromJson({ name: 'x', size: 28 }, 'model.json'), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a height and a width for size in model.json, received 28',
      })
    })
  })

  describe('save() and load()', () => {
    it('write a preset and read it again', async () => {
      const path = join(folder(), 'mine.json')

      await presets.save(path, new ImagePreset(SETTINGS))

      assert.deepEqual((await presets.load(path)).settings, SETTINGS)
      assert.deepEqual(await readdir(folder()), ['mine.json'])
      assert.match(await readFile(path, 'utf8'), /^\{\n {2}"name": "mine",\n/)
    })

    it('refuse a folder that is not there', async () => {
      const path = join(folder(), 'missing', 'mine.json')

      await assert.rejects(presets.save(path, presets.cifar()), {
        code: 'TORCH_FILE',
        message: `${path}: No such file`,
      })
      await assert.rejects(presets.load(path), { code: 'TORCH_FILE', message: `${path}: No such file` })
    })

    it('refuse what is no JSON', async () => {
      const path = join(folder(), 'mine.json')
      await writeFile(path, '{')

      await assert.rejects(presets.load(path), { code: 'TORCH_FILE', message: `${path}: Is not valid JSON` })
    })
  })

  describe('beside()', () => {
    it('finds the file beside a checkpoint', async () => {
      await presets.save(join(folder(), presets.PRESET_FILE), presets.cifar())

      assert.equal((await presets.beside(join(folder(), 'model.pth')))?.name, 'cifar')
    })

    it('gives null where there is none', async () => {
      assert.equal(await presets.beside(join(folder(), 'model.pth')), null)
    })

    it('reads the one of the embedded model', async () => {
      const preset = await presets.beside(join(import.meta.dirname, '../../models/fashion-mnist/model.pth'))

      assert.deepEqual([preset?.name, preset?.shape, preset?.labels?.length], ['fashion-mnist', [3, 28, 28], 10])
    })
  })

  describe('fromMetadata()', () => {
    it('finds the preset that travels in a safetensors file', () =>
      scope(async () => {
        const path = join(folder(), 'model.safetensors')
        const preset = new ImagePreset(SETTINGS)
        await saveSafetensors(path, new Map([['weight', zeros([2])]]), { metadata: preset.toMetadata() })

        const { metadata } = await readCheckpoint(path)

        assert.deepEqual(presets.fromMetadata(metadata)?.settings, SETTINGS)
      }))

    it('gives null where there is none', () => {
      assert.equal(presets.fromMetadata(null), null)
      assert.equal(presets.fromMetadata(new Map([['format', 'pt']])), null)
    })

    it('refuses what is no preset', () => {
      assert.throws(() => presets.fromMetadata(new Map([[PRESET_METADATA_KEY, '[]']])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected an options object for napi-torch.preset, received []',
      })
    })
  })
})
