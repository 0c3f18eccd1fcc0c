import assert from 'node:assert/strict'

import {
  BatchNorm2d,
  compile,
  functional as F,
  Linear,
  manualSeed,
  randn,
  scope,
  type Module,
  type Tensor,
} from 'napi-torch'

import type { Graph, Node, Value } from '../../../lib/engine/graph.js'
import { ACTIVATIONS } from '../../../lib/engine/ops/activations.js'
import {
  constantsOf,
  fieldsOf,
  inputsOf,
  mapConstants,
  OPS,
  opOf,
  outputsOf,
  titleOf,
  withInputs,
  writeFields,
} from '../../../lib/engine/ops/index.js'
import { optimize } from '../../../lib/engine/passes/optimize.js'
import { UNIT_QPARAMS } from '../../../lib/engine/quantization/qparams.js'
import { runGraph } from '../../../lib/engine/run/interpret.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { native } from '../../../lib/libtorch/binding.js'
import { applied, conv } from '../../support/graphs.js'
import { assertClose } from '../../support/numeric.js'

const SHAPE = [2, 4, 6, 5]

/** A model whose graph has a node of the kind. */
const MODELS: Readonly<Record<Exclude<Node['kind'], 'reorder'>, () => Module>> = {
  conv2d: () => {
    const layer = conv()
    return applied((x) => layer.forward(x).add(x).relu(), { layer })
  },
  batchNorm: () => {
    const norm = new BatchNorm2d(4)
    return applied((x) => norm.forward(x), { norm })
  },
  linear: () => {
    const fc = new Linear(5, 3)
    return applied((x) => fc.forward(x).relu(), { fc })
  },
  relu: () => applied((x) => x.neg().relu()),
  add: () => applied((x) => x.add(x.neg())),
  maxPool2d: () => applied((x) => F.maxPool2d(x, 3, { stride: 2, padding: 1, ceilMode: true })),
  avgPool2d: () => applied((x) => F.avgPool2d(x, 2, { padding: 1, countIncludePad: false })),
  globalAvgPool: () => applied((x) => F.adaptiveAvgPool2d(x, 1)),
  reshape: () => applied((x) => x.flatten(1)),
  aten: () => applied((x) => x.softmax(1)),
}
const KINDS = Object.keys(MODELS) as (keyof typeof MODELS)[]

/** Calls `body` with a node of the kind, the graph in which it is, and the model. */
function withNode(kind: keyof typeof MODELS, body: (node: Node, graph: Graph, model: Module) => void): void {
  scope(() => {
    manualSeed(6n)
    const model = MODELS[kind]()
    const graph = optimize(trace(model, SHAPE))
    const node = graph.nodes.find((candidate) => candidate.kind === kind)
    assert.ok(node)
    body(node, graph, model)
    model.dispose()
  })
}

describe('OPS', () => {
  it('has a model in this test for each kind of nodes that is traced', () => {
    assert.deepEqual(Object.keys(OPS).sort(), [...KINDS, 'reorder'].sort())
  })

  for (const [kind, op] of Object.entries(OPS)) {
    it(`calls ${kind} by its name, and records calls of functions that the binding has`, () => {
      assert.equal(op.kind, kind)
      for (const name of Object.keys(op.record)) assert.equal(typeof Reflect.get(native, name), 'function', name)
    })

    it(`has ${kind} computed by libtorch's ordinary operators`, () => {
      assert.ok(!('supports' in op.kernels.aten))
    })
  }

  for (const kind of Object.keys(ACTIVATIONS)) {
    it(`has a kind of nodes for the activation ${kind}`, () => {
      assert.ok(kind in OPS)
    })
  }

  for (const kind of KINDS) {
    describe(kind, () => {
      it('has the fields that a node has, and no others', () => {
        withNode(kind, (node) => {
          const fields = Object.keys(node).filter((name) => !['kind', 'path', 'output', 'outputs'].includes(name))

          assert.deepEqual(
            fieldsOf(kind)
              .map(([name]) => name)
              .sort(),
            fields.sort(),
          )
        })
      })

      it('foretells the shape of the output', () => {
        withNode(kind, (node) => {
          assert.deepEqual(opOf(node).shape(node), outputsOf(node)[0]?.shape)
        })
      })

      it('is computed by the eager operators as forward() does', () => {
        withNode(kind, (_node, graph, model) => {
          const input = randn(SHAPE)

          assertClose(runGraph(graph, input), model.forward(input), { atol: 1e-6 })
        })
      })

      for (const kernels of ['aten', 'onednn', 'native'] as const) {
        it(`is computed with the kernels ${kernels} as forward() does`, async () => {
          await scope(async () => {
            manualSeed(7n)
            const model = MODELS[kind]()
            const options = { input: SHAPE.slice(1), kernels, autotune: false, warmup: false, bucketSizes: [2] }
            const engine = await compile(model, options)
            const input = randn(SHAPE)

            assertClose(await engine.run(input), model.forward(input), { atol: 1e-5 })

            await engine.close()
            model.dispose()
          })
        })
      }

      it('reads other values, and holds other constants, where these are replaced', () => {
        withNode(kind, (node) => {
          const values = new Map<Value, Value>(inputsOf(node).map((value) => [value, { ...value, id: value.id + 100 }]))
          const tensors = new Map<Tensor, Tensor>(constantsOf(node).map((tensor) => [tensor, tensor.clone()]))

          const reading = withInputs(node, (value) => values.get(value) ?? value)
          const holding = mapConstants(node, (tensor) => tensors.get(tensor) ?? tensor)

          assert.ok(inputsOf(node).length > 0)
          assert.deepEqual(
            inputsOf(reading),
            inputsOf(node).map((value) => values.get(value)),
          )
          assert.deepEqual(constantsOf(reading), constantsOf(node))
          assert.deepEqual(
            constantsOf(holding),
            constantsOf(node).map((tensor) => tensors.get(tensor)),
          )
          assert.deepEqual(inputsOf(holding), inputsOf(node))
        })
      })

      it('is read from JSON as it was written', () => {
        withNode(kind, (node) => {
          const values = [...new Set(inputsOf(node))]
          const tensors = [...new Set(constantsOf(node))]
          const names = {
            value: (value: Value) => values.indexOf(value),
            tensor: (tensor: Tensor) => String(tensors.indexOf(tensor)),
          }
          const json = JSON.parse(JSON.stringify(writeFields(node, names))) as Record<string, unknown>
          const lookups = {
            value: (index: unknown) => values[Number(index)] ?? assert.fail(),
            tensor: (name: unknown) => tensors[Number(name)] ?? assert.fail(),
            wrong: (what: string) => new TypeError(what),
          }

          for (const [name, field] of fieldsOf(kind)) {
            assert.deepEqual(field.read(json[name], lookups), Reflect.get(node, name), name)
            assert.throws(() =>
              field.read({ length: 1 }, { ...lookups, value: () => assert.fail(), tensor: () => assert.fail() }),
            )
          }
        })
      })
    })
  }

  describe('reorder', () => {
    const layout = { isChannelsLast: true, isOwned: true, qparams: null }
    const float = { id: 0, shape: [1, 2, 1, 2], dtype: 'float32', layout } as const
    const uint8 = {
      ...float,
      id: 1,
      dtype: 'uint8',
      layout: { ...layout, qparams: { scale: 0.5, zeroPoint: 10 } },
    } as const

    it('rounds to uint8 and back with scale and zero point', () => {
      scope(() => {
        const quantize = { kind: 'reorder', path: '', input: float, operation: 'quantize', output: uint8 } as const
        const dequantize = { ...quantize, input: uint8, operation: 'dequantize', output: float } as const
        const input = randn(float.shape).mul(0).add(1.2)

        const [made] = opOf(quantize).eager(quantize, () => input)
        assert.ok(made)
        const [back] = opOf(dequantize).eager(dequantize, () => made)

        assert.deepEqual([...(made.toArray() as Uint8Array)], [12, 12, 12, 12])
        assert.deepEqual([...(back?.toFloat32Array() ?? [])], [1, 1, 1, 1])
      })
    })

    it('may be its input itself where the dtype stays', () => {
      const convert = {
        kind: 'reorder',
        path: '',
        input: float,
        operation: 'convert',
        output: { ...float, id: 2 },
      } as const
      const cast = { ...convert, output: { ...float, dtype: 'bfloat16' } } as const

      assert.deepEqual([opOf(convert).mayAlias?.(convert), opOf(cast).mayAlias?.(cast)], [true, false])
    })

    it('is named after what it does', () => {
      const node = { kind: 'reorder', path: '', input: float, operation: 'quantize', output: uint8 } as const

      assert.equal(titleOf(node), 'quantize')
      assert.deepEqual(UNIT_QPARAMS, { scale: 1, zeroPoint: 0 })
    })
  })
})
