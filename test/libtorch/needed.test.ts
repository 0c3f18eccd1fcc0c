import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { openLibtorch } from '../../lib/libtorch/libtorch.js'
import { isTruncated, neededLibraries } from '../../lib/libtorch/needed.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'
import { skip } from '../support/skip.js'

const { libFolder } = openLibtorch()

describe('neededLibraries()', () => {
  const temporary = useTemporaryFolder()

  it('names what libtorch needs, its OpenMP under the name beside it', function () {
    if (process.platform !== 'linux') return skip(this, 'the libraries of this system have another format')
    const needed = neededLibraries(join(libFolder, 'libtorch_cpu.so'))
    const openmp = needed.filter((name) => /^lib[gi]?omp/.test(name))

    assert.ok(needed.includes('libc10.so'), needed.join(', '))
    assert.deepEqual(
      openmp.filter((name) => readdirSync(libFolder).includes(name)).length,
      openmp.length,
      openmp.join(', '),
    )
  })

  it('names nothing of a file that is missing, no library, or damaged', () => {
    const elf = Buffer.alloc(4096)
    elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1])
    elf.writeBigUInt64LE(2n ** 60n, 32)
    elf.writeUInt16LE(65535, 54)
    elf.writeUInt16LE(65535, 56)
    const folder = writeFiles(temporary(), { text: 'text', elf, short: elf.subarray(0, 20) })

    for (const name of ['missing', 'text', 'elf', 'short'])
      assert.deepEqual(neededLibraries(join(folder, name)), [], name)
  })
})

describe('isTruncated()', () => {
  const temporary = useTemporaryFolder()

  it('tells a whole library from one whose end is missing', function () {
    if (process.platform !== 'linux') return skip(this, 'the libraries of this system have another format')
    const path = join(libFolder, 'libc10.so')
    const bytes = readFileSync(path)
    const folder = writeFiles(temporary(), { part: bytes.subarray(0, bytes.length - 4096) })

    assert.deepEqual([isTruncated(path), isTruncated(join(folder, 'part'))], [false, true])
  })
})
