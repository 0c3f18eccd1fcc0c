import assert from 'node:assert/strict'

import { BatchNorm2d, Linear, manualSeed, ReLU, scope, Sequential, functional as F, type Tensor } from 'napi-torch'

import { finish } from '../../../lib/util/slices.js'
import type { Graph } from '../../../lib/engine/graph.js'
import { foldBatchNorm } from '../../../lib/engine/passes/fold_batchnorm.js'
import { fuseActivation } from '../../../lib/engine/passes/fuse_activation.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { applied, conv, itRewrites, PASS_SHAPE, randomizeNorms } from '../../support/graphs.js'
import { assertClose } from '../../support/numeric.js'

const fold = (graph: Graph): Graph => finish(foldBatchNorm(graph))

describe('foldBatchNorm()', () => {
  itRewrites(fold, [
    { name: 'folds into a convolution', model: () => new Sequential(conv(), new BatchNorm2d(4)), kinds: ['conv2d'] },
    {
      name: 'folds into a grouped convolution without bias',
      model: () => new Sequential(conv(4, 8, { groups: 2, bias: false }), new BatchNorm2d(8)),
      kinds: ['conv2d'],
    },
    {
      name: 'folds statistics without scale and shift',
      model: () => new Sequential(conv(4, 4, { bias: false }), new BatchNorm2d(4, { affine: false })),
      kinds: ['conv2d'],
    },
    {
      name: 'folds a scale without a shift',
      model: () => new Sequential(conv(), new BatchNorm2d(4, { bias: false, eps: 0.1 })),
      kinds: ['conv2d'],
    },
    {
      name: 'folds several in a row',
      model: () => new Sequential(conv(), new BatchNorm2d(4), new BatchNorm2d(4)),
      kinds: ['conv2d'],
    },
    {
      name: 'folds into a matrix',
      model: () => {
        const [fc, norm] = [new Linear(5, 3), new BatchNorm2d(3)]
        const normalized = (x: Tensor): Tensor =>
          F.batchNorm(x, norm.buffer('running_mean'), norm.buffer('running_var'), { weight: norm.weight })
        return applied((x) => normalized(fc.forward(x)), { fc, norm })
      },
      shape: [7, 5],
      kinds: ['linear'],
    },
    {
      name: 'leaves a convolution that something else reads',
      model: () => {
        const [layer, norm] = [conv(), new BatchNorm2d(4)]
        return applied(
          (x) => {
            const y = layer.forward(x)
            return norm.forward(y).add(y)
          },
          { layer, norm },
        )
      },
      kinds: ['conv2d', 'batchNorm', 'add'],
    },
    {
      name: 'leaves a convolution whose result has an activation',
      model: () => new Sequential(conv(), new ReLU(), new BatchNorm2d(4)),
      after: fuseActivation,
      kinds: ['conv2d + relu', 'batchNorm'],
    },
    {
      name: 'leaves one that comes before the convolution',
      model: () => new Sequential(new BatchNorm2d(4), conv()),
      kinds: ['batchNorm', 'conv2d'],
    },
    {
      name: 'leaves one without statistics',
      model: () => new Sequential(conv(), new BatchNorm2d(4, { trackRunningStats: false })),
      kinds: ['conv2d', 'aten::batch_norm'],
    },
  ])

  it('computes in float64 and stores in the dtype of the weights', () =>
    scope(() => {
      manualSeed(4)
      const model = randomizeNorms(new Sequential(conv(4, 4, { bias: false }), new BatchNorm2d(4)).eval())
      const [single] = fold(trace(model, PASS_SHAPE)).nodes
      const [double] = fold(trace(model.double(), PASS_SHAPE)).nodes

      assert.ok(single?.kind === 'conv2d' && double?.kind === 'conv2d')
      assertClose(single.weight, double.weight.float())
      assert.equal(single.bias?.dtype, 'float32')
    }))

  it('owns the weights that it makes', () => {
    const [layer, norm] = [conv(), new BatchNorm2d(4)]
    const graph = fold(trace(new Sequential(layer, norm).eval(), PASS_SHAPE))

    assert.equal(graph.owned.size, 2)
    graph.dispose()
    layer.dispose()
    norm.dispose()
  })
})
