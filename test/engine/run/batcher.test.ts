import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { tensor, type CompileOptions, type Engine, type InferOptions } from 'napi-torch'
import { inferInBatch, observeBatches, type BatchFacts } from 'napi-torch/internal'

import { detach, resizableBuffer } from '../../support/buffers.js'
import { OUTPUTS, SAMPLE, SAMPLE_LENGTH, samples, smallModel, withEngine } from '../../support/engines.js'

const OPTIONS: CompileOptions = { input: SAMPLE, threads: 1 }
const LOST = `Expected a Float32Array of ${SAMPLE_LENGTH} elements until its batch begins for sample, received Float32Array of 0 elements`
const DEADLINE = { code: 'TORCH_DEADLINE', message: 'The deadline passed while the request was waiting' }

/** Cuts a batch into samples. */
function split(batch: Float32Array): Float32Array[] {
  return Array.from({ length: batch.length / SAMPLE_LENGTH }, (_, index) => {
    return batch.slice(index * SAMPLE_LENGTH, (index + 1) * SAMPLE_LENGTH)
  })
}

/** Keeps the executor busy for a while, so that requests have to wait. */
function occupy(engine: Engine): Promise<unknown> {
  return engine.run(samples(3000))
}

describe('Engine', () => {
  describe('infer()', () => {
    it('gives each of many requests the output for its sample, an array for an array, a tensor for a tensor', async () => {
      await withEngine(smallModel, OPTIONS, async (engine) => {
        const batch = samples(70)
        const wanted = await engine.run(batch)

        const received = await Promise.all(split(batch).map((sample) => engine.infer(sample)))
        const single = await engine.infer(tensor(batch.slice(0, SAMPLE_LENGTH), { shape: [...SAMPLE] }))

        for (const [index, output] of received.entries()) {
          const worst = Math.max(...output.map((value, at) => Math.abs(value - (wanted[index * OUTPUTS + at] ?? NaN))))
          assert.ok(output.length === OUTPUTS && worst < 1e-6, `output ${index} is off by ${worst}`)
        }
        assert.deepEqual([single.shape, single.toArray()], [[OUTPUTS], received[0]])
      })
    })

    it('computes the sample that was given, whatever becomes of its memory, and of no former caller', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 4 }, async (engine) => {
        const [former, own, other] = split(samples(3)) as [Float32Array, Float32Array, Float32Array]
        const wanted = await Promise.all([own, other].map((sample) => engine.run(sample)))
        await engine.infer(former)
        const buffer = resizableBuffer(SAMPLE_LENGTH * 4, 8000)
        const shrinking = new Float32Array(buffer)
        shrinking.set(own)
        const transferred = own.slice()
        const reused = own.slice()

        const requests = [shrinking, transferred, reused, other].map((sample) => engine.infer(sample))
        buffer.resize(0)
        detach(transferred)
        reused.fill(1e9)

        const received = await Promise.all(requests)
        const rounded = (output: Float32Array | undefined): number[] => [...(output ?? [])].map((x) => +x.toFixed(5))
        assert.deepEqual(received.map(rounded), [wanted[0], wanted[0], wanted[0], wanted[1]].map(rounded))
        assert.equal(engine.stats().queuedBytes, 0)
      })
    })

    it('rejects a request of this package that lost its sample alone, and counts its bytes out', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 2 }, async (engine) => {
        const [lost, kept] = split(samples(2)) as [Float32Array<ArrayBuffer>, Float32Array]
        const requests = [inferInBatch(engine, lost), inferInBatch(engine, kept)]
        detach(lost)

        const [rejected, computed] = await Promise.allSettled(requests)
        assert.equal(rejected?.status === 'rejected' && (rejected.reason as Error).message, LOST)
        assert.equal(computed?.status, 'fulfilled')
        assert.equal(engine.stats().queuedBytes, 0)
      })
    })

    it('puts what comes in one turn of the event loop into batches of at most maxBatchSize', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 8 }, async (engine) => {
        await Promise.all(split(samples(20)).map((sample) => engine.infer(sample)))

        const { batches, samples: count } = engine.stats()
        assert.deepEqual([batches, count], [3, 20])
      })
    })

    it('waits up to maxDelayMs for others, but not if the batch is full', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 4, maxDelayMs: 40 }, async (engine) => {
        const [one, two, three, four] = split(samples(4)) as [Float32Array, Float32Array, Float32Array, Float32Array]
        const first = engine.infer(one)
        await setImmediate()
        await setImmediate()
        assert.equal(engine.stats().queued, 1)

        await Promise.all([first, engine.infer(two)])
        await Promise.all([engine.infer(one), engine.infer(two), engine.infer(three), engine.infer(four)])

        assert.deepEqual([engine.stats().batches, engine.stats().queued], [2, 0])
      })
    })

    it('serves a higher priority first, and else in order', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 1 }, async (engine) => {
        const [sample] = split(samples(1)) as [Float32Array]
        const order: string[] = []
        const request = async (name: string, options?: InferOptions): Promise<void> => {
          await engine.infer(sample, options)
          order.push(name)
        }

        await Promise.all([
          request('a'),
          request('b', { priority: -1 }),
          request('c', { priority: 5 }),
          request('d'),
          request('e', { priority: 5 }),
        ])

        assert.deepEqual(order, ['c', 'e', 'a', 'd', 'b'])
      })
    })

    it('refuses a request whose deadline passes while it waits, and serves the others', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxDelayMs: 60_000, maxBatchSize: 2 }, async (engine) => {
        const [one, two] = split(samples(2)) as [Float32Array, Float32Array]

        await assert.rejects(engine.infer(one, { deadlineMs: 5 }), DEADLINE)
        await assert.rejects(engine.infer(one, { deadlineMs: 0 }), DEADLINE)
        const outputs = await Promise.all([engine.infer(one, { deadlineMs: 60_000 }), engine.infer(two)])

        assert.deepEqual(
          outputs.map(({ length }) => length),
          [OUTPUTS, OUTPUTS],
        )
        assert.deepEqual([engine.stats().expired, engine.stats().samples], [2, 2])
      })
    })

    it('takes a request back when its signal is aborted, whether it waits or is computed', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 2 }, async (engine) => {
        const [sample] = split(samples(1)) as [Float32Array]
        const reason = new Error('no longer wanted')
        const controllers = Array.from({ length: 5 }, () => new AbortController())
        const busy = occupy(engine)
        const requests = controllers.map(({ signal }) => engine.infer(sample, { signal }))
        const kept = engine.infer(sample)
        // The first two batches are under way then, behind the one that keeps the executor busy.
        await setImmediate()
        await setImmediate()
        const before = engine.stats()

        for (const controller of controllers) controller.abort(reason)

        const results = await Promise.allSettled(requests)
        assert.deepEqual([before.queued, before.running], [2, 3])
        assert.deepEqual(
          results,
          controllers.map(() => ({ status: 'rejected', reason })),
        )
        await assert.rejects(engine.infer(sample, { signal: AbortSignal.abort(reason) }), reason)
        assert.equal((await kept).length, OUTPUTS)
        assert.equal(engine.stats().aborted, 5)
        await busy
      })
    })

    it('refuses requests past maxQueueSize', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxQueueSize: 3 }, async (engine) => {
        const [sample] = split(samples(1)) as [Float32Array]
        const waiting = [1, 2, 3].map(() => engine.infer(sample))

        await assert.rejects(engine.infer(sample), {
          code: 'TORCH_QUEUE_FULL',
          message: "The engine's queue is full: 3 requests are already waiting (maxQueueSize)",
        })

        await Promise.all(waiting)
        assert.equal((await engine.infer(sample)).length, OUTPUTS)
        assert.equal(engine.stats().rejected, 1)
      })
    })

    it('refuses requests past maxQueueBytes', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxQueueBytes: 2000 }, async (engine) => {
        const [sample] = split(samples(1)) as [Float32Array]
        const waiting = [engine.infer(sample), engine.infer(sample)]

        await assert.rejects(engine.infer(sample), {
          code: 'TORCH_QUEUE_FULL',
          message: "The engine's queue is full: 1536 of at most 2000 bytes are already waiting (maxQueueBytes)",
        })

        await Promise.all(waiting)
      })
    })

    const INVALID: readonly [name: string, call: unknown[], message: string][] = [
      [
        'an array of another length',
        [new Float32Array(2 * SAMPLE_LENGTH)],
        'Expected a Float32Array of 192 elements, or a tensor, for sample, received Float32Array of 384 elements',
      ],
      [
        'a negative deadline',
        [samples(1), { deadlineMs: -1 }],
        'Expected a number of at least 0 for deadlineMs, received -1',
      ],
      ['a priority that is no number', [samples(1), { priority: NaN }], 'Expected a number for priority, received NaN'],
      [
        'an unknown option',
        [samples(1), { deadline: 5 }],
        'Expected options among signal, deadlineMs, priority for infer(), received "deadline" (did you mean deadlineMs?)',
      ],
    ]
    for (const [name, call, message] of INVALID) {
      it(`refuses ${name}`, async () => {
        await withEngine(smallModel, { ...OPTIONS, warmup: false }, async (engine) => {
          const infer = engine.infer.bind(engine) as (...args: unknown[]) => Promise<unknown>

          await assert.rejects(infer(...call), { code: 'TORCH_INVALID_ARGUMENT', message })
        })
      })
    }
  })

  describe('inferInBatch()', () => {
    it('gives the output of infer(), and one description for all samples of a batch', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 4 }, async (engine) => {
        const queuedAt = performance.now()
        const batch = split(samples(6))

        const results = await Promise.all(batch.map((sample) => inferInBatch(engine, sample)))

        assert.deepEqual(
          results.map(({ output }) => output),
          await Promise.all(batch.map((sample) => engine.infer(sample))),
        )
        const [first, , , , fifth] = results.map((result) => result.batch)
        assert.deepEqual(
          results.map((result) => result.batch === (result.batch.size === 4 ? first : fifth) && result.batch.size),
          [4, 4, 4, 4, 2, 2],
        )
        for (const { startedAt, computeMs } of [first, fifth] as BatchFacts[]) {
          assert.ok(startedAt >= queuedAt && computeMs > 0 && startedAt + computeMs <= performance.now())
        }
      })
    })

    it('is refused by a closed engine', async () => {
      await withEngine(smallModel, { ...OPTIONS, warmup: false }, async (engine) => {
        await engine.close()

        await assert.rejects(inferInBatch(engine, samples(1)), { code: 'TORCH_ENGINE_CLOSED' })
      })
    })
  })

  describe('observeBatches()', () => {
    it('is told of each batch once, also where all its requests were taken back', async () => {
      await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 2 }, async (engine) => {
        const sizes: number[] = []
        observeBatches(engine, ({ size }) => void sizes.push(size))
        const controller = new AbortController()
        const [one, two, three] = split(samples(3)) as [Float32Array, Float32Array, Float32Array]
        const aborted = [one, two].map((sample) => engine.infer(sample, { signal: controller.signal }))
        const kept = engine.infer(three)
        await setImmediate()
        await setImmediate()

        controller.abort(new Error('no longer wanted'))

        await Promise.allSettled(aborted)
        await kept
        assert.deepEqual(sizes, [2, 1])
      })
    })

    for (const [reason, maxDelayMs, count] of [
      ['full', 40, 2],
      ['delay', 40, 1],
      ['idle', 0, 1],
    ] as const) {
      it(`says that a batch of ${count} with a delay of ${maxDelayMs} ms began for the reason ${reason}`, async () => {
        await withEngine(smallModel, { ...OPTIONS, maxBatchSize: 2, maxDelayMs }, async (engine) => {
          const batches: BatchFacts[] = []
          observeBatches(engine, (batch) => void batches.push(batch))

          await Promise.all(split(samples(count)).map((sample) => engine.infer(sample)))

          const oldestWaitMs = batches[0]?.oldestWaitMs ?? NaN
          assert.deepEqual(
            batches.map((batch) => batch.reason),
            [reason],
          )
          // Timers of Node may be a millisecond early.
          assert.ok(oldestWaitMs >= (reason === 'delay' ? maxDelayMs - 2 : 0), String(oldestWaitMs))
        })
      })
    }
  })
})
