import assert from 'node:assert/strict'

import { writeJson } from '../../../lib/cli/output/json.js'

function written(value: unknown): string[] {
  const pieces: string[] = []
  writeJson(value, (text) => pieces.push(text))
  return pieces
}

describe('writeJson()', () => {
  const values: readonly unknown[] = [
    1, NaN, null, 'a "b"\n', [], {}, [[], {}], { a: undefined, b: [undefined, 'x'], c: { d: [true, null] } },
    { date: new Date(0), nested: [{ 'k\ud800': 1e21 }] }, [['a'], [{ b: [] }]],
  ] // prettier-ignore
  for (const value of values) {
    it(`writes ${JSON.stringify(value)} as JSON.stringify does`, () => {
      assert.equal(written(value).join(''), `${JSON.stringify(value, null, 2)}\n`)
    })
  }

  it('writes lists of numbers in one line', () => {
    assert.equal(written({ shape: [2, -0.5, 1e-9] }).join(''), '{\n  "shape": [2, -0.5, 1e-9]\n}\n')
  })

  it('writes a long list in pieces', () => {
    const list = Array.from({ length: 20_000 }, (_, index) => ({ key: `k${index}` }))
    const pieces = written(list)

    assert.ok(pieces.length > 5 && pieces.every((piece) => piece.length < 2 ** 17))
    assert.deepEqual(JSON.parse(pieces.join('')), list)
  })
})
