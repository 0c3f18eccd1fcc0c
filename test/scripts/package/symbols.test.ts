import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { ROOT } from '../../../scripts/package/files.js'
import { newerSymbols, symbolsOf } from '../../../scripts/package/symbols.mjs'
import { skip } from '../../support/skip.js'

const ADDONS = ['Release/napi_torch.node', 'preload/napi_torch_preload.node'].map((name) => join(ROOT, 'build', name))

describe('newerSymbols()', () => {
  it('finds what libtorch itself does not need', () => {
    const symbols = [
      'fstat GLIBC_2.33',
      'memcpy GLIBC_2.14',
      'wait GLIBCXX_3.4.30',
      'run CXXABI_1.3.11',
      'exp GLIBC_2.29',
    ]

    assert.deepEqual(newerSymbols(symbols), ['fstat GLIBC_2.33', 'wait GLIBCXX_3.4.30', 'exp GLIBC_2.29'])
  })
})

describe('The addons built here', () => {
  for (const addon of ADDONS) {
    it(`open on every system on which libtorch does: ${addon.slice(ROOT.length)}`, function () {
      const isThere = process.platform === 'linux' && existsSync(addon)
      if (!isThere || spawnSync('objdump', ['--version']).status !== 0)
        skip(this, 'it is not built here, or there is no objdump')

      const symbols = symbolsOf(addon)

      assert.ok(symbols.length > 5)
      assert.deepEqual(newerSymbols(symbols), [])
    })
  }
})
