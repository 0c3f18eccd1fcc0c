import assert from 'node:assert/strict'
import { join } from 'node:path'

import {
  Classifier,
  createModel,
  loadCheckpoint,
  manualSeed,
  openModel,
  saveCheckpoint,
  scope,
  StateDict,
  type ModelName,
} from 'napi-torch'

import { inFolder } from '../../support/checkpoints.js'
import { napiTorch } from '../../support/cli.js'
import { formulaTensor } from '../../support/formula.js'
import { assertClose } from '../../support/numeric.js'

const PHOTO = 'test/fixtures/vision/profile.jpg'

/** Writes a checkpoint of a model of three classes, drawn from seed 0, under keys of that form. */
async function writeModel(file: string, name: ModelName, rename = (key: string): string => key): Promise<void> {
  await scope(async () => {
    manualSeed(0)
    const state = createModel(name, { numClasses: 3 }).stateDict()
    await saveCheckpoint(file, new StateDict([...state].map(([key, tensor]) => [rename(key), tensor] as const)))
  })
}

describe('checkpoints of torchvision models', function () {
  this.timeout(120_000)

  for (const [name, side] of [
    ['mobilenet_v3_small', 224],
    ['shufflenet_v2_x0_5', 224],
    ['efficientnet_b1', 240],
  ] as const) {
    it(`opens ${name}, with the preset of its weights, and classifies`, () =>
      inFolder(async (folder) => {
        const file = join(folder, 'model.pth')
        await writeModel(file, name, (key) => `module.${key}`)

        await using classifier = await Classifier.load(file, { labels: ['a', 'b', 'c'] })
        const predictions = await classifier.classify(PHOTO)

        assert.deepEqual([classifier.architecture.name, classifier.architecture.numClasses], [name, 3])
        assert.deepEqual([classifier.presetName, classifier.isPresetGuessed], [name, true])
        assert.match(String(classifier.preset), new RegExp(`CenterCrop\\(size=\\(${side}, ${side}\\)\\)`))
        assert.equal(predictions.length, 3)
      }))
  }

  it('gives a DenseNet of the names of torchvision 0.2 the same logits', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'model.pth')
      await writeModel(file, 'densenet121', (key) => key.replace(/(norm|conv)([12])\./, '$1.$2.'))

      using opened = await openModel(file)

      assert.equal(opened.renamed.get('features.denseblock1.denselayer1.norm1.weight'), 'features.denseblock1.denselayer1.norm.1.weight') // prettier-ignore
      scope(() => {
        manualSeed(0)
        const image = formulaTensor('input', [1, 3, 64, 64])
        assertClose(opened.model.forward(image), createModel('densenet121', { numClasses: 3 }).eval().forward(image), {
          atol: 1e-5,
        })
      })
    }))

  it('opens an Inception v3 with its heads in the middle, for images as all other models take', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'model.pth')
      await writeModel(file, 'inception_v3')

      using opened = await openModel(file)

      assert.deepEqual([opened.inputShape, opened.unused], [[3, 299, 299], []])
      assert.ok(opened.architecture.family === 'torchvision')
      assert.deepEqual(opened.architecture.options, { auxLogits: true, transformInput: true })
    }))

  it('refuses another model than the one that is named', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'model.pth')
      await writeModel(file, 'mobilenet_v3_small')

      await assert.rejects(openModel(file, { arch: 'mobilenet_v3_large' }), {
        code: 'TORCH_ARCHITECTURE',
        message: `Expected the architecture mobilenet_v3_large in ${file}, found mobilenet_v3_small`,
      })
    }))

  it('inspects, converts and classifies one at the command line', () =>
    inFolder(async (folder) => {
      const [file, out] = [join(folder, 'model.pth'), join(folder, 'model.safetensors')]
      await writeModel(file, 'squeezenet1_1', (key) => `_orig_mod.${key}`)

      const inspected = await napiTorch(['inspect', file], { env: { NAPI_TORCH_LIBTORCH: 'no-libtorch-here' } })
      const converted = await napiTorch(['convert', file, out, '--as', 'torchvision'])
      const classified = await napiTorch(['classify', out, PHOTO, '--json'])

      assert.match(inspected.stdout, /^architecture +squeezenet1_1, 3 classes/m)
      assert.deepEqual([converted.status, converted.stderr], [0, ''])
      assert.equal(classified.status, 0, classified.stderr)
      await scope(async () => assert.ok((await loadCheckpoint(out)).has('classifier.1.weight')))
    }))
})
