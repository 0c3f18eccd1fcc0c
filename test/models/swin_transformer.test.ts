import assert from 'node:assert/strict'

import {
  compile,
  init,
  scope,
  swin_b,
  swin_s,
  swin_t,
  swin_v2_b,
  swin_v2_s,
  swin_v2_t,
  SwinTransformer,
  type SwinTransformerSizes,
} from 'napi-torch'

import { describeFamily, fillByFormula } from '../support/families.js'
import { formulaTensor } from '../support/formula.js'
import { assertClose } from '../support/numeric.js'

const SMALL = { patchSize: 4, embedDim: 8, depths: [2, 2], numHeads: [2, 4], windowSize: 4 } as const

describe('SwinTransformer', () => {
  describeFamily({ swin_t, swin_s, swin_b, swin_v2_t, swin_v2_s, swin_v2_b })

  for (const version of [1, 2] as const) {
    for (const batch of [1, 2, 7]) {
      it(`gives what it gives compiled, version ${version} and a batch of ${batch}`, () =>
        scope(async () => {
          const model = init.skipInit(() => new SwinTransformer({ ...SMALL, version }, { numClasses: 5 })).eval()
          fillByFormula(model)
          const images = formulaTensor('input', [batch, 3, 52, 37])
          await using engine = await compile(model, { input: [3, 52, 37], maxBatchSize: 7 })

          const compiled = await engine.run(images)

          assertClose(compiled, model.forward(images), { atol: 1e-5, rtol: 1e-5 })
        }))
    }
  }

  const wrong: readonly [string, Partial<SwinTransformerSizes>, string][] = [
    ['heads for another number of stages', { numHeads: [2] }, '2 positive integers for numHeads, received [2]'],
    [
      'heads that do not divide the channels',
      { numHeads: [3, 4] },
      'divisors of the channels of their stages for numHeads, received [3, 4]',
    ],
    ['a version that there is not', { version: 3 as 2 }, '1 or 2 for version, received 3'],
    ['no stages', { depths: [] }, 'positive integers for depths, received []'],
    ['windows of no patch', { windowSize: 0 }, 'a positive integer for windowSize, received 0'],
  ]
  for (const [what, sizes, message] of wrong) {
    it(`refuses ${what}`, () => {
      assert.throws(() => new SwinTransformer({ ...SMALL, ...sizes }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: `Expected ${message}`,
      })
    })
  }
})
