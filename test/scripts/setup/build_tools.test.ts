import assert from 'node:assert/strict'
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { cpSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'

import { mainManifest } from '../../../scripts/package/main_package.js'
import { readPackageJson, ROOT, writeJson } from '../../../scripts/package/files.js'
import { useTemporaryFolder } from '../../support/folder.js'

const MODULE = join('node_modules', 'napi-torch', 'scripts', 'setup', 'build_tools.mjs')

describe('provideBuildTools() in an installed package', () => {
  const temporary = useTemporaryFolder()
  const published = mainManifest(readPackageJson('package.json'), {})
  const versions = published['buildDependencies'] as Record<string, string>
  const tools = Object.entries(versions).map(([name, version]) => `${name}@${version}`)

  /** Makes a project with the part of the published package that finds the tools, and asks for them there. */
  function provide(): SpawnSyncReturns<string> {
    const installed = join(temporary(), 'node_modules', 'napi-torch')
    cpSync(join(ROOT, 'scripts', 'setup'), join(installed, 'scripts', 'setup'), { recursive: true })
    writeJson(join(installed, 'package.json'), published)
    const program = `import('./${MODULE}').then((module) => module.provideBuildTools()).then(
      (found) => console.log(JSON.stringify(found)), (error) => { console.log(error.message); process.exit(1) })`
    return spawnSync(process.execPath, ['-e', program], {
      cwd: temporary(),
      encoding: 'utf8',
      // A registry that cannot be reached.
      env: {
        ...process.env,
        npm_config_registry: 'http://127.0.0.1:9',
        npm_config_fetch_retries: '0',
        npm_config_cache: join(temporary(), 'cache'),
      },
    })
  }

  it('takes those of the project, and fetches nothing', () => {
    for (const name of Object.keys(versions)) {
      mkdirSync(join(temporary(), 'node_modules'), { recursive: true })
      symlinkSync(join(ROOT, 'node_modules', name), join(temporary(), 'node_modules', name), 'junction')
    }

    const { status, stdout } = provide()

    assert.equal(status, 0, stdout)
    assert.deepEqual(JSON.parse(stdout), {
      cmakeJs: realpathSync(join(ROOT, 'node_modules', 'cmake-js', 'bin', 'cmake-js')),
      addonApi: realpathSync(join(ROOT, 'node_modules', 'node-addon-api')),
    })
  })

  it('names the packages and the command that installs them where npm cannot fetch them', () => {
    const { status, stdout } = provide()

    assert.equal(status, 1)
    assert.equal(
      stdout.slice(stdout.indexOf('Expected')),
      `Expected the npm packages ${tools.join(' and ')} to build the addon, and npm cannot fetch them. Run this:

  npm install --save-dev ${tools.join(' ')}

`,
    )
  })
})
