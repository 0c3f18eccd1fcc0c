import assert from 'node:assert/strict'

import { finish, inPieces, Slices, type Pieces } from '../../lib/util/slices.js'

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

  it('rejects with the reason of its signal between two pieces, which end and release what they hold', async () => {
    const controller = new AbortController()
    let pieces = 0
    let isReleased = false
    const work = function* (): Pieces<void> {
      try {
        for (;;) {
          if (++pieces === 2) controller.abort(new Error('stop'))
          yield
        }
      } finally {
        isReleased = true
      }
    }

    await assert.rejects(new Slices(controller.signal).run(work()), { message: 'stop' })
    assert.deepEqual([pieces, isReleased], [2, true])
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

describe('inPieces()', () => {
  const boundsOf = (shape: readonly number[]): number[][] => {
    const bounds: number[][] = []
    const numel = shape.reduce((product, size) => product * size, 1)
    finish(inPieces({ shape, numel }, (start, end) => bounds.push([start, end])))
    return bounds
  }

  it('cuts a tensor along its first dimension into pieces of fewer than 32,768 elements', () => {
    assert.deepEqual(boundsOf([5, 16_000]), [
      [0, 2],
      [2, 4],
      [4, 5],
    ])
  })

  it('gives rows that are larger by themselves, and small tensors and scalars as a whole', () => {
    assert.deepEqual(boundsOf([2, 40_000]), [
      [0, 1],
      [1, 2],
    ])
    assert.deepEqual(boundsOf([3, 4]), [[0, 3]])
    assert.deepEqual(boundsOf([]), [[0, 1]])
    assert.deepEqual(boundsOf([0, 4]), [])
  })
})
