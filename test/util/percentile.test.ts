import assert from 'node:assert/strict'

import { percentile } from '../../lib/util/percentile.js'

describe('percentile()', () => {
  it('gives the nearest value that occurs, whatever the order', () => {
    const values = [40, 10, 30, 20]

    assert.deepEqual(
      [0, 0.5, 0.51, 0.95, 1].map((p) => percentile(values, p)),
      [10, 20, 30, 40, 40],
    )
  })
})
