import {} from 'napi-torch'

import { eliminate } from '../../../lib/engine/passes/eliminate.js'
import { applied, convolutions, itRewrites, PASS_SHAPE } from '../../support/graphs.js'

describe('eliminate()', () => {
  itRewrites(eliminate, [
    {
      name: 'leaves out what nothing reads',
      model: () => convolutions((x, one, two) => (two.forward(x).max(), one.forward(x))),
      kinds: ['conv2d'],
    },
    {
      name: 'leaves out all but the last of several reshapes in a row',
      model: () => applied((x) => x.flatten(1).view([4, 30, 2]).view([8, -1]).neg()),
      kinds: ['reshape', 'aten::neg'],
    },
    {
      name: 'leaves out reshapes that end in the shape where they began',
      model: () => applied((x) => x.flatten().view(PASS_SHAPE)),
      kinds: [],
    },
    {
      name: 'keeps a reshape that something else reads',
      model: () => applied((x) => ((rows) => rows.sum().add(rows.view(PASS_SHAPE)))(x.flatten())),
      kinds: ['reshape', 'aten::sum.dim_IntList', 'aten::add.Tensor'],
    },
    {
      name: 'keeps a node of which one of two results is read',
      model: () => applied((x) => x.topk(2).values),
      kinds: ['aten::topk'],
    },
  ])
})
