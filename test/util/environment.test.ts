import assert from 'node:assert/strict'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

import { cacheFolder, colorPreference, environmentWith, libtorchVariable } from '../../lib/util/environment.js'
import { useEnvironment } from '../support/folder.js'
import { skip } from '../support/skip.js'

describe('environment', () => {
  useEnvironment(() => ({ NAPI_TORCH_LIBTORCH: undefined, NAPI_TORCH_CACHE: undefined, XDG_CACHE_HOME: undefined }))

  describe('libtorchVariable()', () => {
    it('is undefined where the variable is not set, or empty', () => {
      const unset = libtorchVariable()
      process.env['NAPI_TORCH_LIBTORCH'] = ''

      assert.deepEqual([unset, libtorchVariable()], [undefined, undefined])
    })
  })

  describe('cacheFolder()', () => {
    it('is what NAPI_TORCH_CACHE names, made absolute', () => {
      process.env['NAPI_TORCH_CACHE'] = 'some/cache'

      assert.equal(cacheFolder(), resolve('some/cache'))
    })

    it('lies in XDG_CACHE_HOME', () => {
      process.env['XDG_CACHE_HOME'] = '/var/xdg'

      assert.equal(cacheFolder(), join('/var/xdg', 'napi-torch'))
    })

    it('takes no notice of a relative XDG_CACHE_HOME', function () {
      if (process.platform !== 'linux') skip(this, 'other systems have no XDG_CACHE_HOME')
      process.env['XDG_CACHE_HOME'] = 'xdg'

      assert.equal(cacheFolder(), join(homedir(), '.cache', 'napi-torch'))
    })
  })

  describe('colorPreference()', () => {
    useEnvironment(() => ({ NO_COLOR: undefined, FORCE_COLOR: undefined }))

    for (const [NO_COLOR, FORCE_COLOR, preference] of [
      ['', '', null],
      ['', '1', true],
      ['1', '', false],
      ['1', '1', false],
    ] as const) {
      it(`is ${preference} where NO_COLOR is '${NO_COLOR}' and FORCE_COLOR is '${FORCE_COLOR}'`, () => {
        Object.assign(process.env, { NO_COLOR, FORCE_COLOR })

        assert.equal(colorPreference(), preference)
      })
    }
  })

  describe('environmentWith()', () => {
    it('puts variables in place of those of the process, which keep their values', () => {
      process.env['XDG_CACHE_HOME'] = '/before'

      const environment = environmentWith({ XDG_CACHE_HOME: '/after' })

      assert.equal(environment['XDG_CACHE_HOME'], '/after')
      assert.equal(environment['PATH'], process.env['PATH'])
      assert.equal(process.env['XDG_CACHE_HOME'], '/before')
    })
  })
})
