import assert from 'node:assert/strict'

import { anchorsIn, mendAnchors } from '../../../scripts/site/anchors.js'

describe('anchorsIn()', () => {
  it('numbers headings that come again, and leaves code out', () => {
    const anchors = anchorsIn('# `abstract` Module\n\n## forward()\n\n```sh\n# forward()\n```\n\n## forward()\n')

    assert.deepEqual([...anchors], ['abstract-module', 'forward', 'forward-1'])
  })
})

describe('mendAnchors()', () => {
  it('leads a link with a number that no heading has to the first of its name', () => {
    const pages = new Map([
      ['a.md', '# A\n[C](nn/b.md#c-1)\n'],
      ['nn/b.md', '# C\n'],
    ])

    assert.equal(mendAnchors(pages).get('a.md'), '# A\n[C](nn/b.md#c)\n')
  })

  it('leaves a link to a heading that is there', () => {
    const text = '# C\n# C\n[C](#c-1)\n'

    assert.equal(mendAnchors(new Map([['a.md', text]])).get('a.md'), text)
  })

  it('leads a link to no heading to the page', () => {
    const pages = new Map([
      ['a/b.md', '# A\n[C](#c) [D](../d.md#c)\n'],
      ['d.md', '# D\n'],
    ])

    assert.equal(mendAnchors(pages).get('a/b.md'), '# A\n[C](b.md) [D](../d.md)\n')
  })
})
