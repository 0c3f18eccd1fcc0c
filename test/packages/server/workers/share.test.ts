import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'

import { checkSettings } from '../../../../packages/server/lib/check_settings.js'
import { coresOf, settingsOfWorker, threadsOf } from '../../../../packages/server/lib/workers/share.js'

describe('settingsOfWorker()', () => {
  it('divides the limits of the service, rounded up, and leaves all else alone', () => {
    const limits = {
      maxBytesInFlight: 1000,
      keptBodyBytes: 1002,
      maxConnections: 10,
      cacheBytes: 100,
      rateLimit: 1,
      rateBurst: 50,
      maxAuthFailures: 61,
      maxTraceSpans: 2,
    }
    const settings = checkSettings({ models: [], workers: 4, ...limits })

    assert.deepEqual(settingsOfWorker(settings), {
      ...settings,
      maxBytesInFlight: 250,
      keptBodyBytes: 251,
      maxConnections: 3,
      cacheBytes: 25,
      rateLimit: 0.25,
      rateBurst: 13,
      maxAuthFailures: 16,
      maxTraceSpans: 1,
    })
  })

  it('leaves a limit of 0, which means that there is none', () => {
    const settings = checkSettings({ models: [], workers: 4, rateLimit: 0, maxAuthFailures: 0, cacheBytes: 0 })

    const { rateLimit, maxAuthFailures, cacheBytes } = settingsOfWorker(settings)

    assert.deepEqual([rateLimit, maxAuthFailures, cacheBytes], [0, 0, 0])
  })
})

describe('threadsOf()', () => {
  for (const [what, settings, threads] of [
    ['all cores for the only process', { threads: 0, workers: 1 }, undefined],
    [
      'its share of the cores for a worker',
      { threads: 0, workers: 2 },
      Math.max(1, Math.floor(availableParallelism() / 2)),
    ],
    [
      'one core where there are more workers than cores',
      { threads: 0, workers: 128 },
      Math.max(1, Math.floor(availableParallelism() / 128)),
    ],
    ['what the setting says', { threads: 3, workers: 2 }, 3],
  ] as const) {
    it(`gives ${what}`, () => {
      assert.equal(threadsOf(settings), threads)
    })
  }
})

describe('coresOf()', () => {
  it('gives at least one core', () => {
    assert.equal(coresOf({ workers: 1000 }), 1)
    assert.equal(coresOf({ workers: 1 }), availableParallelism())
  })
})
