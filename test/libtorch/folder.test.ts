import assert from 'node:assert/strict'
import { join } from 'node:path'

import { libraryFile, minorOf, readLibtorchFolder, UNKNOWN_VERSION } from '../../lib/libtorch/folder.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'
import { makeLibtorch } from '../support/libtorch.js'

const LIBRARY = `lib/${libraryFile('torch_cpu')}`
const CMAKE = 'share/cmake/Torch/TorchConfigVersion.cmake'

describe('readLibtorchFolder()', () => {
  const temporary = useTemporaryFolder()

  for (const [what, below] of [
    ['the folder itself', 'torch'],
    ['its lib/', 'torch/lib'],
    ['a site-packages folder that holds it', '.'],
  ] as const) {
    it(`accepts ${what}`, () => {
      const folder = makeLibtorch(temporary())

      assert.deepEqual(readLibtorchFolder(join(temporary(), below)), {
        folder,
        libFolder: join(folder, 'lib'),
        includeFolder: join(folder, 'include'),
        version: '2.13.0',
        flavor: 'cpu',
      })
    })
  }

  it('accepts the folder into which a libtorch archive was unpacked', () => {
    writeFiles(temporary(), { [`libtorch/${LIBRARY}`]: '', 'libtorch/build-version': '2.13.1+cpu\n' })

    assert.equal(readLibtorchFolder(temporary())?.version, '2.13.1')
  })

  it('tells that there are no headers', () => {
    const folder = makeLibtorch(temporary(), { headers: false })

    assert.equal(readLibtorchFolder(folder)?.includeFolder, null)
  })

  it('gives null for a folder without libtorch, and for none', () => {
    const empty = readLibtorchFolder(temporary())
    const none = readLibtorchFolder(join(temporary(), 'none'))

    assert.deepEqual([empty, none], [null, null])
  })

  for (const [what, files, version, flavor] of [
    ['version.py of the CPU', { 'version.py': "__version__ = '2.13.0+cpu'\n" }, '2.13.0', 'cpu'],
    ['version.py with CUDA in the version', { 'version.py': "__version__ = '2.13.0+cu130'\n" }, '2.13.0', 'cu130'],
    [
      'version.py with CUDA beside the version',
      { 'version.py': "__version__ = '2.12.1'\ncuda: Optional[str] = '12.8'\n" },
      '2.12.1',
      'cu128',
    ],
    ['version.py of a build from source', { 'version.py': "__version__ = '2.13.0a0+gitcf30153'\n" }, '2.13.0', 'cpu'],
    ['build-version', { 'build-version': '2.11.0+rocm6.4\n' }, '2.11.0', 'rocm6.4'],
    [
      'the CMake files and the libraries',
      { [CMAKE]: 'set(PACKAGE_VERSION "2.14.0")\n', [`lib/${libraryFile('torch_cuda')}`]: '' },
      '2.14.0',
      'cuda',
    ],
    ['nothing', {}, UNKNOWN_VERSION, 'cpu'],
  ] as const) {
    it(`reads version and flavor from ${what}`, () => {
      writeFiles(temporary(), { [LIBRARY]: '', ...files })

      const found = readLibtorchFolder(temporary())

      assert.deepEqual([found?.version, found?.flavor], [version, flavor])
    })
  }
})

describe('minorOf()', () => {
  it('gives the first two parts of a version', () => {
    assert.equal(minorOf('2.13.0'), '2.13')
  })
})
