import assert from 'node:assert/strict'

import { networkOf } from '../../../packages/server/lib/security.js'

describe('networkOf()', () => {
  const CASES: readonly (readonly [address: string, network: string])[] = [
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1:2:3:4', 'fe80:0:0:0::/64'],
  ]
  for (const [address, network] of CASES) {
    it(`gives ${network} for ${address}`, () => {
      assert.equal(networkOf(address), network)
    })
  }
})
