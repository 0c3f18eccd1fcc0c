import assert from 'node:assert/strict'

import { fromArray, Parameter, scope, tensor, utils, zeros } from 'napi-torch'

import { assertClose } from '../support/numeric.js'

/** Parameters whose gradients are 3 and -4, and one without. */
function parameters(): [Parameter, Parameter, Parameter] {
  const made = [1, 2, 3].map(() => new Parameter(zeros([1])))
  const [first, second, third] = made as [Parameter, Parameter, Parameter]
  first.mul(3).sub(second.mul(4)).sum().backward()
  return [first, second, third]
}

const gradsOf = (params: readonly Parameter[]) => params.flatMap(({ grad }) => (grad === null ? [] : [grad.item()]))

describe('clipGradNorm_()', () => {
  it('gives the norm of all gradients together, and scales them to maxNorm', () =>
    scope(() => {
      const params = parameters()

      const norm = utils.clipGradNorm_(params, 1)

      assert.equal(norm.item(), 5)
      // PyTorch divides by the norm and 1e-6.
      assertClose(fromArray(Float32Array.from(gradsOf(params), Number), [2]), tensor([0.6, -0.8]), { atol: 1e-6 })
    }))

  it('leaves smaller ones as they are', () =>
    scope(() => {
      const params = parameters()
      utils.clipGradNorm_(params, 10)
      assert.deepEqual(gradsOf(params), [3, -4])
    }))
})

describe('clipGradValue_()', () => {
  it('limits each element', () =>
    scope(() => {
      const params = parameters()
      utils.clipGradValue_(params, 3.5)
      assert.deepEqual(gradsOf(params), [3, -3.5])
    }))
})
