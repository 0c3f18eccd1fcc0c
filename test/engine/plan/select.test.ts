import assert from 'node:assert/strict'

import { functional as F, Linear, manualSeed, scope, Sequential, type Module } from 'napi-torch'

import { optimize } from '../../../lib/engine/passes/optimize.js'
import { Constants } from '../../../lib/engine/plan/constants.js'
import { groupNetworks, selectKernels, type KernelSet } from '../../../lib/engine/plan/select.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { selectByHeuristics, type SelectAlgorithm } from '../../../lib/engine/tune/heuristics.js'
import { applied, conv } from '../../support/graphs.js'

const SHAPE = [2, 4, 6, 5]

/** The kernels that are selected for the nodes of a model, those of one group joined by `+`. */
function selected(
  make: () => Module,
  set: KernelSet,
  {
    shape = SHAPE,
    selectAlgorithm = selectByHeuristics,
  }: { shape?: readonly number[]; selectAlgorithm?: SelectAlgorithm } = {},
): string[] {
  return scope(() => {
    manualSeed(1n)
    const model = make().eval()
    const graph = optimize(trace(model, shape))
    const constants = new Constants()
    constants.add(graph)
    const target = { dtype: 'float32', quantization: null, constants, selectAlgorithm } as const
    const groups = groupNetworks(selectKernels(graph, set, target))
    constants.dispose()
    model.dispose()
    return groups.map((group) => group.map(({ node, kernel }) => `${node.kind} ${kernel}`).join(' + '))
  })
}

describe('selectKernels()', () => {
  const net = (): Module => {
    const [one, fc] = [conv(), new Linear(4, 3)]
    return applied((x) => fc.forward(F.adaptiveAvgPool2d(one.forward(x), 1).flatten(1)).softmax(1), { one, fc })
  }

  it('takes the best kernel of the set that supports a node', () => {
    assert.deepEqual(selected(net, 'aten'), ['conv2d aten', 'globalAvgPool aten', 'linear aten', 'aten aten'])
    assert.deepEqual(selected(net, 'onednn'), ['conv2d onednn', 'globalAvgPool aten', 'linear onednn', 'aten aten'])
    assert.deepEqual(selected(net, 'cudnn'), ['conv2d cudnn', 'globalAvgPool aten', 'linear aten', 'aten aten'])
  })

  it('puts consecutive native nodes together, and leaves the others to oneDNN and libtorch', () => {
    assert.deepEqual(selected(net, 'native'), ['conv2d native + globalAvgPool native + linear native', 'aten aten'])
  })

  it('leaves native kernels alone where no layer has weights', () => {
    assert.deepEqual(
      selected(() => applied((x) => F.maxPool2d(x.neg(), 2)), 'native'),
      ['aten aten', 'maxPool2d aten'],
    )
  })

  it('leaves grouped convolutions to oneDNN', () => {
    assert.deepEqual(
      selected(() => new Sequential(conv(4, 4, { groups: 2 })), 'native'),
      ['conv2d onednn'],
    )
  })

  it('leaves a convolution to oneDNN where measuring says so', () => {
    const make = (): Module => new Sequential(conv(24, 24), conv(24, 24))

    const found = selected(make, 'native', { shape: [2, 24, 6, 5], selectAlgorithm: () => 'onednn' })

    assert.deepEqual(found, ['conv2d onednn', 'conv2d onednn'])
  })
})
