import assert from 'node:assert/strict'
import { join } from 'node:path'

import { Classifier, presets } from 'napi-torch'

import { CHECKPOINT } from '../support/fashion_mnist.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

/** As the hub of timm has it for resnet18.a1_in1k. */
const TIMM = {
  architecture: 'resnet18',
  num_classes: 1000,
  pretrained_cfg: {
    tag: 'a1_in1k',
    input_size: [3, 224, 224],
    test_input_size: [3, 288, 288],
    fixed_input_size: false,
    interpolation: 'bicubic',
    crop_pct: 0.95,
    test_crop_pct: 1.0,
    crop_mode: 'center',
    ...IMAGENET,
    num_classes: 1000,
    pool_size: [7, 7],
    first_conv: 'conv1',
    classifier: 'fc',
  },
}

/** As the hub of transformers has it for microsoft/resnet-18. */
const TRANSFORMERS = {
  crop_pct: 0.875,
  do_normalize: true,
  do_resize: true,
  feature_extractor_type: 'ConvNextFeatureExtractor',
  image_mean: IMAGENET.mean,
  image_std: IMAGENET.std,
  resample: 3,
  size: 224,
}

const without = (config: object, key: string): object =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name !== key))
const CROPPED = { ...without(TRANSFORMERS, 'crop_pct'), feature_extractor_type: 'BitImageProcessor' }
const timm = (fields: object): object => ({ ...TIMM, pretrained_cfg: { ...TIMM.pretrained_cfg, ...fields } })

const READ: readonly (readonly [what: string, config: object, settings: object])[] = [
  ['timm, with the size for tests', TIMM, { name: 'resnet18', size: [288, 288], resize: 288, interpolation: 'bicubic', ...IMAGENET }],
  [
    'timm, without a size for tests',
    timm({ test_input_size: undefined, test_crop_pct: undefined }),
    { name: 'resnet18', size: [224, 224], resize: 235, interpolation: 'bicubic', ...IMAGENET },
  ],
  [
    'timm, with a crop for tests alone',
    timm({ test_input_size: undefined, test_crop_pct: 0.9 }),
    { name: 'resnet18', size: [224, 224], resize: 248, interpolation: 'bicubic', ...IMAGENET },
  ],
  [
    'timm, whose empty fields have its defaults',
    timm({ test_input_size: null, input_size: null, test_crop_pct: 0, crop_pct: null, crop_mode: '', interpolation: '', mean: null, std: [] }),
    { name: 'resnet18', size: [224, 224], resize: 256, interpolation: 'bicubic', ...IMAGENET },
  ],
  [
    'timm of old, whose fields are not nested',
    { ...without(without(TIMM.pretrained_cfg, 'test_input_size'), 'test_crop_pct'), architecture: 'resnet18', crop_pct: 0.875, label_names: ['a', 'b'] },
    { name: 'resnet18', size: [224, 224], resize: 256, interpolation: 'bicubic', ...IMAGENET, labels: ['a', 'b'] },
  ],
  [
    'timm, for one channel',
    timm({ test_input_size: undefined, input_size: [1, 28, 28], mean: [0.5], std: [0.5], crop_pct: 1 }),
    { name: 'resnet18', size: [28, 28], resize: 28, interpolation: 'bicubic', grayscale: true, channels: 1, mean: [0.5], std: [0.5] },
  ],
  [
    'timm, squashed',
    timm({ crop_mode: 'squash', test_input_size: [3, 64, 96] }),
    { name: 'resnet18', size: [64, 96], interpolation: 'bicubic', ...IMAGENET },
  ],
  [
    'transformers, cropped',
    TRANSFORMERS,
    { name: 'ConvNextFeatureExtractor', size: [224, 224], resize: 256, interpolation: 'bicubic', ...IMAGENET },
  ],
  [
    'transformers, large and squashed',
    { ...TRANSFORMERS, size: { shortest_edge: 384 } },
    { name: 'ConvNextFeatureExtractor', size: [384, 384], interpolation: 'bicubic', ...IMAGENET },
  ],
  [
    'transformers, of ConvNext without its crop',
    without({ ...TRANSFORMERS, size: 112 }, 'crop_pct'),
    { name: 'ConvNextFeatureExtractor', size: [112, 112], resize: 128, interpolation: 'bicubic', ...IMAGENET },
  ],
  [
    'transformers, of ViT with one number',
    { ...without(TRANSFORMERS, 'crop_pct'), feature_extractor_type: 'ViTFeatureExtractor', size: 32 },
    { name: 'ViTFeatureExtractor', size: [32, 32], interpolation: 'bicubic', ...IMAGENET },
  ],
  [
    'transformers, with both sides',
    { ...without(TRANSFORMERS, 'crop_pct'), image_processor_type: 'ViTImageProcessor', size: { height: 32, width: 48 }, resample: 2 },
    { name: 'ViTImageProcessor', size: [32, 48], interpolation: 'bilinear', ...IMAGENET },
  ],
  [
    'transformers, with a crop of its own',
    { ...CROPPED, size: { shortest_edge: 256 }, do_center_crop: true, crop_size: { height: 224, width: 224 } },
    { name: 'BitImageProcessor', size: [224, 224], resize: 256, interpolation: 'bicubic', ...IMAGENET },
  ],
] // prettier-ignore

const REFUSED: readonly (readonly [what: string, config: object, message: RegExp])[] = [
  ['a crop with borders', timm({ crop_mode: 'border' }), /presets do not have, crop_mode border; pass a preset/],
  ['a squash beyond the crop', timm({ crop_mode: 'squash', test_crop_pct: 0.9 }), /crop_mode squash/],
  ['a crop that is no square', timm({ test_input_size: [3, 64, 96] }), /input_size 64 × 96/],
  ['a crop of less than nothing', timm({ test_crop_pct: -1 }), /crop_pct -1/],
  ['a filter by chance', timm({ interpolation: 'random' }), /interpolation random/],
  ['another scale', { ...TRANSFORMERS, rescale_factor: 1 }, /rescale_factor 1/],
  ['no normalization', { ...TRANSFORMERS, do_normalize: false }, /do_normalize false/],
  ['another filter', { ...TRANSFORMERS, resample: 9 }, /resample 9/],
  ['an edge without a crop', { ...CROPPED, size: { shortest_edge: 256 } }, /do_center_crop false/],
  ['a longest edge', { ...TRANSFORMERS, size: { longest_edge: 256 } }, /size \{"longest_edge":256\}/],
] // prettier-ignore

describe('presets.fromJson()', () => {
  for (const [what, config, settings] of READ) {
    it(`reads the config of ${what}`, () => {
      assert.deepEqual(presets.fromJson(config).settings, settings)
    })
  }

  for (const [what, config, message] of REFUSED) {
    it(`refuses ${what}`, () => {
      assert.throws(() => presets.fromJson(config), { code: 'TORCH_INVALID_ARGUMENT', message })
    })
  }
})

describe('presets.beside()', function () {
  this.timeout(60_000)
  const folder = useTemporaryFolder()
  const besideOf = async (files: Record<string, string>): Promise<unknown> => {
    writeFiles(folder(), files)
    return (await presets.beside(join(folder(), 'model.pth')))?.settings
  }
  const id2label = { 0: 'tench', 1: 'goldfish' }

  it('takes the names of classes of transformers out of config.json', async () => {
    const files = {
      'preprocessor_config.json': JSON.stringify(TRANSFORMERS),
      'config.json': JSON.stringify({ id2label }),
    }

    assert.deepEqual(await besideOf(files), {
      ...presets.fromJson(TRANSFORMERS).settings,
      labels: ['tench', 'goldfish'],
    })
  })

  it('leaves out names that stand for none', async () => {
    const config = JSON.stringify({ id2label: { 0: 'LABEL_0', 1: 'LABEL_1' } })

    const settings = await besideOf({ 'preprocessor_config.json': JSON.stringify(TRANSFORMERS), 'config.json': config })

    assert.deepEqual(settings, presets.fromJson(TRANSFORMERS).settings)
  })

  it('prefers preset.json', async () => {
    const own = presets.cifar()

    const settings = await besideOf({ 'preset.json': JSON.stringify(own), 'config.json': JSON.stringify(TIMM) })

    assert.deepEqual(settings, own.settings)
  })

  for (const text of ['{"lr": 0.1}', '[1]', 'not JSON']) {
    it(`passes over a config.json of another program: ${text}`, async () => {
      assert.equal(await besideOf({ 'config.json': text }), undefined)
    })
  }

  it('gives the classifier its images and names', async () => {
    const checkpoint = join(folder(), 'model.pth')
    const labels = Array.from({ length: 10 }, (_, index) => `class ${index}`)
    const config = timm({ test_input_size: undefined, input_size: [3, 28, 28], crop_pct: 1 })
    const { copyFile } = await import('node:fs/promises')
    await copyFile(CHECKPOINT, checkpoint)
    writeFiles(folder(), { 'config.json': JSON.stringify({ ...config, label_names: labels }) })

    const classifier = await Classifier.load(checkpoint)

    assert.deepEqual(
      [classifier.labels, classifier.labelsName, classifier.isPresetGuessed],
      [labels, 'config.json', false],
    )
    await classifier.close()
  })
})
