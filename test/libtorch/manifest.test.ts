import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { libraryFile } from '../../lib/libtorch/folder.js'
import { describeFiles, faultOfContents, faultOfSizes, MANIFEST, readManifest } from '../../lib/libtorch/manifest.js'
import { useTemporaryFolder } from '../support/folder.js'
import { makeLibtorch } from '../support/libtorch.js'

const LIBRARY = `torch/lib/${libraryFile('c10')}`
const HEADER = 'torch/include/ATen/ATen.h'

describe('The manifest of an installed libtorch', () => {
  const temporary = useTemporaryFolder()
  let torch = ''

  beforeEach(async () => {
    torch = makeLibtorch(temporary())
    const files = await describeFiles(temporary())
    writeFileSync(
      join(temporary(), MANIFEST),
      JSON.stringify({ version: '2.13.0', flavor: 'cpu', origin: 'here', files }),
    )
  })

  it('lists each file with its size and SHA-256', () => {
    assert.deepEqual(readManifest(torch)?.files[HEADER], {
      bytes: 13,
      sha256: 'b3adf106d95b8934f690943f2921308b90be5b766c4c8ba250c792de56400201',
    })
  })

  it('finds nothing wrong with what it describes', async () => {
    assert.deepEqual([faultOfSizes(torch), await faultOfContents(torch)], [null, null])
  })

  it('finds a library that is missing', async () => {
    rmSync(join(temporary(), LIBRARY))

    const fault = `is incomplete: ${LIBRARY} is missing`
    assert.deepEqual([faultOfSizes(torch), await faultOfContents(torch)], [fault, fault])
  })

  it('finds a library that was cut', async () => {
    writeFileSync(join(temporary(), LIBRARY), 'lib')

    const fault = `is damaged: ${LIBRARY} has 3 bytes instead of 18`
    assert.deepEqual([faultOfSizes(torch), await faultOfContents(torch)], [fault, fault])
  })

  it('finds a changed byte by the contents only', async () => {
    writeFileSync(join(temporary(), LIBRARY), 'libc11 2.13.0+cpu\n')

    assert.equal(faultOfSizes(torch), null)
    assert.equal(await faultOfContents(torch), `is damaged: ${LIBRARY} has another SHA-256 than when it was installed`)
  })

  it('does not look at the headers for running', async () => {
    rmSync(join(temporary(), HEADER))

    assert.equal(faultOfSizes(torch), null)
    assert.equal(await faultOfContents(torch), `is incomplete: ${HEADER} is missing`)
  })

  it('has nothing to say where there is none', async () => {
    rmSync(join(temporary(), MANIFEST))

    assert.deepEqual([readManifest(torch), faultOfSizes(torch), await faultOfContents(torch)], [null, null, null])
  })
})
