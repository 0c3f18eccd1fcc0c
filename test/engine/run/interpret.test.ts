import assert from 'node:assert/strict'

import { ones, ReLU, scope } from 'napi-torch'

import { runGraph } from '../../../lib/engine/run/interpret.js'
import { trace } from '../../../lib/engine/trace/trace.js'

describe('runGraph()', () => {
  it('refuses an input of another shape or dtype', () =>
    scope(() => {
      const graph = trace(new ReLU().eval(), [2, 3])

      assert.throws(() => runGraph(graph, ones([3, 2])), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a tensor float32 (2, 3) for input, received float32 (3, 2)',
      })
      assert.throws(() => runGraph(graph, ones([2, 3], { dtype: 'float64' })), {
        message: 'Expected a tensor float32 (2, 3) for input, received float64 (2, 3)',
      })
    }))
})
