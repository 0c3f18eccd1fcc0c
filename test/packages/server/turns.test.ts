import assert from 'node:assert/strict'

import { Turns } from '../../../packages/server/lib/turns.js'

/** Longer than a turn may be. */
function work(): void {
  const end = performance.now() + 6
  while (performance.now() < end);
}

describe('Turns', () => {
  it('lets the event loop go on after long work', async () => {
    let hasTurned = false
    setImmediate(() => (hasTurned = true))
    const turns = new Turns()

    work()
    await turns.next()

    assert.ok(hasTurned)
  })

  it('does not wait after short work', async () => {
    let hasTurned = false
    const turns = new Turns()
    work()
    await turns.next()
    setImmediate(() => (hasTurned = true))

    await turns.next()

    assert.ok(!hasTurned)
  })
})
