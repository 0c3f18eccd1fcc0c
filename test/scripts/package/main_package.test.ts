import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { npmPack, readPackageJson, ROOT, type Tarball } from '../../../scripts/package/files.js'
import { libtorchPackages, mainManifest } from '../../../scripts/package/main_package.js'
import { skip } from '../../support/skip.js'

const ADDON_BYTES = 530_000
const MAX_BYTES = 1_850_000

/** What the tarball holds, besides what npm adds to every package. */
const EXPECTED = [
  /^dist\/.*\.(js|d\.ts)$/,
  /^lib\/vision\/imagenet_labels\.(json|LICENSE)$/,
  /^native\/.*\.(cc|h|inl)$/,
  /^prebuilds\/(README\.md|[a-z0-9]+-[a-z0-9]+\/(napi-torch(\.glibc)?|preload\/napi_torch_preload)\.node)$/,
  /^(docs|python)\/[^/]+\.(md|svg|png|py)$/, // Nothing of the site, which docs/ holds besides.
  /^scripts\/setup(\.mjs|\/.*\.mjs)$/,
  /^(CMakeLists\.txt|package\.json|LICENSE|README\.md|CHANGELOG\.md|UPGRADING\.md)$/,
]

describe('The main package', function () {
  this.timeout(60_000)
  let tarball: Tarball

  before(function () {
    if (!existsSync(join(ROOT, 'dist'))) skip(this, 'there is no dist: npm run build makes it')
    tarball = npmPack(ROOT, { dryRun: true })
  })

  it('holds what is needed to run and to build the addon, and nothing else', () => {
    const unexpected = tarball.files.map(({ path }) => path).filter((path) => !EXPECTED.some((item) => item.test(path)))

    assert.deepEqual(unexpected, [])
  })

  it('holds the entries, the command, and the sources of the addon', () => {
    const paths = new Set(tarball.files.map(({ path }) => path))

    for (const path of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/entries/nn.js',
      'dist/cli/main.js',
      'lib/vision/imagenet_labels.json',
      'lib/vision/imagenet_labels.LICENSE',
      'native/addon.cc',
      'native/preload/preload.cc',
      'CMakeLists.txt',
      'scripts/setup.mjs',
      'scripts/setup/addon.mjs',
    ]) {
      assert.ok(paths.has(path), path)
    }
  })

  it('has less than 1.85 MB, before the sources are bundled', () => {
    // A checkout without prebuilds/ leaves room for one.
    const room = tarball.files.some(({ path }) => path.endsWith('.node')) ? 0 : ADDON_BYTES

    assert.ok(tarball.size + room < MAX_BYTES, `${tarball.size} bytes`)
  })
})

describe('mainManifest()', () => {
  const manifest = readPackageJson('package.json')

  it('names the packages of libtorch with their exact versions, which the checkout does not', () => {
    const published = mainManifest(manifest, libtorchPackages())

    assert.equal(manifest['optionalDependencies'], undefined)
    assert.deepEqual(published['optionalDependencies'], { '@napi-torch/libtorch-cpu-linux-x64': '2.13.0' })
  })

  it('has no optional dependency where none is given', () => {
    assert.equal(mainManifest(manifest, {})['optionalDependencies'], undefined)
  })

  it('names the exact versions of what a build from source fetches', () => {
    const { buildDependencies } = mainManifest(manifest, {}) as { buildDependencies?: Record<string, string> }

    assert.deepEqual(Object.keys(buildDependencies ?? {}), ['cmake-js', 'node-addon-api'])
    for (const version of Object.values(buildDependencies ?? {})) assert.match(version, /^\d+\.\d+\.\d+$/)
  })

  it('tells cmake-js that the addon needs Node-API alone, for which it downloads nothing', () => {
    assert.deepEqual(mainManifest(manifest, {})['binary'], { napi_versions: [9] })
  })

  it('has at most 8 dependencies', () => {
    assert.ok(Object.keys(manifest['dependencies'] as object).length <= 8)
  })
})
