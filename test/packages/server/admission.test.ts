import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { setImmediate, setTimeout as delay } from 'node:timers/promises'

import { Admission, type Call } from '../../../packages/server/lib/admission.js'

const LIMITS = { maxBatchSize: 1, maxQueueSize: 3, sampleLength: 4, decodedAtATime: availableParallelism() }
/** Images that an {@link Admission} of {@link LIMITS} begins before others have to wait. */
const BEGUN = 2 + availableParallelism()

function call(fields: Partial<Call> = {}): Call {
  return { signal: new AbortController().signal, deadline: performance.now() + 60_000, priority: 0, ...fields }
}

/** Fills all places; the function that comes back leaves them. */
function fill(admission: Admission): () => Promise<void> {
  let leave = (): void => undefined
  const left = new Promise<void>((resolve) => (leave = resolve))
  const begun = Array.from({ length: BEGUN }, () => admission.begin(call(), () => left))
  return async () => {
    leave()
    await Promise.all(begun)
  }
}

describe('Admission', () => {
  describe('begin()', () => {
    it('lends a sample of the model’s size, to one body at a time', async () => {
      const admission = new Admission(LIMITS)
      const samples = await Promise.all(
        Array.from({ length: BEGUN }, () => admission.begin(call(), (sample) => delay(1, sample))),
      )

      assert.equal(new Set(samples).size, BEGUN)
      assert.deepEqual(
        samples.map(({ length }) => length),
        samples.map(() => 4),
      )
    })

    it('begins the urgent first, and else in order', async () => {
      const admission = new Admission(LIMITS)
      const leave = fill(admission)
      const order: string[] = []
      const waiting = (
        [
          ['a', 0],
          ['b', -1],
          ['c', 1],
        ] as const
      ).map(([name, priority]) =>
        admission.begin(call({ priority }), () => {
          order.push(name)
          return Promise.resolve()
        }),
      )
      assert.equal(admission.waiting, 3)

      await leave()
      await Promise.all(waiting)

      assert.deepEqual(order, ['c', 'a', 'b'])
      assert.equal(admission.waiting, 0)
    })

    it('refuses more than maxQueueSize that wait', async () => {
      const admission = new Admission(LIMITS)
      const leave = fill(admission)
      const waiting = [1, 2, 3].map(() => admission.begin(call(), () => Promise.resolve()))

      await assert.rejects(
        admission.begin(call(), () => Promise.resolve()),
        { code: 'TORCH_QUEUE_FULL', message: '3 images are already waiting to be prepared (maxQueueSize)' },
      )

      await leave()
      await Promise.all(waiting)
    })

    it('gives up one that waits when its signal is aborted, and keeps the others', async () => {
      const admission = new Admission(LIMITS)
      const leave = fill(admission)
      const controller = new AbortController()
      const reason = new Error('left')
      const given = admission.begin(call({ signal: controller.signal }), () => Promise.resolve('given up'))
      const kept = admission.begin(call(), () => Promise.resolve('kept'))

      controller.abort(reason)

      await assert.rejects(given, reason)
      assert.equal(admission.waiting, 1)
      await leave()
      assert.equal(await kept, 'kept')
    })

    it('refuses one whose deadline has passed', async () => {
      const admission = new Admission(LIMITS)

      await assert.rejects(
        admission.begin(call({ deadline: performance.now() - 1 }), () => Promise.resolve()),
        { code: 'TORCH_DEADLINE', message: 'The deadline passed before the request was begun' },
      )
    })

    it('refuses one that has waited so long that it cannot be answered in time, by the latencies before it', async () => {
      const admission = new Admission(LIMITS)
      for (let round = 0; round < 10; round++) {
        await Promise.all(Array.from({ length: BEGUN }, () => admission.begin(call(), () => delay(100))))
      }
      const leave = fill(admission)
      let isBegun = false
      // An image takes about 100 ms, for which 150 ms are reserved: this one has 100 ms left when its turn comes.
      const late = admission.begin(call({ deadline: performance.now() + 310 }), () => {
        isBegun = true
        return Promise.resolve()
      })
      const refused = assert.rejects(late, {
        code: 'TORCH_DEADLINE',
        message: 'The request waited so long that it can no longer be answered before its deadline',
      })
      await delay(210)
      await leave()

      await refused
      assert.equal(isBegun, false)
    })

    it('tries a lone request with a near deadline, whatever the latencies before it', async () => {
      const admission = new Admission(LIMITS)
      for (let count = 0; count < 10; count++) await admission.begin(call(), () => delay(30))

      assert.equal(await admission.begin(call({ deadline: performance.now() + 20 }), () => Promise.resolve(1)), 1)
    })

    it('makes room where a body fails', async () => {
      const admission = new Admission(LIMITS)
      const fault = new Error('no image')
      for (let count = 0; count <= BEGUN; count++) {
        await assert.rejects(
          admission.begin(call(), () => Promise.reject(fault)),
          fault,
        )
      }
    })
  })

  describe('decode()', () => {
    it('decodes one image for each core at a time', async () => {
      const admission = new Admission(LIMITS)
      let [running, most] = [0, 0]

      await Promise.all(
        Array.from({ length: 3 * availableParallelism() }, () =>
          admission.decode(async () => {
            most = Math.max(most, ++running)
            await setImmediate()
            running--
          }),
        ),
      )

      assert.equal(most, availableParallelism())
    })
  })

  describe('waitMs()', () => {
    it('leaves time for a batch like the last, but at most half of what is left', () => {
      const admission = new Admission(LIMITS)
      const waitMs = (leftMs: number): number => admission.waitMs(call({ deadline: performance.now() + leftMs }))
      assert.ok(Math.abs(waitMs(1000) - 1000) < 5)

      admission.noteBatch(300)

      assert.ok(Math.abs(waitMs(1000) - 700) < 5)
      assert.ok(Math.abs(waitMs(100) - 50) < 5)
      assert.equal(waitMs(-5), 0)
    })
  })
})
