import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import { modelsPage, PAGE } from '../../scripts/models_page.js'

describe('docs/models.md', function () {
  this.timeout(60_000)

  it('is what scripts/models_page.ts writes', () => {
    assert.equal(readFileSync(PAGE, 'utf8'), modelsPage())
  })
})
