import assert from 'node:assert/strict'

import { readPackageJson } from '../../../scripts/package/files.js'
import { entriesOf, publishedManifest } from '../../../scripts/package/manifest.js'
import { originFields, REPOSITORY } from '../../../scripts/package/project.js'

const { version } = readPackageJson('package.json')

describe('publishedManifest()', () => {
  it('leaves out scripts, development dependencies, workspaces and the way to the sources', () => {
    const published = publishedManifest(readPackageJson('package.json'))

    const { scripts, devDependencies, workspaces } = published
    assert.deepEqual([scripts, devDependencies, workspaces], [undefined, undefined, undefined])
    assert.equal(JSON.stringify(published).includes('napi-torch-source'), false)
    const { '.': main, './nn': nn } = published['exports'] as Record<string, unknown>
    assert.deepEqual(main, { types: './dist/index.d.ts', default: './dist/index.js' })
    assert.deepEqual(nn, { types: './dist/entries/nn.d.ts', default: './dist/entries/nn.js' })
  })

  it('writes the version of the main package, and needs exactly that release of it', () => {
    const manifest = { name: 'side', version: '0.0.1', peerDependencies: { 'napi-torch': '0.0.1' } }

    assert.deepEqual(publishedManifest(manifest), {
      name: 'side',
      version,
      peerDependencies: { 'napi-torch': version },
      ...originFields(),
    })
  })

  it('says where the package is from, and in which folder of the repository', () => {
    const { homepage, bugs, repository, author } = publishedManifest({ name: 'side', version }, {}, 'packages/side')

    assert.deepEqual([homepage, bugs], [`${REPOSITORY}#readme`, { url: `${REPOSITORY}/issues` }])
    assert.deepEqual(repository, { type: 'git', url: `git+${REPOSITORY}.git`, directory: 'packages/side' })
    assert.equal(typeof author, 'string')
  })

  it('adds the fields that are given', () => {
    assert.deepEqual(publishedManifest({ name: 'side', version }, { files: ['dist'] }), {
      name: 'side',
      version,
      files: ['dist'],
      ...originFields(),
    })
  })
})

describe('entriesOf()', () => {
  it('gives the programs that exports and commands name, each once, and no types', () => {
    const manifest = {
      name: 'side',
      version,
      exports: {
        '.': { 'napi-torch-source': './lib/index.ts', types: './dist/index.d.ts', default: './dist/index.js' },
        './again': './dist/index.js',
        './package.json': './package.json',
      },
      bin: { side: './dist/cli/main.js' },
    }

    assert.deepEqual(entriesOf(manifest), ['index.js', 'cli/main.js'])
  })
})
