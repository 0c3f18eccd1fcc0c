import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { brokenLinks, completeLinks } from '../../../scripts/package/links.js'
import { REPOSITORY } from '../../../scripts/package/project.js'
import { inFolder } from '../../support/checkpoints.js'

/** Completes the links of a package that has two pages and an image. */
async function completed(text: string): Promise<{ readonly text: string; readonly broken: readonly string[] }> {
  let result: { text: string; broken: readonly string[] } | undefined
  await inFolder(async (folder) => {
    await mkdir(join(folder, 'docs'))
    await writeFile(join(folder, 'docs', 'cli.md'), '# page')
    await writeFile(join(folder, 'docs', 'demo.svg'), '<svg/>')
    await writeFile(join(folder, 'README.md'), text)
    const broken = brokenLinks(folder)
    completeLinks(folder, '1.2.3')
    result = { text: await readFile(join(folder, 'README.md'), 'utf8'), broken }
  })
  assert.ok(result)
  return result
}

describe('completeLinks()', () => {
  for (const [what, text, expected] of [
    ['keeps a link to a page that is shipped', '[a](docs/cli.md#help)', '[a](docs/cli.md#help)'],
    ['keeps an address and a place in the page', '[a](https://a.b) [b](#c)', '[a](https://a.b) [b](#c)'],
    [
      'makes a link to a file that is not shipped absolute',
      '[a](CONTRIBUTING.md#build)',
      `[a](${REPOSITORY}/blob/v1.2.3/CONTRIBUTING.md#build)`,
    ],
    [
      'makes an image of README.md absolute',
      '![a](docs/demo.svg)',
      '![a](https://raw.githubusercontent.com/napi-torch/napi-torch/v1.2.3/docs/demo.svg)',
    ],
  ] as const) {
    it(what, async () => {
      assert.equal((await completed(text)).text, expected)
    })
  }

  it('refuses a link that leads nowhere', async () => {
    await assert.rejects(completed('[a](docs/none.md)'), {
      message: 'README.md links to docs/none.md, which there is not',
    })
  })
})

describe('brokenLinks()', () => {
  it('names the links that lead to no file of the package', async () => {
    assert.deepEqual((await completed('[a](CONTRIBUTING.md) [b](docs/cli.md)')).broken, ['README.md: CONTRIBUTING.md'])
  })
})
