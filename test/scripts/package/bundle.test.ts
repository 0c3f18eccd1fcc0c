import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { bundle } from '../../../scripts/package/bundle.js'
import { evaluateModule } from '../../support/child.js'
import { useTemporaryFolder, writeFiles } from '../../support/folder.js'

/** Starts a thread, as the server does, from a module that is not an entry itself. */
const STARTER = `import { Worker } from 'node:worker_threads'
export const start = () => new Worker(new URL('../../dist/deep/thread.js', import.meta.url), { execArgv: [] })`

const PACKAGE = {
  'package.json': '{ "type": "module" }',
  'dist/index.js': `export { start } from './deep/start.js'\nexport * from './shared.js'`,
  // What two entries share lies in dist/chunks, as deep as dist/deep.
  'dist/cli/main.js': `import { start } from '../deep/start.js'\nstart()`,
  'dist/shared.js': `export const answer = 42`,
  'dist/deep/start.js': STARTER,
  'dist/deep/thread.js': `import { parentPort } from 'node:worker_threads'
import { answer } from '../shared.js'
parentPort.postMessage(answer)`,
}

describe('bundle()', () => {
  const temporary = useTemporaryFolder()

  function bundleFiles(files: Readonly<Record<string, string>>, dependencies: readonly string[] = []): string {
    const dist = join(writeFiles(temporary(), files), 'dist')
    bundle(dist, ['index.js', 'cli/main.js'], dependencies)
    return dist
  }

  it('keeps modules that others start by their address, and what they share lies in one file', async () => {
    const dist = bundleFiles(PACKAGE)

    const answer = await evaluateModule(`
      import { start } from ${JSON.stringify(pathToFileURL(join(dist, 'index.js')).href)}
      import { once } from 'node:events'
      const [message] = await once(start(), 'message')
      console.log(message)`)

    assert.equal(answer, 42)
    assert.ok(!existsSync(join(dist, 'shared.js')))
    assert.doesNotMatch(readFileSync(join(dist, 'deep/thread.js'), 'utf8'), /42/)
  })

  it('throws where an address leads nowhere once the modules lie elsewhere', () => {
    const files = { ...PACKAGE, 'dist/deep/start.js': STARTER.replace('../../dist/deep/thread.js', './thread.js') }

    assert.throws(() => bundleFiles(files), /chunks.chunk-\w+\.js names .*chunks.thread\.js, which is not there/)
  })

  it('throws for code of a package that is no dependency, and leaves that of dependencies where it is', () => {
    const files = {
      ...PACKAGE,
      'dist/shared.js': `export { answer } from 'other'`,
      'node_modules/other/package.json': '{ "name": "other", "type": "module", "exports": "./index.js" }',
      'node_modules/other/index.js': `export const answer = 42`,
    }

    assert.throws(
      () => bundleFiles(files),
      /node_modules\/other\/index\.js would be bundled: add other to the dependencies/,
    )
    assert.doesNotMatch(readFileSync(join(bundleFiles(files, ['other']), 'deep/thread.js'), 'utf8'), /42/)
  })
})
