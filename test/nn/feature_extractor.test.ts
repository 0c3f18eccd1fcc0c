import assert from 'node:assert/strict'

import {
  compile,
  createFeatureExtractor,
  createModel,
  Flatten,
  LayerOutput,
  Linear,
  manualSeed,
  randn,
  ReLU,
  scope,
  Sequential,
  type Module,
} from 'napi-torch'

import { assertClose, assertTensorEqual } from '../support/numeric.js'

function smallModel(): Module {
  return new Sequential(new Flatten(), new Linear(12, 5), new ReLU({ inplace: true }), new Linear(5, 3)).eval()
}

describe('createFeatureExtractor()', () => {
  it('gives the outputs of layers by the names that they get, and leaves the model as it is', () =>
    scope(() => {
      const model = smallModel()
      const images = randn([2, 3, 2, 2])
      const before = model.forward(images)

      const { hidden, active } = createFeatureExtractor(model, { 1: 'hidden', 2: 'active' }).forward(images)

      assert.ok(hidden !== undefined && active !== undefined)
      assertTensorEqual(hidden, model.getSubmodule('1').forward(images.flatten(1)) as typeof hidden)
      // The ReLU changes its input in place.
      assertTensorEqual(active, hidden.relu())
      assertTensorEqual(model.forward(images), before)
    }))

  it('gives the feature maps of a ResNet', () =>
    scope(() => {
      const model = createModel('resnet18').eval()

      const maps = createFeatureExtractor(model, { layer3: 'f3', 'layer4.1.conv2': 'last' }).forward(
        randn([1, 3, 64, 64]),
      )

      assert.deepEqual([maps['f3']?.shape, maps['last']?.shape], [[1, 256, 4, 4], [1, 512, 2, 2]]) // prettier-ignore
    }))

  it('refuses a layer that there is not, with the nearest names', () =>
    scope(() => {
      const model = createModel('resnet18', { skipInit: true }).eval()

      assert.throws(() => createFeatureExtractor(model, { layer5: 'f5' }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected the name of a layer (such as layer1, layer2, layer3) for layer, received "layer5"',
      })
    }))

  it('refuses no layer', () =>
    scope(() => {
      assert.throws(() => createFeatureExtractor(smallModel(), {}), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected at least one layer for layers, received an object',
      })
    }))

  it('refuses names that are none', () =>
    scope(() => {
      const make = createFeatureExtractor as (model: Module, layers: unknown) => unknown
      const model = smallModel()
      const refused: readonly (readonly [layers: unknown, message: string])[] = [
        [null, 'Expected an object of names by layer for layers, received null'],
        [['layer1'], 'Expected an object of names by layer for layers, received ["layer1"]'],
        [{ layer1: 1 }, 'Expected a string for the name of layer1, received 1'],
      ]
      for (const [layers, message] of refused) {
        assert.throws(() => make(model, layers), { code: 'TORCH_INVALID_ARGUMENT', message }, message)
      }
    }))

  it('refuses a layer that the model never runs', () =>
    scope(() => {
      const model = createModel('googlenet', { skipInit: true }).eval()

      assert.throws(() => createFeatureExtractor(model, { aux1: 'aux' }).forward(randn([1, 3, 32, 32])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: /^Expected a layer that GoogLeNet runs for layer, received "aux1"/,
      })
    }))
})

describe('LayerOutput', () => {
  it('gives the output of a layer, compiled as well', () =>
    scope(async () => {
      manualSeed(0)
      const model = createModel('mobilenet_v3_small', { numClasses: 2 }).eval()
      const images = randn([2, 3, 64, 64])
      const output = new LayerOutput(model, 'features.8')
      await using engine = await compile(output, { input: [3, 64, 64], maxBatchSize: 2 })

      const compiled = await engine.run(images)

      assert.deepEqual(engine.outputShape, [48, 4, 4])
      assertClose(compiled, output.forward(images), { atol: 1e-5, rtol: 1e-4 })
    }))

  it('refuses the model itself', () =>
    scope(() => {
      assert.throws(() => new LayerOutput(smallModel(), ''), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected the name of a layer (such as 0, 1, 2) for layer, received ""',
      })
    }))
})
