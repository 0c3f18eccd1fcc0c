import assert from 'node:assert/strict'

import { Budget } from '../../lib/checkpoint/budget.js'
import { failAt } from '../../lib/checkpoint/failure.js'
import { checkLimits } from '../../lib/checkpoint/limits.js'

const fail = failAt({ path: 'x.pth' })

describe('Budget', () => {
  it('grows with the bytes of the file, and with those of each further file', () => {
    const limits = checkLimits({ memoryRatio: 10, workRatio: 3 })
    const [none, some] = [new Budget(limits, 0), new Budget(limits, 1000)]
    some.grow(500)

    assert.equal(some.memoryLeft - none.memoryLeft, 15_000)
    assert.equal(some.workLeft - none.workLeft, 4500)
    assert.equal(new Budget(limits, 1500, 1 / 2).memoryLeft, some.memoryLeft / 2)
  })

  it('counts what all parts of the reader take together', () => {
    const budget = new Budget(checkLimits(), 100)
    budget.takeMemory(5e6, fail)
    budget.takeWork(6e5, fail)

    assert.throws(() => budget.takeMemory(5e6, fail), {
      code: 'TORCH_CHECKPOINT_LIMIT',
      message:
        'x.pth: Reading takes at least 10000000 bytes of memory for a file of 100, more than the limit memoryRatio of 44',
    })
    assert.throws(() => budget.takeWork(6e5, fail), {
      code: 'TORCH_CHECKPOINT_LIMIT',
      message:
        'x.pth: Reading takes at least 1200000 steps for a file of 100 bytes, more than the limit workRatio of 2',
    })
  })
})
