import assert from 'node:assert/strict'

import { autograd, ones, scope, tensor } from 'napi-torch'

const inScope = (title: string, body: () => void): Mocha.Test => it(title, () => scope(body))

describe('autograd', () => {
  describe('grad()', () => {
    inScope('gives the gradients of several inputs, and leaves grad as it is', () => {
      const x = tensor([2], { requiresGrad: true })
      const w = tensor([3], { requiresGrad: true })

      const gradients = autograd.grad(x.mul(w), [x, w])

      assert.deepEqual(
        gradients.map((gradient) => gradient.tolist()),
        [[3], [2]],
      )
      assert.equal(x.grad, null)
    })

    inScope('gives derivatives of higher order with createGraph', () => {
      const x = tensor([2], { requiresGrad: true })

      const [first] = autograd.grad(x.pow(3), x, { createGraph: true })
      assert.ok(first !== undefined)
      const [second] = autograd.grad(first, x)

      assert.deepEqual([first.tolist(), second?.tolist()], [[12], [12]])
    })

    inScope('takes gradients of the outputs', () => {
      const x = tensor([1, 2], { requiresGrad: true })

      const [gradient] = autograd.grad([x.mul(2)], x, { gradOutputs: [tensor([1, 10])] })

      assert.deepEqual(gradient?.tolist(), [2, 20])
    })

    inScope('gives null for an input that was not used, if that is allowed', () => {
      const x = ones([1], { requiresGrad: true })
      const other = ones([1], { requiresGrad: true })

      assert.equal(autograd.grad(x.mul(2), [x, other], { allowUnused: true })[1], null)
      assert.throws(() => autograd.grad(x.mul(2), [other]), {
        code: 'TORCH_OPERATOR',
        message: /of the differentiated Tensors appears to not have been used in the graph/,
      })
    })

    inScope('refuses no tensors, and gradients of another number', () => {
      const x = ones([1], { requiresGrad: true })

      assert.throws(() => autograd.grad([], x), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected at least one tensor for outputs, received []',
      })
      assert.throws(() => autograd.grad(x.mul(2), x, { gradOutputs: [] }), {
        code: 'TORCH_INVALID_ARGUMENT',
        message: 'Expected a gradient or null for each of 1 tensors for gradOutputs, received 0',
      })
    })
  })

  describe('backward()', () => {
    inScope('accumulates the gradients of several tensors', () => {
      const x = tensor([1, 2], { requiresGrad: true })

      autograd.backward([x.sum(), x.mul(2)], { gradTensors: [null, tensor([1, 1])] })

      assert.deepEqual(x.grad?.tolist(), [3, 3])
    })
  })
})
