import assert from 'node:assert/strict'
import { join } from 'node:path'

import { ROOT } from '../../../scripts/package/files.js'
import { noticesOf } from '../../../scripts/package/notices.js'

describe('noticesOf()', () => {
  it('has the license of a file of others, and of a package in the bundle', () => {
    const labels = join(ROOT, 'lib/vision/imagenet_labels.json')

    const notices = noticesOf([labels, join(ROOT, 'node_modules/commander/lib/command.js'), join(ROOT, 'lib/index.ts')])

    assert.match(notices ?? '', /\nimagenet_labels\.json\n-+\n\nBSD 3-Clause License\n/)
    assert.match(notices ?? '', /\ncommander\n-+\n\n\(The MIT License\)\n/)
    assert.doesNotMatch(notices ?? '', /index\.ts/)
  })

  it('gives null where there is nothing of others', () => {
    assert.equal(noticesOf([join(ROOT, 'lib/index.ts')]), null)
  })
})
