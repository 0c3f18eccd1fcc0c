import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'

import type { TorchError } from 'napi-torch'
import { BodyBudget } from '../../../packages/server/lib/body_budget.js'

const LIMITS = { maxBytesInFlight: 100, maxClientShare: 1, minBodyBytesPerSecond: 0, busyBodyBytesPerSecond: 0 }

describe('BodyBudget', function () {
  this.timeout(20_000)

  it('refuses bytes past its limit, and takes them again after a release', () => {
    const budget = new BodyBudget(LIMITS)
    const [one, two] = [budget.open(), budget.open()]
    one.take(60)
    two.take(30)

    assert.throws(() => two.take(11), {
      code: 'TORCH_QUEUE_FULL',
      message: 'All requests hold 90 of at most 100 bytes (maxBytesInFlight)',
    })

    one.release()
    one.release()
    two.take(70)
    assert.equal(budget.used, 100)
    two.give(30)
    two.give(1000)
    assert.equal(budget.used, 0)
  })

  it('leaves a client no more than its share, whatever the number of its requests', () => {
    const budget = new BodyBudget({ ...LIMITS, maxClientShare: 0.5 })
    const shares = ['one', 'one', 'two'].map((client) => Object.assign(budget.open(), { client }))
    shares[0]?.take(30)
    shares[1]?.take(20)

    assert.throws(() => shares[1]?.take(1), {
      code: 'TORCH_QUEUE_FULL',
      message: /this client hold 50 of at most 50 bytes/,
    })
    shares[2]?.take(50)
    assert.equal(budget.used, 100)
    shares[0]?.release()
    shares[1]?.take(30)
  })

  it('takes the memory of a body that has stopped for one that needs it', async () => {
    const budget = new BodyBudget({ ...LIMITS, busyBodyBytesPerSecond: 1000 })
    const [stopped, other] = [budget.open(), budget.open()]
    const refused: TorchError[] = []
    stopped.arriving((reason) => refused.push(reason))
    stopped.take(80)
    assert.throws(() => other.take(50), { code: 'TORCH_QUEUE_FULL' })

    await delay(1200)
    other.take(50)

    assert.deepEqual([refused.map(({ code }) => code), budget.used], [['TORCH_TOO_SLOW'], 50])
  })

  it('leaves a body that arrives as it should its memory', async () => {
    const budget = new BodyBudget({ ...LIMITS, maxBytesInFlight: 10_000, busyBodyBytesPerSecond: 1000 })
    const [steady, other] = [budget.open(), budget.open()]
    const refused: TorchError[] = []
    steady.arriving((reason) => refused.push(reason))
    for (let piece = 0; piece < 12; piece++) {
      steady.take(500)
      await delay(100)
    }

    assert.throws(() => other.take(5000), { code: 'TORCH_QUEUE_FULL' })
    assert.deepEqual(refused, [])
  })

  it('refuses a body that arrives more slowly than the least rate, memory or not', async () => {
    const budget = new BodyBudget({ ...LIMITS, minBodyBytesPerSecond: 1000 })
    const share = budget.open()
    const reason = new Promise<TorchError>((resolve) => share.arriving(resolve))
    share.take(1)

    const { code, message } = await reason

    assert.equal(code, 'TORCH_TOO_SLOW')
    assert.equal(message, 'The body arrived more slowly than 1000 bytes per second (minBodyBytesPerSecond)')
    assert.equal(budget.used, 0)
  })
})
