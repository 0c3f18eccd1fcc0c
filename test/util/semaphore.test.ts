import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'

import { Semaphore } from '../../lib/util/semaphore.js'

describe('Semaphore', () => {
  describe('use()', () => {
    it('runs as many tasks at a time as it was made for, and the others when one of them has settled', async () => {
      const semaphore = new Semaphore(2)
      const tasks = [gate(), gate(), gate()]
      const started: number[] = []

      const done = tasks.map(({ opened }, i) => semaphore.use(() => (started.push(i), opened)))
      await setImmediate()
      const before = [...started]
      tasks[1]?.open()
      await setImmediate()
      const after = [...started]
      for (const { open } of tasks) open()
      await Promise.all(done)

      assert.deepEqual({ before, after }, { before: [0, 1], after: [0, 1, 2] })
    })

    it('lets waiting tasks in in the order in which they came, before one that comes later', async () => {
      const semaphore = new Semaphore(1)
      const first = gate()
      const started: string[] = []
      const run = (name: string, body = Promise.resolve()): Promise<unknown> =>
        semaphore.use(() => (started.push(name), body))

      const one = run('first', first.opened)
      const others = [run('second'), run('third')]
      first.open()
      await one
      others.push(run('fourth'))
      await Promise.all(others)

      assert.deepEqual(started, ['first', 'second', 'third', 'fourth'])
    })

    it('gives what the task gives', async () => {
      assert.equal(await new Semaphore(1).use(() => Promise.resolve('result')), 'result')
    })

    it('passes its permit on when the task fails', async () => {
      const semaphore = new Semaphore(1)

      await assert.rejects(
        semaphore.use(() => Promise.reject(new Error('task failed'))),
        { message: 'task failed' },
      )
      await assert.rejects(
        semaphore.use(() => {
          throw new Error('task threw')
        }),
        { message: 'task threw' },
      )

      assert.equal(await semaphore.use(() => Promise.resolve('next')), 'next')
    })
  })
})

/** A promise that is resolved from outside. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}
