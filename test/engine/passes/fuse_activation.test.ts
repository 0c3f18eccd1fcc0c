import { Linear, ReLU, Sequential } from 'napi-torch'

import { fuseActivation } from '../../../lib/engine/passes/fuse_activation.js'
import { fuseResidual } from '../../../lib/engine/passes/fuse_residual.js'
import { applied, conv, convolutions, itRewrites } from '../../support/graphs.js'

describe('fuseActivation()', () => {
  itRewrites(fuseActivation, [
    { name: 'fuses into a convolution', model: () => new Sequential(conv(), new ReLU()), kinds: ['conv2d + relu'] },
    {
      name: 'fuses into a matrix',
      model: () => new Sequential(new Linear(5, 3), new ReLU({ inplace: true })),
      shape: [7, 5],
      kinds: ['linear + relu'],
    },
    {
      name: 'fuses into a sum',
      model: () => applied((x) => x.add(x.neg()).relu()),
      kinds: ['aten::neg', 'add + relu'],
    },
    {
      name: 'fuses into a convolution that adds a residual',
      model: () => convolutions((x, one) => one.forward(x).add(x).relu()),
      after: fuseResidual,
      kinds: ['conv2d + residual + relu'],
    },
    {
      name: 'fuses two in a row',
      model: () => new Sequential(conv(), new ReLU(), new ReLU()),
      kinds: ['conv2d + relu'],
    },
    {
      name: 'leaves a value that something else reads',
      model: () =>
        convolutions((x, one) => {
          const y = one.forward(x)
          return y.relu().mul(y)
        }),
      kinds: ['conv2d', 'relu', 'aten::mul.Tensor'],
    },
    {
      name: 'leaves a value that is the output',
      model: () =>
        convolutions((x, one) => {
          const y = one.forward(x)
          y.relu()
          return y
        }),
      kinds: ['conv2d', 'relu'],
    },
    {
      name: 'leaves the ReLU of anything else',
      model: () => applied((x) => x.neg().relu()),
      kinds: ['aten::neg', 'relu'],
    },
  ])
})
