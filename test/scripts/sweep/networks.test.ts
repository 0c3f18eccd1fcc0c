import assert from 'node:assert/strict'

import { seedOf } from '../../../scripts/sweep/checks.js'
import { checkNetwork } from '../../../scripts/sweep/networks.js'

const CASES = 60

describe('checkNetwork()', () => {
  it(`finds nothing wrong with ${CASES} random networks`, async () => {
    const wrong: string[] = []
    for (let index = 0; index < CASES; index++) {
      const found = await checkNetwork(seedOf(1, index))
      if (found !== null) wrong.push(found)
    }

    assert.deepEqual(wrong, [])
  })
})
