import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

import * as torch from 'napi-torch'

import { layersPage, PAGE } from '../../scripts/layers_page.js'

describe('docs/layers.md', () => {
  it('is what scripts/layers_page.ts writes', () => {
    assert.equal(readFileSync(PAGE, 'utf8'), layersPage())
  })

  it('lists every function of `functional` and the layers, with what they follow', () => {
    const page = layersPage()

    const missing = Object.entries(torch.functional).filter(([name, value]) => {
      return typeof value === 'function' && !page.includes(`| \`${name}\` |`)
    })

    assert.deepEqual(missing, [])
    assert.match(page, /\| `GELU` \| `torch.nn.GELU` \| `new GELU\(\)` \| `approximate` \|/)
    assert.match(
      page,
      /\| `leakyRelu` \| `torch.nn.functional.leaky_relu` \| `leakyRelu\(input\)` \| `negativeSlope`, `inplace` \|/,
    )
    assert.match(page, /\| `DropPath` \| `timm.layers.DropPath` \|/)
  })
})
