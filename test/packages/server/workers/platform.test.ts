import assert from 'node:assert/strict'

import { checkPlatform } from '../../../../packages/server/lib/workers/platform.js'

describe('checkPlatform()', () => {
  for (const platform of ['linux', 'darwin']) {
    it(`takes Node.js on ${platform}`, () => {
      assert.doesNotThrow(() => checkPlatform({ platform, versions: { node: '22.0.0' } }))
    })
  }

  for (const [received, runtime] of [
    ['bun 1.3.0', { platform: 'linux', versions: { node: '24.0.0', bun: '1.3.0' } }],
    ['deno 2.5.0', { platform: 'darwin', versions: { node: '24.0.0', deno: '2.5.0' } }],
    ['Windows', { platform: 'win32', versions: { node: '22.0.0' } }],
  ] as const) {
    it(`refuses ${received}, and says what to do instead`, () => {
      assert.throws(() => checkPlatform(runtime), {
        code: 'TORCH_PLATFORM',
        message: `Expected Node.js on Linux or macOS for workers of more than 1, received ${received}; start one server for each port instead`,
      })
    })
  }
})
