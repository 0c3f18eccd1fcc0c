import { scope } from 'napi-torch'

import { logitsCases } from '../../support/models.js'
import { assertClose } from '../../support/numeric.js'

describe('whole models', function () {
  this.timeout(60_000)

  for (const { model, shape, run } of logitsCases()) {
    // The logits are near 1; sixty layers of float32 sums in another order move them by some 1e-6.
    it(`${model} gives PyTorch's logits within 1e-4 for (${shape.join(', ')})`, () =>
      scope(() => {
        const { actual, expected } = run()

        assertClose(actual, expected, { atol: 1e-4 })
      }))
  }
})
