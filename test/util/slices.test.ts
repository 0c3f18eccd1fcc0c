import assert from 'node:assert/strict'

import { finish, Slices, type Pieces } from '../../lib/util/slices.js'

/** Keeps the thread for some ms in each of three pieces, and notes in which turn of the event loop each was done. */
function* threePieces(turns: number[], turnOf: () => number): Pieces<string> {
  for (let piece = 0; piece < 3; piece++) {
    const start = performance.now()
    while (performance.now() - start < 6) Math.sqrt(start)
    turns.push(turnOf())
    yield
  }
  return 'done'
}

/** Counts turns of the event loop while `body` runs. */
async function withTurns<T>(body: (turnOf: () => number) => Promise<T>): Promise<T> {
  let turn = 0
  let timer: NodeJS.Immediate
  const count = (): void => {
    turn++
    timer = setImmediate(count)
  }
  timer = setImmediate(count)
  try {
    return await body(() => turn)
  } finally {
    clearImmediate(timer)
  }
}

describe('Slices', () => {
  it('does work piece by piece, each long one in a turn of the event loop of its own', async () => {
    const turns: number[] = []

    const result = await withTurns((turnOf) => new Slices().run(threePieces(turns, turnOf)))

    assert.equal(result, 'done')
    assert.equal(new Set(turns).size, 3, String(turns))
  })

  it('does short pieces in one turn', async () => {
    const turns: number[] = []

    await withTurns(async (turnOf) => {
      const slices = new Slices()
      for (let piece = 0; piece < 3; piece++) {
        await slices.next()
        turns.push(turnOf())
      }
    })

    assert.deepEqual(turns, [0, 0, 0])
  })

  it('rejects with the reason of its signal between two pieces', async () => {
    const controller = new AbortController()
    let pieces = 0
    const work = function* (): Pieces<void> {
      for (;;) {
        if (++pieces === 2) controller.abort(new Error('stop'))
        yield
      }
    }

    await assert.rejects(new Slices(controller.signal).run(work()), { message: 'stop' })
    assert.equal(pieces, 2)
  })

  it('passes on what a piece throws', async () => {
    const work = function* (): Pieces<void> {
      yield
      throw new RangeError('no')
    }

    await assert.rejects(new Slices().run(work()), RangeError)
  })
})

describe('finish()', () => {
  it('does all pieces in the turn of the caller', async () => {
    const turns: number[] = []

    const result = await withTurns((turnOf) => Promise.resolve(finish(threePieces(turns, turnOf))))

    assert.equal(result, 'done')
    assert.deepEqual(turns, [0, 0, 0])
  })
})
