import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { npmPack, readPackageJson, ROOT } from '../../../scripts/package/files.js'
import { workspaces } from '../../../scripts/package/workspace_package.js'
import { skip } from '../../support/skip.js'

/** What the tarball of a package with code holds. */
const EXPECTED = [
  /^dist\/.*\.(js|d\.ts)$/,
  /^page\/\w+\.(html|css|js|png)$/,
  /^\w+\.mjs$/,
  /^(proto\/)?\w+\.proto$/,
  /^(package\.json|README\.md)$/,
]

describe('The packages beside the main one', function () {
  this.timeout(60_000)
  const { version } = readPackageJson('package.json')

  it('are the server, the jobs and the cases of the protocol', () => {
    assert.deepEqual([...workspaces()].sort(), ['packages/jobs', 'packages/oip-conformance', 'packages/server'])
  })

  for (const source of workspaces()) {
    const manifest = readPackageJson(join(source, 'package.json'))

    describe(manifest.name, () => {
      it('has the version of the main package, and needs exactly that release of it', () => {
        const { 'napi-torch': needed = version } = (manifest['peerDependencies'] ?? {}) as Record<string, string>

        assert.deepEqual([manifest.version, needed], [version, version])
      })

      it('has a README with the command that installs or runs it', () => {
        const readme = readFileSync(join(ROOT, source, 'README.md'), 'utf8')

        assert.match(readme, new RegExp(`^(npm install|npx) .*${manifest.name}`, 'm'))
      })

      it('packs what it runs, and nothing else', function () {
        const compiled = (manifest['files'] as string[]).includes('dist')
        if (compiled && !existsSync(join(ROOT, source, 'dist'))) skip(this, 'there is no dist: npm run build makes it')

        const paths = npmPack(join(ROOT, source), { dryRun: true }).files.map(({ path }) => path)

        assert.ok(paths.length > 4)
        assert.deepEqual(
          paths.filter((path) => !EXPECTED.some((item) => item.test(path))),
          [],
        )
      })
    })
  }
})
