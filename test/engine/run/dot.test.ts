import assert from 'node:assert/strict'

import { Conv2d, scope } from 'napi-torch'

import { toDot } from '../../../lib/engine/run/dot.js'
import { optimize } from '../../../lib/engine/passes/optimize.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { applied } from '../../support/graphs.js'

describe('toDot()', () => {
  it('draws nodes with what they do, where they are from and what they make', () =>
    scope(() => {
      const conv = new Conv2d(2, 2, 1)
      const model = applied((x) => conv.forward(x).add(x).relu().softmax(1), { conv })

      assert.equal(
        toDot(optimize(trace(model, [1, 2, 3, 4]))),
        `digraph {
  input0 [label="input\\nfloat32 (1, 2, 3, 4)", shape=ellipse]
  node0 [label="conv2d + residual + relu\\nconv\\nfloat32 (1, 2, 3, 4)", shape=box]
  input0 -> node0
  input0 -> node0
  node1 [label="aten::softmax.int\\nfloat32 (1, 2, 3, 4)", shape=box]
  node0 -> node1
  output0 [label="output", shape=ellipse]
  node1 -> output0
}
`,
      )
    }))
})
