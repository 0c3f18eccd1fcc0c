import assert from 'node:assert/strict'

import { REPOSITORY } from '../../../scripts/package/project.js'
import { anchorOf, siteLink } from '../../../scripts/site/links.js'

describe('siteLink()', () => {
  for (const [name, page, link, expected] of [
    ['a page of docs/', 'cli.md', 'errors.md#codes', '/errors.md#codes'],
    ['a page of docs/, from the changelog', 'project/changelog.md', 'docs/errors.md', '/errors.md'],
    ['the changelog', 'cli.md', '../CHANGELOG.md', '/project/changelog.md'],
    ['the README', 'cli.md', '../README.md', '/index.md'],
    [
      'a file of the repository',
      'scale.md',
      '../deploy/kubernetes/jobs.yaml',
      '/blob/main/deploy/kubernetes/jobs.yaml',
    ],
    ['a folder of the repository', 'server.md', '../deploy/', '/tree/main/deploy'],
    ['an image of docs/', 'cli.md', 'confusion.svg', '/blob/main/docs/confusion.svg'],
  ] as const) {
    it(`leads to ${name}`, () => {
      const isFile = expected.startsWith('/blob') || expected.startsWith('/tree')

      assert.equal(siteLink(link, page), isFile ? REPOSITORY + expected : expected)
    })
  }

  for (const link of ['https://pytorch.org', '#codes', '/errors.md', 'mailto:a@example.org']) {
    it(`leaves ${link}`, () => {
      assert.equal(siteLink(link, 'cli.md'), link)
    })
  }

  it('fails for a file that is not there', () => {
    assert.throws(
      () => siteLink('../none.md', 'cli.md'),
      /^Error: docs\/cli\.md links to \.\.\/none\.md, which there is not$/,
    )
  })
})

describe('anchorOf()', () => {
  for (const [heading, anchor] of [
    ['ImageNet ResNet-18, 224 × 224', 'imagenet-resnet-18-224--224'],
    ['forward()', 'forward'],
    ["Node's permission model", 'nodes-permission-model'],
  ] as const) {
    it(`gives the anchor that GitHub gives: ${heading}`, () => {
      assert.equal(anchorOf(heading), anchor)
    })
  }
})
