import assert from 'node:assert/strict'

import { Conv2d, manualSeed, quantize, randn, scope, Sequential, type Module } from 'napi-torch'

import { withEngine } from '../../support/engines.js'
import { assertClose } from '../../support/numeric.js'

type Options = NonNullable<ConstructorParameters<typeof Conv2d>[3]>

interface Geometry {
  readonly name: string
  readonly input: readonly [channels: number, height: number, width: number]
  readonly outputs: number
  readonly kernelSize: readonly [number, number]
  readonly options: Options
}

/** What oneDNN 3.12 reads beyond its memory for, and what it leaves out taps of, where images are channels-last. */
const GEOMETRIES: readonly Geometry[] = [
  {
    name: 'a kernel of one column, with stride and dilation, on one column',
    input: [32, 2, 1],
    outputs: 32,
    kernelSize: [1, 1],
    options: { stride: [1, 2], dilation: [1, 4], padding: [2, 3], groups: 8 },
  },
  {
    name: 'a kernel of two columns, with stride and dilation, on one column',
    input: [5, 5, 1],
    outputs: 6,
    kernelSize: [3, 2],
    options: { stride: [4, 3], dilation: [4, 2], padding: [2, 4] },
  },
  {
    name: 'a kernel of one column, with stride and dilation, on two columns',
    input: [2, 1, 2],
    outputs: 8,
    kernelSize: [2, 1],
    options: { stride: [2, 3], dilation: [1, 3], padding: [3, 1] },
  },
  {
    name: 'one column of results of groups of one channel, with a stride',
    input: [32, 6, 9],
    outputs: 128,
    kernelSize: [6, 7],
    options: { stride: [1, 3], dilation: [2, 1], padding: [3, 0], groups: 32 },
  },
  {
    name: 'one column of results of one channel, with a stride',
    input: [1, 3, 1],
    outputs: 1,
    kernelSize: [5, 6],
    options: { stride: [1, 4], padding: [4, 3] },
  },
  { name: 'a single number a sample', input: [3, 7, 7], outputs: 1, kernelSize: [7, 7], options: {} },
]

const TOLERANCE = { float32: 1e-5, bfloat16: 4e-2 }

describe('convolutions of unusual geometry', () => {
  for (const { name, input, outputs, kernelSize, options } of GEOMETRIES) {
    const make = (): Module => {
      manualSeed(1)
      return new Conv2d(input[0], outputs, kernelSize, options).eval()
    }

    for (const [kernels, dtype] of [
      ['native', 'float32'],
      ['onednn', 'float32'],
      ['onednn', 'bfloat16'],
      ['aten', 'bfloat16'],
    ] as const) {
      it(`${name}: ${kernels} in ${dtype} computes as forward() does`, async () => {
        await withEngine(make, { input, kernels, dtype }, async (engine, model) => {
          const batch = randn([2, ...input])

          const received = await engine.run(batch)

          assertClose(received, model.forward(batch), { atol: TOLERANCE[dtype], rtol: TOLERANCE[dtype] })
        })
      })
    }

    it(`${name}: forward() gives the same for images that are channels-last, and keeps that layout`, () => {
      scope(() => {
        const [model, batch] = [make(), randn([2, ...input])]

        const received = model.forward(batch.contiguous({ memoryFormat: 'channels_last' }))

        assertClose(received, model.forward(batch), { atol: 1e-5, rtol: 1e-5 })
        assert.ok(received.isContiguous({ memoryFormat: 'channels_last' }))
      })
    })
  }

  it('stay float32 when a model is quantized', () =>
    scope(async () => {
      manualSeed(1)
      const strided = new Conv2d(4, 8, [3, 2], { stride: 2, dilation: 2, padding: 2 })
      const model = new Sequential(new Conv2d(3, 4, 1), strided, new Conv2d(8, 4, 1)).eval()

      const quantized = await quantize(model, { input: [3, 6, 5], calibrate: [randn([8, 3, 6, 5])] })

      const dtypes = quantized.graph.nodes.map((node) => ('weight' in node ? node.weight?.dtype : null))
      assert.deepEqual(dtypes, ['int8', 'float32', 'int8'])
    }))
})
