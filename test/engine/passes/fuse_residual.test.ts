import assert from 'node:assert/strict'

import { scope } from 'napi-torch'

import { fuseActivation } from '../../../lib/engine/passes/fuse_activation.js'
import { fuseResidual } from '../../../lib/engine/passes/fuse_residual.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { convolutions, itRewrites, PASS_SHAPE } from '../../support/graphs.js'

describe('fuseResidual()', () => {
  itRewrites(fuseResidual, [
    {
      name: 'fuses what is added to a convolution',
      model: () => convolutions((x, one) => one.forward(x).add(x)),
      kinds: ['conv2d + residual'],
    },
    {
      name: 'fuses a convolution that is added to something',
      model: () => convolutions((x, one) => x.add(one.forward(x))),
      kinds: ['conv2d + residual'],
    },
    {
      name: 'takes over the activation of the sum',
      model: () => convolutions((x, one) => one.forward(x).add_(x).relu()),
      after: fuseActivation,
      kinds: ['conv2d + residual + relu'],
    },
    {
      name: 'fuses the later of two convolutions, which is the first operand',
      model: () =>
        convolutions((x, one, two) => {
          const early = two.forward(x)
          return one.forward(x).add(early)
        }),
      kinds: ['conv2d', 'conv2d + residual'],
    },
    {
      name: 'fuses the later of two convolutions, which is the second operand',
      model: () => convolutions((x, one, two) => one.forward(x).add(two.forward(x))),
      kinds: ['conv2d', 'conv2d + residual'],
    },
    {
      name: 'fuses a residual that is made after the convolution',
      model: () => convolutions((x, one) => one.forward(x).add(x.neg())),
      kinds: ['aten::neg', 'conv2d + residual'],
    },
    {
      name: 'fuses the earlier of two convolutions where something else reads the later one',
      model: () =>
        convolutions((x, one, two) => {
          const [early, late] = [one.forward(x), two.forward(x)]
          return early.add(late).mul(late)
        }),
      kinds: ['conv2d', 'conv2d + residual', 'aten::mul.Tensor'],
    },
    {
      name: 'fuses a second sum into the convolution that it is added to',
      model: () => convolutions((x, one, two) => two.forward(one.forward(x).add(x)).add(x)),
      kinds: ['conv2d + residual', 'conv2d + residual'],
    },
    {
      name: 'leaves a convolution that has a residual',
      model: () => convolutions((x, one) => one.forward(x).add(x).add(x)),
      kinds: ['conv2d + residual', 'add'],
    },
    {
      name: 'leaves a convolution that something else reads',
      model: () =>
        convolutions((x, one) => {
          const y = one.forward(x)
          return y.add(x).mul(y)
        }),
      kinds: ['conv2d', 'add', 'aten::mul.Tensor'],
    },
    {
      name: 'leaves a convolution that is added to itself',
      model: () =>
        convolutions((x, one) => {
          const y = one.forward(x)
          return y.add(y)
        }),
      kinds: ['conv2d', 'add'],
    },
    {
      name: 'leaves a convolution whose result has an activation',
      model: () => convolutions((x, one) => one.forward(x).relu().add(x)),
      after: fuseActivation,
      kinds: ['conv2d + relu', 'add'],
    },
    {
      name: 'leaves a sum whose other part is of another shape',
      model: () => convolutions((x, one) => one.forward(x).add(x.select(0, 0))),
      kinds: ['conv2d', 'aten::select.int', 'aten::add.Tensor'],
    },
    {
      name: 'leaves a sum with a factor',
      model: () => convolutions((x, one) => one.forward(x).add(x, { alpha: 2 })),
      kinds: ['conv2d', 'aten::add.Tensor'],
    },
  ])
})

describe('fuseResidual() of two convolutions', () => {
  for (const first of ['left', 'right'] as const) {
    it(`lets the later one add where the ${first} operand is made first`, () =>
      scope(() => {
        const model = convolutions((x, one, two) => {
          const [early, late] = [one.forward(x), two.forward(x)]
          return first === 'left' ? early.add(late) : late.add(early)
        })

        const { nodes } = fuseResidual(trace(model, PASS_SHAPE))

        assert.deepEqual(
          nodes.map(({ path }) => path),
          ['one', 'two'],
        )
      }))
  }
})
