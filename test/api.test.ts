import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { describeApi } from '../scripts/api.js'

describe('The public interface', function () {
  // The declarations of all files are written anew.
  this.timeout(180_000)

  it('is the one in api/; after a change that is meant, run: npm run api', () => {
    for (const [name, text] of Object.entries(describeApi())) {
      const committed = readFileSync(new URL(`../api/${name}`, import.meta.url), 'utf8')

      assert.equal(text, committed, `api/${name} differs: npm run api`)
    }
  })
})
