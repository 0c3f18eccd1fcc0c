import assert from 'node:assert/strict'

import { Conv2d, manualSeed, quantize, randn, scope, Sequential, type Module, type Tensor } from 'napi-torch'

import { layoutOf, type Graph } from '../../../lib/engine/graph.js'
import { inputsOf, outputsOf, titleOf } from '../../../lib/engine/ops/index.js'
import type { Target } from '../../../lib/engine/ops/kernel.js'
import { optimize } from '../../../lib/engine/passes/optimize.js'
import { Constants } from '../../../lib/engine/plan/constants.js'
import { assignLayouts } from '../../../lib/engine/plan/layout.js'
import { selectKernels, type KernelSet } from '../../../lib/engine/plan/select.js'
import type { Quantization } from '../../../lib/engine/quantization/quantized_model.js'
import { runGraph } from '../../../lib/engine/run/interpret.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { selectByHeuristics } from '../../../lib/engine/tune/heuristics.js'
import { applied, conv } from '../../support/graphs.js'
import { assertClose } from '../../support/numeric.js'

interface Options {
  readonly set?: KernelSet | 'int8'
  readonly dtype?: Target['dtype']
  readonly quantization?: Quantization
}

/** Calls `body` with a graph whose layouts are assigned. */
function withLayouts(
  graph: Graph,
  { set = 'onednn', dtype = 'float32', quantization }: Options,
  body: (graph: Graph, kernels: readonly string[]) => void,
): void {
  const constants = new Constants()
  try {
    constants.add(graph)
    for (const scale of quantization?.scales.values() ?? []) constants.hold(scale)
    const target = { dtype, quantization: quantization ?? null, constants, selectAlgorithm: selectByHeuristics }
    const laidOut = assignLayouts(graph, selectKernels(graph, set, target), target)
    body(
      laidOut.graph,
      laidOut.nodes.map(({ kernel }) => kernel),
    )
  } finally {
    constants.dispose()
  }
}

/** Calls `body` with the optimized graph of a model. */
function withGraph(make: () => Module, shape: readonly number[], body: (graph: Graph) => void): void {
  scope(() => {
    manualSeed(1n)
    const model = make().eval()
    body(optimize(trace(model, shape)))
    model.dispose()
  })
}

const describeNodes = ({ nodes }: Graph): string[] =>
  nodes.map((node) => `${titleOf(node)} ${outputsOf(node)[0]?.dtype}`)
const SHAPE = [2, 4, 6, 5]

describe('assignLayouts()', () => {
  it('gives every value a layout, and each node what was made before', () => {
    withGraph(
      () => new Sequential(conv(), conv()),
      SHAPE,
      (graph) => {
        withLayouts(graph, {}, ({ inputs, nodes, outputs }) => {
          const made = new Set(inputs)
          for (const node of nodes) {
            for (const input of inputsOf(node)) assert.ok(made.has(input), titleOf(node))
            for (const output of outputsOf(node)) made.add(output)
          }
          for (const value of [...made, ...outputs]) assert.ok(made.has(value) && layoutOf(value))
        })
      },
    )
  })

  it('reorders the input for a convolution once, also where two read it', () => {
    const make = (): Module => {
      const [one, two] = [conv(), conv()]
      return applied((x) => one.forward(x).neg().add(two.forward(x)), { one, two })
    }
    withGraph(make, SHAPE, (graph) => {
      withLayouts(graph, {}, (laidOut, kernels) => {
        assert.deepEqual(describeNodes(laidOut), [
          'convert float32',
          'conv2d float32',
          'aten::neg float32',
          // It adds the result of the negation, which must be channels-last, too.
          'convert float32',
          'conv2d + residual float32',
        ])
        assert.deepEqual(kernels, ['aten', 'onednn', 'aten', 'aten', 'onednn'])
      })
    })
  })

  it('keeps activations in bfloat16 between layers, and gives other operators float32', () => {
    const make = (): Module => {
      const [one, two] = [conv(), conv()]
      return applied((x) => two.forward(one.forward(x).relu()).softmax(1), { one, two })
    }
    withGraph(make, SHAPE, (graph) => {
      withLayouts(graph, { dtype: 'bfloat16' }, (laidOut) => {
        assert.deepEqual(describeNodes(laidOut), [
          'convert bfloat16',
          'conv2d + relu bfloat16',
          'conv2d bfloat16',
          'convert float32',
          'aten::softmax.int float32',
        ])
      })
    })
  })

  it('inserts nothing between native kernels', () => {
    withGraph(
      () => new Sequential(conv(), conv()),
      SHAPE,
      (graph) => {
        withLayouts(graph, { set: 'native' }, (laidOut, kernels) => {
          assert.deepEqual(describeNodes(laidOut), ['conv2d float32', 'conv2d float32'])
          assert.deepEqual(kernels, ['native', 'native'])
        })
      },
    )
  })

  it('asks for channels-last no longer where a value already is', () => {
    withGraph(
      () => new Sequential(conv(), conv(), conv()),
      SHAPE,
      (graph) => {
        withLayouts(graph, { set: 'cudnn' }, (laidOut) => {
          assert.deepEqual(describeNodes(laidOut), [
            'convert float32',
            'conv2d float32',
            'conv2d float32',
            'conv2d float32',
          ])
          assert.deepEqual(
            laidOut.nodes.map((node) => outputsOf(node)[0]?.layout?.isChannelsLast),
            [true, true, true, true],
          )
        })
      },
    )
  })

  it('computes the same as the graph did before, eagerly', () => {
    const make = (): Module => {
      const [one, two] = [conv(), conv()]
      return applied((x) => two.forward(one.forward(x).relu()).add(x).softmax(1), { one, two })
    }
    withGraph(make, SHAPE, (graph) => {
      const input = randn(SHAPE)
      for (const set of ['aten', 'onednn', 'native', 'cudnn'] as const) {
        withLayouts(graph, { set }, (laidOut) => assertClose(runGraph(laidOut, input), runGraph(graph, input)))
      }
    })
  })

  it('rounds the input of int8 layers, and gives callers and other operators float32', async () => {
    await scope(async () => {
      manualSeed(2n)
      const [one, two] = [new Conv2d(4, 4, 1), new Conv2d(4, 4, 1)]
      const model = applied((x) => two.forward(one.forward(x).relu()).softmax(1), { one, two })
      const quantized = await quantize(model, { input: SHAPE.slice(1), calibrate: [randn(SHAPE)] })

      withLayouts(quantized.graph, { set: 'int8', quantization: quantized.quantization }, (laidOut, kernels) => {
        assert.deepEqual(describeNodes(laidOut), [
          'quantize uint8',
          'conv2d + relu uint8',
          'conv2d float32',
          'aten::softmax.int float32',
        ])
        assert.deepEqual(kernels, ['aten', 'int8', 'int8', 'aten'])
        const [input] = laidOut.nodes.flatMap(outputsOf)
        assert.ok(input && layoutOf(input).qparams !== null)
      })

      quantized.dispose()
      model.dispose()
    })
  })

  it('gives callers float32 where the output of the graph is uint8', async () => {
    await scope(async () => {
      manualSeed(2n)
      const [one, two] = [new Conv2d(4, 4, 1), new Conv2d(4, 4, 1)]
      const body = (x: Tensor): Tensor => {
        const y = one.forward(x).relu()
        return two.forward(y).add(y)
      }
      const model = applied(body, { one, two })
      const quantized = await quantize(model, { input: SHAPE.slice(1), calibrate: [randn(SHAPE)] })

      withLayouts(quantized.graph, { set: 'int8', quantization: quantized.quantization }, (laidOut) => {
        assert.deepEqual(describeNodes(laidOut), [
          'quantize uint8',
          'conv2d + relu uint8',
          'conv2d + residual uint8',
          'dequantize float32',
        ])
        assert.equal(laidOut.outputs[0]?.dtype, 'float32')
      })

      quantized.dispose()
      model.dispose()
    })
  })
})
