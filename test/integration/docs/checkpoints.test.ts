import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const TEST = fileURLToPath(new URL('../../', import.meta.url))
const PAGE = readFileSync(fileURLToPath(new URL('../../../docs/checkpoints.md', import.meta.url)), 'utf8')

/** The tables of the page in which each row names a file of tests, or of what several share, and tests of it in quotes. */
const ROWS = [...PAGE.slice(PAGE.indexOf('## Test coverage')).matchAll(/^\| .*?\| `([\w/.]+\.ts)` \| (.*) \|$/gm)]

/** Source of a test with `…` where a title changes, and without the quotes and marks that surround it. */
function titlesOf(file: string): string {
  return readFileSync(TEST + file, 'utf8')
    .replace(/\$\{(?:[^{}`]|`[^`]*`)*\}/g, '…')
    .replaceAll("\\'", "'")
}

describe('docs/checkpoints.md', () => {
  it('shows each promise by a test', () => {
    assert.ok(ROWS.length > 40)
    assert.ok(ROWS.every(([, , tests = '']) => /"[^"]+"/.test(tests)))
  })

  for (const [, file = '', tests = ''] of ROWS) {
    for (const [, title = ''] of tests.matchAll(/"([^"]+)"/g)) {
      it(`names a test that is there: ${title} in ${file}`, () => {
        const source = titlesOf(file)

        // A title is a literal, or a name in a table that becomes one.
        assert.ok(["'", '`', '"'].some((quote) => source.includes(quote + title + quote)))
      })
    }
  }
})
