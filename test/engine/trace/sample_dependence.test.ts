import assert from 'node:assert/strict'

import {
  BatchNorm2d,
  compile,
  Conv2d,
  manualSeed,
  quantize,
  randn,
  resnet18,
  scope,
  Sequential,
  type Module,
} from 'napi-torch'

import { checkSamplesApart } from '../../../lib/engine/trace/sample_dependence.js'
import { firstMixing } from '../../../lib/engine/trace/samples_apart.js'
import { trace } from '../../../lib/engine/trace/trace.js'
import { applied } from '../../support/graphs.js'

const INPUT = [4, 6, 5]

/** What mixes samples, with the operator and the module that the error names. */
const MIXING: readonly [name: string, model: () => Module, culprit: string][] = [
  [
    'normalization by the statistics of the batch',
    () => new Sequential(new Conv2d(4, 4, 1), new BatchNorm2d(4, { trackRunningStats: false })),
    'aten::batch_norm of 1 (BatchNorm2d)',
  ],
  ['a mean over the batch', () => applied((x) => x.sub(x.mean({ dim: 0 }))), 'aten::sub.Tensor'],
  [
    'a mean over the batch that stays a batch',
    () => applied((x) => x.mul(2).sub(x.mean({ dim: 0, keepdim: true }))),
    'aten::sub.Tensor',
  ],
  ['the batch in reverse', () => applied((x) => x.flip([0])), 'aten::flip'],
  ['softmax over the batch', () => applied((x) => x.softmax(0)), 'aten::softmax.int'],
  [
    'products of samples',
    () => applied((x) => x.flatten(1).matmul(x.flatten(1).transpose(0, 1)).matmul(x.flatten(1))),
    'aten::matmul',
  ],
  ['the sample before', () => applied((x) => x.slice(0, 0, 1).add(x)), 'aten::add.Tensor'],
  ['the size of the batch', () => applied((x) => x.div(x.size(0))), 'aten::div.Scalar'],
]

const APART: readonly [name: string, model: () => Module][] = [
  ['layers', () => new Sequential(new Conv2d(4, 4, 3), new BatchNorm2d(4))],
  [
    'parts, gates and softmax of channels',
    () =>
      applied((x) =>
        x
          .select(1, 0)
          .unsqueeze(1)
          .mul(x.softmax(1))
          .add(x.mean({ dim: [2, 3], keepdim: true }).sigmoid()),
      ),
  ],
  ['a transposition behind the batch', () => applied((x) => x.permute([0, 2, 3, 1]).flatten(1))],
]

describe('checkSamplesApart()', () => {
  for (const [name, make, culprit] of MIXING) {
    it(`refuses ${name}, and names what mixes`, async () => {
      await scope(async () => {
        manualSeed(1)
        const model = make().eval()
        const message = `Cannot compile ${model.constructor.name}: ${culprit} mixes the samples of a batch, and engines merge and cut batches`

        await assert.rejects(compile(model, { input: INPUT }), { code: 'TORCH_TRACE', message })
      })
    })
  }

  it('lets pass what computes each sample by itself, though the operators do not tell', () =>
    scope(() => {
      const models = [
        applied((x) => x.reshape([-1, 30]).softmax(1).reshape([-1, 120])),
        applied((x) => x.flatten(1).matmul(x.flatten(1).unsqueeze(2)).select(2, 0)),
        applied((x) => x.transpose(0, 1).exp().transpose(0, 1)),
      ]
      for (const model of models) {
        const [two, three] = [2, 3].map((size) => trace(model, [size, ...INPUT]))
        assert.ok(two && three)
        assert.notEqual(firstMixing(two), null)
        checkSamplesApart(model, [two, three], true)
      }
    }))

  for (const [name, make] of APART) {
    it(`computes nothing for ${name}`, () =>
      scope(() => {
        assert.equal(firstMixing(trace(make().eval(), [2, ...INPUT])), null)
      }))
  }

  it('computes nothing for a ResNet', () =>
    scope(() => {
      assert.equal(firstMixing(trace(resnet18().eval(), [2, 3, 64, 64])), null)
    }))

  it('draws no random numbers', () =>
    scope(() => {
      const model = applied((x) => x.reshape([-1, 30]).softmax(1).reshape([-1, 120]))
      const [two, three] = [trace(model, [2, ...INPUT]), trace(model, [3, ...INPUT])] as const
      manualSeed(5)
      const wanted = randn(4)
      manualSeed(5)

      checkSamplesApart(model, [two, three], true)

      assert.ok(randn(4).equal(wanted))
    }))

  it('guards quantize(), too', async () => {
    await scope(async () => {
      const model = new Sequential(
        new Conv2d(4, 4, 1),
        applied((x) => x.flip([0])),
      ).eval()

      await assert.rejects(quantize(model, { input: INPUT, calibrate: [randn([4, ...INPUT])] }), {
        code: 'TORCH_TRACE',
        message:
          'Cannot compile Sequential: aten::flip of 1 (Applied) mixes the samples of a batch, and engines merge and cut batches',
      })
    })
  })
})
