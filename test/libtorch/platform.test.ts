import assert from 'node:assert/strict'

import { isAtLeast, processFacts, unsupported, type ProcessFacts } from '../../lib/libtorch/platform.js'

const LINUX: ProcessFacts = { platform: 'linux', arch: 'x64', electron: undefined, glibc: '2.36' }

describe('unsupported()', () => {
  it('has nothing against the process of the tests', () => {
    assert.equal(unsupported(processFacts()), null)
  })

  for (const [what, facts, sentence] of [
    ['64-bit Linux with glibc', {}, null],
    ['the oldest glibc', { glibc: '2.28' }, null],
    ['Linux on ARM', { arch: 'arm64' }, null],
    ['macOS', { platform: 'darwin', arch: 'arm64', glibc: undefined }, null],
    [
      'musl',
      { glibc: null },
      'libtorch is made for the GNU C library, and this system (Alpine?) has another one, such as musl: use an image such as node:22-slim',
    ],
    [
      'an old glibc',
      { glibc: '2.17' },
      'libtorch needs glibc 2.28 or newer, and this system has 2.17: use a newer distribution (Debian 10, Ubuntu 20.04, RHEL 8 or later)',
    ],
    [
      'a CPU without libtorch',
      { arch: 'riscv64' },
      'There is no libtorch for linux-riscv64: docs/platforms.md lists where it runs',
    ],
    [
      '32 bits',
      { arch: 'ia32' },
      'libtorch is made for 64-bit CPUs, and this Node.js is for ia32 of 32 bits: install a 64-bit Node.js',
    ],
    [
      'another system',
      { platform: 'freebsd', glibc: undefined },
      'There is no libtorch for freebsd-x64: docs/platforms.md lists where it runs',
    ],
    [
      'Electron',
      { electron: '38.1.0' },
      'Electron 38.1.0 forbids memory that JavaScript shares with libtorch: run napi-torch in a Node.js process, by child_process.fork() with execPath set to a node',
    ],
  ] as const) {
    it(`${sentence === null ? 'accepts' : 'explains'} ${what}`, () => {
      assert.equal(unsupported({ ...LINUX, ...facts }), sentence)
    })
  }
})

describe('isAtLeast()', () => {
  for (const [version, oldest, expected] of [
    ['2.28', '2.28', true],
    ['2.3', '2.28', false],
    ['3.0', '2.28', true],
    ['20.19.1', '20.19', true],
    ['20', '20.19', false],
  ] as const) {
    it(`${expected ? 'takes' : 'refuses'} ${version} for ${oldest}`, () => {
      assert.equal(isAtLeast(version, oldest), expected)
    })
  }
})
