import assert from 'node:assert/strict'
import { join } from 'node:path'

import {
  cat,
  compile,
  Conv2d,
  full,
  Linear,
  loadQuantized,
  manualSeed,
  Module,
  onesLike,
  Parameter,
  quantize,
  randn,
  saveQuantized,
  scope,
  zerosLike,
  type Tensor,
} from 'napi-torch'

import { alignBatches } from '../../../lib/engine/passes/rebatch.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { withEngine } from '../../support/engines.js'
import { useTemporaryFolder } from '../../support/folder.js'
import { applied, kindsOf } from '../../support/graphs.js'
import { assertClose } from '../../support/numeric.js'

const INPUT = [4, 6, 5]

/** A Vision Transformer's first steps: patches, and a token that is the same for every image. */
class Tokens extends Module {
  readonly patches = new Conv2d(4, 8, [3, 5], { stride: [3, 5] })
  readonly cls = new Parameter(randn([1, 1, 8]))
  readonly head = new Linear(8, 3)

  override forward(x: Tensor): Tensor {
    const patches = this.patches.forward(x).flatten(2).transpose(1, 2)
    const tokens = cat([this.cls.expand([x.size(0), -1, -1]), patches], { dim: 1 })
    return this.head.forward(tokens.softmax(1).select(1, 0))
  }
}

const MODELS: readonly [name: string, model: () => Module][] = [
  ['a parameter that is expanded', () => new Tokens()],
  ['full([N, 1], 5)', () => applied((x) => cat([full([x.size(0), 1], 5), x.flatten(1)], { dim: 1 }))],
  ['zerosLike(y)', () => applied((x) => x.mul(zerosLike(x)).add(onesLike(x)))],
  ['a tensor that is written into', () => applied((x) => x.mul(2).copy_(x.select(1, 0).unsqueeze(1)).add(x))],
]

describe('alignBatches()', () => {
  const folder = useTemporaryFolder()

  for (const [name, make] of MODELS) {
    it(`makes one graph for all batches of ${name}`, async () => {
      await withEngine(
        () => make().eval(),
        { input: INPUT, maxBatchSize: 8 },
        async (engine, model) => {
          for (const count of [1, 2, 3, 7]) {
            const batch = randn([count, ...INPUT])

            const received = await engine.run(batch)

            assertClose(received, model.forward(batch), { atol: 1e-5 })
          }
          assert.notEqual(alignBatches(trace(model, [2, ...INPUT]), trace(model, [3, ...INPUT])), null)
        },
      )
    })
  }

  it('expands rows that are all the same when the graph runs, once', () =>
    scope(() => {
      const model = applied((x) => {
        const row = full([x.size(0), 4, 1, 1], 2)
        return x.add(row).mul(row)
      })

      const graph = alignBatches(trace(model, [2, ...INPUT]), trace(model, [3, ...INPUT]))

      assert.deepEqual(graph && kindsOf(graph), ['aten::expand', 'aten::add.Tensor', 'aten::mul.Tensor'])
    }))

  it('leaves rows that differ', () =>
    scope(() => {
      const model = applied((x) => x.mul(full([x.size(0), 1, 1, 1], x.size(0))))

      assert.equal(alignBatches(trace(model, [2, ...INPUT]), trace(model, [3, ...INPUT])), null)
    }))

  it('goes through the file of a quantized model', async () => {
    await scope(async () => {
      manualSeed(2)
      const model = new Tokens().eval()
      const quantized = await quantize(model, { input: INPUT, calibrate: [randn([8, ...INPUT])] })
      const path = join(folder(), 'model.safetensors')
      await saveQuantized(path, quantized)
      const loaded = await loadQuantized(path)
      const batch = randn([3, ...INPUT])
      const [one, other] = [await compile(quantized), await compile(loaded)]

      const [wanted, received] = [await one.run(batch), await other.run(batch)]

      await Promise.all([one.close(), other.close()])
      assertClose(received, wanted)
      assertClose(received, model.forward(batch), { atol: 0.1 })
    })
  })
})
