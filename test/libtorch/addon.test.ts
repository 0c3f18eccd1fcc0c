import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { addonError, addonPath, openAddon } from '../../lib/libtorch/addon.js'
import { useTemporaryFolder, writeFiles } from '../support/folder.js'
import { skip } from '../support/skip.js'

const BUILD = 'npx napi-torch build'

describe('openAddon()', () => {
  const temporary = useTemporaryFolder()

  it('gives each caller an instance of its own', () => {
    assert.notEqual(openAddon(addonPath()), openAddon(addonPath()))
  })

  it('refuses a truncated addon, which would end the process, and says what helps', function () {
    if (process.platform !== 'linux') return skip(this, 'the libraries of this system have another format')
    const whole = readFileSync(addonPath())
    const path = join(writeFiles(temporary(), { 'part.node': whole.subarray(0, 50_000) }), 'part.node')

    assert.throws(() => openAddon(path), {
      code: 'TORCH_ADDON_NOT_FOUND',
      message: `Cannot open the native addon: ${path} is truncated; install napi-torch again, or build it: ${BUILD}`,
    })
  })
})

describe('addonError()', () => {
  const remedies: readonly [cause: object, remedy: string][] = [
    [{ code: 'ERR_DLOPEN_DISABLED' }, 'run node without --no-addons and, with --permission, with --allow-addons'],
    [
      { code: 'ERR_ACCESS_DENIED', resource: '/etc/alpine-release' },
      'allow it: --allow-fs-read=/etc/alpine-release; docs/platforms.md lists what must be allowed',
    ],
    [{}, `build it: ${BUILD}`],
  ]
  for (const [cause, remedy] of remedies) {
    it(`ends in what helps: ${remedy}`, () => {
      const { message } = addonError('Found no native addon', Object.assign(new Error('reason'), cause))
      assert.equal(message, `Found no native addon: reason; ${remedy}`)
    })
  }

  it('names the variables that mislead node-gyp-build', () => {
    const text = `No native build was found for platform=${process.platform} arch=${process.arch} libc=musl`
    const { message } = addonError('Found no native addon', new Error(text))
    assert.match(
      message,
      /; unset the variables LIBC, npm_config_platform and npm_config_arch, which name another system$/,
    )
  })
})
