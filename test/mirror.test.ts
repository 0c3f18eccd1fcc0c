import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** The folder of the sources that the tests in a folder of test/ mirror. The first pattern that fits counts. */
const MIRRORED: readonly (readonly [tests: RegExp, sources: string])[] = [
  [/^packages\/oip-conformance\//, 'packages/oip-conformance/'],
  [/^packages\/([\w-]+)\//, 'packages/$1/lib/'],
  [/^native\//, 'native/'],
  [/^ops\//, 'native/ops/'],
  [/^scripts\//, 'scripts/'],
  [/^examples\//, 'examples/'],
  [/^support\//, 'test/support/'],
  [/^/, 'lib/'],
]

/** Tests that belong to no single source file. */
const CROSS_CUTTING: readonly RegExp[] = [
  // What several files do together: workers, memory, fuzzing, comparisons with Python, whole models, pages of docs/. An
  // area may have a folder of that name for itself.
  /(^|\/)integration\//,
  // The public interface of all packages, as api/ records it.
  /^api\.test\.ts$/,
  // The files in deploy/, the pages of the documentation, the layers that eslint.config.js lists.
  /^deploy\.test\.ts$/,
  /^docs\.test\.ts$/,
  /^scripts\/layers\.test\.ts$/,
  /^mirror\.test\.ts$/,
]

// A test may also cover a small folder as a whole.
const ENDINGS = ['.ts', '.cc', '.mjs', '/']

/** Gives the sources that a test may mirror: `a/b.test.ts` mirrors `a/b.ts`, and so does `a/b.topic.test.ts`, a part of it. */
function sourcesOf(test: string): string[] {
  const stem = test.replace(/(\.[\w-]+)?\.test\.ts$/, '')
  const [pattern = /^/, folder = ''] = MIRRORED.find(([tests]) => tests.test(test)) ?? []
  return ENDINGS.map((ending) => stem.replace(pattern, folder) + ending)
}

describe('test/', () => {
  it('mirrors the sources: the test of a file lies at the path of the file', () => {
    const tests = readdirSync(`${ROOT}test`, { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => file.endsWith('.test.ts'))
    const mirrors = tests.filter((test) => !CROSS_CUTTING.some((pattern) => pattern.test(test)))

    const offenders = mirrors.filter((test) => !sourcesOf(test).some((source) => existsSync(ROOT + source)))

    assert.ok(mirrors.length > 100, `only ${mirrors.length} tests were found`)
    const lines = offenders.map((test) => `  test/${test}: there is no ${sourcesOf(test)[0]}`)
    assert.equal(offenders.length, 0, `Tests without a source file of their name:\n${lines.join('\n')}`)
  })
})
