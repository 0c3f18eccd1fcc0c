import assert from 'node:assert/strict'

import { seedOf } from '../../../scripts/sweep/checks.js'
import { checkConvolution } from '../../../scripts/sweep/convolutions.js'

const CASES = 150

describe('checkConvolution()', () => {
  it(`finds nothing wrong with ${CASES} random convolutions`, () => {
    const wrong = Array.from({ length: CASES }, (_, index) => checkConvolution(seedOf(1, index)))

    assert.deepEqual(
      wrong.filter((each) => each !== null),
      [],
    )
  })
})
