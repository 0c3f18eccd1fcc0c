import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'

import { evaluateModule } from '../../support/child.js'
import { skip } from '../../support/skip.js'

/** In a process of its own: mocha loads a second copy of the modules that packages import. */
const MAKE = `
  const { manPage } = await import(${JSON.stringify(new URL('../../../scripts/package/man_page.ts', import.meta.url).href)})
  console.log(JSON.stringify(await manPage('1.2.3')))`

describe('manPage()', function () {
  this.timeout(60_000)
  let page = ''
  before(async () => {
    page = (await evaluateModule(MAKE)) as string
  })

  it('has every command with its options and examples, those of the packages included', () => {
    for (const text of [
      '.SS napi\\-torch classify \\fIcheckpoint\\fR \\fIimage\\fR ...',
      '.SS napi\\-torch jobs submit \\fIsource\\fR',
      '\\fB\\-\\-max\\-batch\\-size\\fR \\fIn\\fR',
      '\\fB\\-\\-no\\-page\\fR',
      'napi\\-torch convert resnet18.pth resnet18.safetensors',
      '.B TORCH_USAGE',
    ]) {
      assert.ok(page.split('\n').includes(text), text)
    }
  })

  it('is printed by groff without a warning', function () {
    const { error, status, stdout, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-K', 'utf8'], {
      input: page,
      encoding: 'utf8',
    })
    if (error !== undefined) skip(this, 'there is no groff')

    assert.deepEqual([status, stderr], [0, ''])
    assert.match(stdout, /napi.torch 1\.2\.3/)
  })
})
