import assert from 'node:assert/strict'

import {
  manualSeed,
  memory,
  randn,
  resnet18,
  resnet18Cifar,
  resnet50,
  resnext50_32x4d,
  scope,
  type Module,
} from 'napi-torch'

import { runGraph } from '../../../lib/engine/run/interpret.js'
import { optimize } from '../../../lib/engine/passes/optimize.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { kindsOf, randomizeNorms } from '../../support/graphs.js'

interface NetRow {
  readonly name: string
  readonly make: () => Module
  readonly shape: readonly number[]
  /** How many nodes of each kind are left. */
  readonly counts: Readonly<Record<string, number>>
}

const NETS: readonly NetRow[] = [
  {
    name: 'resnet18',
    make: () => resnet18(),
    shape: [2, 3, 64, 64],
    counts: {
      'conv2d + relu': 9,
      'conv2d + residual + relu': 8,
      conv2d: 3,
      maxPool2d: 1,
      globalAvgPool: 1,
      linear: 1,
    },
  },
  {
    name: 'resnet50',
    make: () => resnet50(),
    shape: [1, 3, 40, 56],
    counts: {
      'conv2d + relu': 33,
      'conv2d + residual + relu': 16,
      conv2d: 4,
      maxPool2d: 1,
      globalAvgPool: 1,
      linear: 1,
    },
  },
  {
    name: 'resnext50_32x4d',
    make: () => resnext50_32x4d(),
    shape: [1, 3, 33, 32],
    counts: {
      'conv2d + relu': 33,
      'conv2d + residual + relu': 16,
      conv2d: 4,
      maxPool2d: 1,
      globalAvgPool: 1,
      linear: 1,
    },
  },
  {
    name: 'resnet18Cifar',
    make: () => resnet18Cifar(),
    shape: [3, 3, 32, 32],
    counts: { 'conv2d + relu': 9, 'conv2d + residual + relu': 8, conv2d: 3, globalAvgPool: 1, linear: 1 },
  },
]

describe('optimize()', () => {
  for (const { name, make, shape, counts } of NETS) {
    it(`leaves of ${name} little more than its convolutions, within 1e-9 in float64`, () =>
      scope(() => {
        manualSeed(6)
        const model = randomizeNorms(make().double().eval())
        const input = randn(shape, { dtype: 'float64' })
        const expected = model.forward(input)
        const scale = Number(expected.abs().max().item())
        const before = memory().tensors

        const graph = optimize(trace(model, shape))

        assert.deepEqual(countsOf(kindsOf(graph)), counts)
        assert.equal(memory().tensors, before + graph.owned.size)
        const error = Number(runGraph(graph, input).sub(expected).abs().max().item())
        assert.ok(error <= 1e-9 * scale, `${error} of ${scale}`)
        graph.dispose()
      }))
  }
})

function countsOf(kinds: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
