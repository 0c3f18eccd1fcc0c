import assert from 'node:assert/strict'

import { Conv2d, scope } from 'napi-torch'

import { canonicalizeConvolutions } from '../../../lib/engine/passes/canonicalize_convolutions.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { itRewrites } from '../../support/graphs.js'

describe('canonicalizeConvolutions()', () => {
  const options = { stride: [2, 3], dilation: [3, 2], padding: [1, 0] } as const
  itRewrites(canonicalizeConvolutions, [
    { name: 'computes the same', model: () => new Conv2d(4, 2, [1, 3], options), kinds: ['conv2d'] },
    {
      name: 'computes the same at a single position',
      model: () => new Conv2d(4, 2, [8, 5], { stride: 3, padding: [1, 0] }),
      kinds: ['conv2d'],
    },
  ])

  for (const [name, kernelSize, stride, dilation] of [
    ['takes the dilation of a kernel of one row', [1, 3], [2, 1], [1, 2]],
    ['takes the stride at a single position', [8, 5], [1, 1], [1, 1]],
    ['leaves the stride where a row is left over', [7, 5], [2, 1], [1, 1]],
  ] as const) {
    it(name, () =>
      scope(() => {
        const given = kernelSize[0] === 1 ? options : { stride: [2, 3] as const, padding: [1, 0] as const }
        const graph = canonicalizeConvolutions(trace(new Conv2d(4, 2, kernelSize, given).eval(), [2, 4, 6, 5]))

        const [node] = graph.nodes

        assert.ok(node?.kind === 'conv2d')
        assert.deepEqual([node.stride, node.dilation], [stride, dilation])
      }),
    )
  }
})
