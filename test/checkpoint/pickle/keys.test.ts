import assert from 'node:assert/strict'

import { stepsToAdd } from '../../../lib/checkpoint/pickle/keys.js'

describe('stepsToAdd()', () => {
  it('counts numbers that can be chosen to share one place of a Map, and no other keys', () => {
    for (const key of [2n ** 64n, 2 ** 21, -(2 ** 21), 0.5, NaN]) assert.equal(stepsToAdd(key, 800), 100, String(key))
    for (const key of [0, 7, -1000, 2 ** 20, 'a', true, null, []]) assert.equal(stepsToAdd(key, 800), 0, String(key))
  })
})
