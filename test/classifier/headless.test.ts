import assert from 'node:assert/strict'

import { Flatten, Linear, randn, ReLU, scope, Sequential } from 'napi-torch'

import { Headless } from '../../lib/classifier/headless.js'

describe('Headless', () => {
  it('gives what the last linear layer reads, and leaves the model as it is', () => {
    scope(() => {
      const body = new Sequential(new Flatten(), new Linear(12, 5), new ReLU())
      const model = new Sequential(body, new Linear(5, 3)).eval()
      const images = randn([2, 3, 2, 2])
      const before = model.forward(images)

      const features = new Headless(model).forward(images)

      assert.ok(features.equal(body.forward(images)))
      assert.ok(model.forward(images).equal(before))
    })
  })

  it('refuses a model without linear layers', () => {
    assert.throws(() => new Headless(new Sequential(new ReLU())), {
      code: 'TORCH_ARCHITECTURE',
      message: 'Sequential has no linear layer whose input could be its features',
    })
  })
})
