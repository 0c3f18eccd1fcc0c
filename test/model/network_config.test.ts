import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Classifier, decodeImage, ImagePreset, openModel, scope, tensor, type Tensor } from 'napi-torch'
import { readModel } from 'napi-torch/internal'

import { useTemporaryFolder } from '../support/folder.js'
import { assertClose } from '../support/numeric.js'

/** Written by timm and transformers, see scripts/make_hub_fixtures.py. */
const HUB = fileURLToPath(new URL('../fixtures/hub/', import.meta.url))
const PHOTO = fileURLToPath(new URL('../fixtures/vision/photo.jpg', import.meta.url))
const LABELS = ['ant', 'bee', 'cat', 'dog', 'elk']

/** What Python gives of the photo with the network of a folder. */
interface Expected {
  /** (C, H, W). */
  readonly input: readonly number[]
  /** SHA-256 of the input's pixels, as bytes. */
  readonly pixels: string
  readonly logits: readonly number[]
}

const EXPECTED = JSON.parse(readFileSync(join(HUB, 'expected.json'), 'utf8')) as Record<string, Expected>

/** What is made of each folder: its architecture, and the file that holds the weights. */
const FOLDERS: Readonly<Record<string, readonly [architecture: string, file: string]>> = {
  'timm-resnet18': ['ResNet(BasicBlock, [2, 2, 2, 2])', 'model.safetensors'],
  'timm-resnet50': ['ResNet(Bottleneck, [3, 4, 6, 3])', 'pytorch_model.bin'],
  'timm-resnet18d': ['ResNet(BasicBlock, [2, 2, 2, 2])', 'both'],
  'timm-vit': ['vit_b_32', 'pytorch_model.bin'],
  'transformers-resnet': ['ResNet(BasicBlock, [1, 2, 1, 1])', 'shards'],
  'transformers-bottleneck': ['ResNet(Bottleneck, [1, 2, 1, 1])', 'model.safetensors in float16'],
  'transformers-vit': ['vit_b_32', 'pytorch_model.bin'],
}

/** The pixels of a normalized image as bytes, channel by channel. */
function bytesOf(image: Tensor, { settings }: ImagePreset): Uint8Array {
  const values = image.toFloat32Array()
  const plane = values.length / 3
  return Uint8Array.from(values, (value, index) => {
    const channel = Math.floor(index / plane)
    return Math.round((value * (settings.std[channel] ?? 0) + (settings.mean[channel] ?? 0)) * 255)
  })
}

describe('a folder of a hub', function () {
  this.timeout(60_000)

  for (const [name, [architecture, file]] of Object.entries(FOLDERS)) {
    it(`gives the pixels, names and logits that Python gives of ${name} (${file})`, async () => {
      const expected = EXPECTED[name]
      assert.ok(expected)
      using opened = await openModel(join(HUB, name))
      const { preset, labels } = opened
      assert.ok(preset instanceof ImagePreset)

      using image = await preset.apply(await decodeImage(PHOTO))
      const digest = createHash('sha256').update(bytesOf(image, preset)).digest('hex')

      assert.equal(opened.architecture.name, architecture)
      assert.deepEqual(labels, LABELS)
      assert.deepEqual(image.shape, expected.input)
      assert.equal(digest, expected.pixels)
      scope(() => {
        const logits = opened.model.forward(image.unsqueeze(0))
        assertClose(logits, tensor([expected.logits]), { atol: 1e-4 })
      })
    })
  }

  for (const name of ['timm-resnet18', 'transformers-resnet']) {
    it(`is classified as Python does: ${name}`, async () => {
      const logits = EXPECTED[name]?.logits ?? []
      await using classifier = await Classifier.load(join(HUB, name))

      const [best] = await classifier.classify(PHOTO)

      const sum = logits.reduce((total, value) => total + Math.exp(value), 0)
      const most = Math.max(...logits)
      assert.equal(best?.label, LABELS[logits.indexOf(most)])
      assert.ok(Math.abs((best?.probability ?? 0) - Math.exp(most) / sum) < 1e-4)
    })
  }
})

describe('readModel() of a folder of a hub', () => {
  const folder = useTemporaryFolder()

  /** Copies a folder, and changes its config.json. */
  function change(name: string, fields: object): void {
    cpSync(join(HUB, name), folder(), { recursive: true })
    const path = join(folder(), 'config.json')
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...fields }))
  }

  const refused: readonly (readonly [name: string, fields: object, says: string])[] = [
    ['transformers-resnet', { hidden_act: 'gelu' }, 'hidden_act "gelu"'],
    ['transformers-resnet', { downsample_in_first_stage: true }, 'downsample_in_first_stage true'],
    ['transformers-bottleneck', { downsample_in_bottleneck: true }, 'downsample_in_bottleneck true'],
    ['transformers-vit', { num_attention_heads: 8 }, 'num_attention_heads 8'],
    ['transformers-vit', { hidden_act: 'quick_gelu' }, 'hidden_act "quick_gelu"'],
    ['timm-resnet50', { architecture: 'resnetaa50' }, 'architecture "resnetaa50"'],
    ['timm-resnet50', { architecture: 'resnetblur50' }, 'architecture "resnetblur50"'],
    ['timm-resnet50', { global_pool: 'max' }, 'global_pool "max"'],
    ['timm-resnet50', { model_args: { output_stride: 8 } }, 'model_args.output_stride 8'],
    ['timm-vit', { global_pool: 'avg' }, 'global_pool "avg"'],
    ['timm-vit', { architecture: 'vit_base_patch16_rope_224' }, 'architecture "vit_base_patch16_rope_224"'],
  ]
  for (const [name, fields, says] of refused) {
    it(`refuses ${says}, which no key of ${name} shows`, async () => {
      change(name, fields)

      const remedy = 'build it yourself, and load the weights with loadStateDict()'
      await assert.rejects(readModel(folder()), {
        code: 'TORCH_ARCHITECTURE',
        message: `${join(folder(), 'config.json')}: Has ${says}, which the model that is built does not have: ${remedy}`,
      })
    })
  }

  it('takes names of classes out of config.json where nothing says how images are prepared', async () => {
    change('timm-resnet18', { pretrained_cfg: undefined, label_names: { 0: 'a', 1: 'b', 2: 'c', 3: 'd', 4: 'e' } })

    const { labels, labelsName, isPresetGuessed } = await readModel(folder())

    assert.deepEqual([labels, labelsName, isPresetGuessed], [['a', 'b', 'c', 'd', 'e'], 'config.json', true])
  })

  it('passes over names of other classes in config.json, and a config.json that is no JSON', async () => {
    change('timm-resnet18', { pretrained_cfg: undefined, label_names: ['a', 'b'] })
    const other = await readModel(folder())
    writeFileSync(join(folder(), 'config.json'), '{')

    const broken = await readModel(folder())

    assert.deepEqual([other.labels, broken.labels], [null, null])
  })
})
