import assert from 'node:assert/strict'

import { loadExportedProgram, memory, type TorchError } from 'napi-torch'

import { programPath } from '../../support/exported.js'

const REFUSED: readonly (readonly [name: string, text: RegExp])[] = [
  ['refused_cond', /torch\.ops\.higher_order\.cond is an operator of a higher order/],
  ['refused_custom', /torch\.ops\.fixtures\.double\.default is a custom operator/],
  ['refused_random', /aten::randn_like draws random numbers/],
  ['refused_state', /aten\.add_\.Tensor changes a parameter or a buffer/],
]

describe('loadExportedProgram()', () => {
  for (const [name, text] of REFUSED) {
    it(`refuses ${name} by name, and leaves nothing alive`, async () => {
      const before = memory().tensors

      await assert.rejects(loadExportedProgram(programPath(name)), (error: TorchError) => {
        assert.equal(error.code, 'TORCH_CHECKPOINT_UNSUPPORTED')
        assert.match(error.message, text)
        return true
      })

      assert.equal(memory().tensors, before)
    })
  }
})
