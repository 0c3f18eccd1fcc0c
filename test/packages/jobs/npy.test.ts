import assert from 'node:assert/strict'

import { npyHeader, readNpyHeader } from '../../../packages/jobs/lib/npy.js'

describe('npyHeader()', () => {
  for (const [rows, columns] of [
    [1, 1],
    [256, 512],
    [1_000_000_000, 2048],
  ] as const) {
    it(`describes ${rows} rows of ${columns}, up to a multiple of 64 bytes`, () => {
      const header = npyHeader(rows, columns)

      assert.deepEqual(readNpyHeader(header), { rows, columns, offset: header.length })
      assert.equal(header.length % 64, 0)
    })
  }

  it('is not found in other files', () => {
    assert.deepEqual([readNpyHeader(Buffer.from('text')), readNpyHeader(Buffer.alloc(0))], [null, null])
  })
})
