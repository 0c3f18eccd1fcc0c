import assert from 'node:assert/strict'

import { ModelStatistics, sumStatistics } from '../../../packages/server/lib/statistics.js'

const TIMING = { samples: 2, queueMs: 1, preprocessMs: 2, inferMs: 3, batchSize: 2 }

describe('sumStatistics()', () => {
  it('sums what several processes counted, by model, version and size of the batch', () => {
    const [one, other] = [new ModelStatistics(), new ModelStatistics()]
    one.success(TIMING, 10, 1)
    one.batch(2, 3)
    one.lookup(true)
    other.success(TIMING, 20, 1)
    other.fail(5)
    other.batch(2, 4)
    other.batch(1, 1)
    other.lookup(false)

    const sums = sumStatistics([one.toJSON('a', '1'), other.toJSON('a', '1'), one.toJSON('a', '2')])

    assert.deepEqual(
      sums.map(({ name, version }) => `${name} ${version}`),
      ['a 1', 'a 2'],
    )
    const [sum] = sums
    assert.ok(sum)
    assert.deepEqual([sum.inference_count, sum.execution_count], [4, 3])
    assert.equal(sum.last_inference, other.toJSON('a', '1').last_inference)
    const { success, fail, queue, cache_hit, cache_miss } = sum.inference_stats
    assert.deepEqual(
      [success, fail, queue, cache_hit, cache_miss],
      [
        { count: 2, ns: 30e6 },
        { count: 1, ns: 5e6 },
        { count: 2, ns: 2e6 },
        { count: 1, ns: 0 },
        { count: 1, ns: 0 },
      ],
    )
    assert.deepEqual(
      sum.batch_stats.map(({ batch_size, compute_infer }) => [batch_size, compute_infer]),
      [
        [1, { count: 1, ns: 1e6 }],
        [2, { count: 2, ns: 7e6 }],
      ],
    )
  })
})
